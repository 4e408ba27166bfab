/* SPDX-License-Identifier: MIT
 *
 * EXIF 2.3 (CIPA DC-008) sections 4.5.2 and 4.6.4: TIFF header, IFD 0, tag 274.
 */
#include "image/exif.h"

#include <stdbool.h>

#include "base/bytes.h"

#define TAG_ORIENTATION 0x0112
#define TYPE_SHORT 3
#define TYPE_LONG 4

uint32_t vit158_exif_orientation(const uint8_t *tiff, size_t n_bytes)
{
    vit158_bytes in = vit158_bytes_over(tiff, n_bytes);
    const uint16_t order = vit158_bytes_u16(&in, true);
    if (in.failed || (order != 0x4949 && order != 0x4D4D))
        return 1;
    const bool big_endian = order == 0x4D4D;
    if (vit158_bytes_u16(&in, big_endian) != 42)
        return 1;
    const uint32_t ifd = vit158_bytes_u32(&in, big_endian);
    if (in.failed || ifd > n_bytes)
        return 1;
    in.position = ifd;
    const uint32_t n_entries = vit158_bytes_u16(&in, big_endian);
    for (uint32_t i = 0; i < n_entries && !in.failed; i++) {
        const uint32_t tag = vit158_bytes_u16(&in, big_endian);
        const uint32_t type = vit158_bytes_u16(&in, big_endian);
        const uint32_t count = vit158_bytes_u32(&in, big_endian);
        vit158_bytes value = in; /* four bytes, a SHORT in the first two */
        vit158_bytes_take(&in, 4);
        if (tag != TAG_ORIENTATION || in.failed)
            continue;
        uint32_t orientation = 0;
        if (type == TYPE_SHORT && count == 1)
            orientation = vit158_bytes_u16(&value, big_endian);
        else if (type == TYPE_LONG && count == 1)
            orientation = vit158_bytes_u32(&value, big_endian);
        return orientation >= 1 && orientation <= 8 ? orientation : 1;
    }
    return 1;
}
