/* SPDX-License-Identifier: MIT
 *
 * vit158_image_decode of vit158-webp.wasm, which reads WebP and nothing else (decode.c reads the
 * rest).
 */
#include "base/error.h"
#include "image/webp.h"
#include "image/webp_check.h"

vit158_status vit158_image_decode(vit158_image *out, const void *bytes, size_t n_bytes,
                                  size_t max_bytes, vit158_error *error)
{
    if (!vit158_is_webp(bytes, n_bytes))
        return vit158_fail(error, VIT158_E_FORMAT, "image: no WebP file");
    vit158_decoded image = {0};
    vit158_error found = {0};
    const vit158_status status =
        vit158_webp_decode(&image, bytes, n_bytes, vit158_decoded_limit(max_bytes), &found);
    return vit158_decoded_finish(out, &image, status, &found, error);
}
