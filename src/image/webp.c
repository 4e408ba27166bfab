/* SPDX-License-Identifier: MIT
 *
 * The only file that calls libwebp. Its fast and its plain code give the same pixels, so the native
 * build (Debian's library) and the wasm module (built from its source) agree.
 */
#include "image/webp.h"

#include <webp/decode.h>

#include "base/error.h"
#include "image/webp_check.h"

/* Bytes that libwebp and our result hold for each pixel. Colours: 3. Lossless besides: 4 for the
 * pixels before they become colours, up to 1 for transforms and the map of Huffman tables (a word
 * for 4 x 4 pixels, three times). Lossy: rows only. Alpha: a plane, and its own lossless image. */
#define RESULT_BYTES 3
#define LOSSLESS_BYTES 5
#define ALPHA_BYTES 6
/* For each column: the rows that a lossy image has in work, the 16 rows of a lossless one and more.
 */
#define COLUMN_BYTES 128

#define FORMAT_LOSSY 1 /* of WebPBitstreamFeatures */

static vit158_status failed(VP8StatusCode status, vit158_error *error)
{
    switch (status) {
    case VP8_STATUS_OUT_OF_MEMORY:
        return vit158_fail(error, VIT158_E_MEMORY, "WebP: no memory left to decode it");
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
        return vit158_fail(error, VIT158_E_TRUNCATED, "WebP: the file ends before its image does");
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        return vit158_fail(error, VIT158_E_UNSUPPORTED, "WebP: a kind that libwebp does not read");
    default:
        return vit158_fail(error, VIT158_E_IMAGE, "WebP: damaged data");
    }
}

static uint64_t memory_of(const WebPBitstreamFeatures *image, uint32_t width, uint32_t height)
{
    const uint64_t n = (uint64_t)image->width * (uint64_t)image->height;
    uint64_t each = image->format == FORMAT_LOSSY ? 0 : LOSSLESS_BYTES;
    if (image->format == FORMAT_LOSSY && image->has_alpha)
        each = ALPHA_BYTES;
    return (uint64_t)width * height * RESULT_BYTES + n * each +
           (uint64_t)image->width * COLUMN_BYTES;
}

vit158_status vit158_webp_decode(vit158_decoded *out, const uint8_t *bytes, size_t n_bytes,
                                 size_t max_bytes, vit158_error *error)
{
    vit158_webp_info info;
    VIT158_RETURN_IF_ERROR(vit158_webp_check(&info, bytes, n_bytes, error));
    WebPDecoderConfig config;
    /* UNREACHABLE: needs another libwebp than at build time. */
    if (!WebPInitDecoderConfig(&config))
        return vit158_fail(error, VIT158_E_UNSUPPORTED, "WebP: another libwebp than at build time");
    const VP8StatusCode found = WebPGetFeatures(info.image, info.image_bytes, &config.input);
    if (found != VP8_STATUS_OK)
        return failed(found, error);
    const uint32_t width = (uint32_t)config.input.width, height = (uint32_t)config.input.height;
    if (info.image_width == 0) { /* a still image is its canvas */
        info.width = info.image_width = width;
        info.height = info.image_height = height;
    }
    if (width != info.image_width || height != info.image_height)
        return vit158_fail(error, VIT158_E_IMAGE,
                           "WebP: a frame of %u x %u pixels holds an image of %u x %u",
                           info.image_width, info.image_height, width, height);
    const uint64_t needed = memory_of(&config.input, info.width, info.height);
    VIT158_RETURN_IF_ERROR(vit158_decoded_fits(needed, max_bytes, info.width, info.height, error));

    const size_t row_bytes = (size_t)info.width * RESULT_BYTES, size = row_bytes * info.height;
    uint8_t *data = vit158_block_alloc(size);
    if (data == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "WebP: no memory for %u x %u pixels", info.width,
                           info.height);
    *out = (vit158_decoded){info.width, info.height, RESULT_BYTES, data};
    const size_t place = info.y * row_bytes + (size_t)info.x * RESULT_BYTES;
    config.output.colorspace = MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA = (WebPRGBABuffer){data + place, (int)row_bytes, size - place};
    const VP8StatusCode status = WebPDecode(info.image, info.image_bytes, &config);
    if (status != VP8_STATUS_OK)
        return failed(status, error);
    return vit158_decoded_turn(out, info.orientation, error);
}
