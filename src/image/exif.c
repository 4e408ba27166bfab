/* SPDX-License-Identifier: MIT
 *
 * EXIF 2.3 (CIPA DC-008) sections 4.5.2 and 4.6.4: TIFF header, IFD 0, tag 274.
 */
#include "image/exif.h"

#include <assert.h>
#include <string.h>

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

static void swap_pixels(uint8_t *a, uint8_t *b, uint32_t pixels)
{
    for (uint32_t c = 0; c < pixels; c++) {
        const uint8_t kept = a[c];
        a[c] = b[c];
        b[c] = kept;
    }
}

static void mirror_rows(uint8_t *data, uint32_t width, uint32_t height, uint32_t pixels)
{
    for (uint32_t y = 0; y < height; y++) {
        uint8_t *row = data + (size_t)y * width * pixels;
        for (uint32_t x = 0; x < width / 2; x++)
            swap_pixels(row + (size_t)x * pixels, row + (size_t)(width - 1 - x) * pixels, pixels);
    }
}

static void flip(uint8_t *data, uint32_t width, uint32_t height, uint32_t pixels)
{
    const size_t row_bytes = (size_t)width * pixels;
    for (uint32_t y = 0; y < height / 2; y++) {
        uint8_t *top = data + y * row_bytes;
        uint8_t *bottom = data + (height - 1 - y) * row_bytes;
        for (size_t i = 0; i < row_bytes; i++) {
            const uint8_t kept = top[i];
            top[i] = bottom[i];
            bottom[i] = kept;
        }
    }
}

void vit158_orient(uint8_t *out, const uint8_t *in, uint32_t width, uint32_t height,
                   uint32_t pixels, uint32_t orientation)
{
    if (!vit158_orientation_swaps(orientation)) {
        assert(out == in);
        if (orientation == 2 || orientation == 3)
            mirror_rows(out, width, height, pixels);
        if (orientation == 3 || orientation == 4)
            flip(out, width, height, pixels);
        return;
    }
    /* Upright pixel (x, y) is stored at (column y, row x), counted from the far end of the columns
     * in orientations 7 and 8 and of the rows in 6 and 7. */
    assert(out != in);
    for (uint32_t y = 0; y < width; y++) {
        const uint32_t column = orientation >= 7 ? width - 1 - y : y;
        for (uint32_t x = 0; x < height; x++) {
            const uint32_t row = orientation == 6 || orientation == 7 ? height - 1 - x : x;
            const uint8_t *from = in + ((size_t)row * width + column) * pixels;
            uint8_t *to = out + ((size_t)y * height + x) * pixels;
            for (uint32_t c = 0; c < pixels; c++)
                to[c] = from[c];
        }
    }
}
