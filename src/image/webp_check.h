/* SPDX-License-Identifier: MIT
 *
 * The container of a WebP file: where its image is, and how large it becomes. What is inside the
 * image's own chunks is libwebp's matter (webp.h).
 */
#ifndef VIT158_IMAGE_WEBP_CHECK_H
#define VIT158_IMAGE_WEBP_CHECK_H

#include <stdbool.h>
#include <string.h>

#include "vit158.h"

typedef struct vit158_webp_info {
    uint32_t width; /* of the canvas; 0 until libwebp has looked at a still image */
    uint32_t height;
    uint32_t x; /* where on the canvas the image is: 0, 0 but for the first frame of an animation */
    uint32_t y;
    uint32_t image_width; /* of that frame; 0 for a still image */
    uint32_t image_height;
    const uint8_t *image; /* what libwebp decodes: the whole file, or the frame's chunks */
    size_t image_bytes;
    uint32_t orientation; /* EXIF, 1 to 8 */
} vit158_webp_info;

/* Whether the bytes begin as a WebP file does. */
static inline bool vit158_is_webp(const uint8_t *bytes, size_t n_bytes)
{
    return n_bytes >= 12 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0;
}

/* Walks through the chunks of a file for which vit158_is_webp holds. An animation gives its first
 * frame, which lies on a canvas of black (transparent) pixels. Fails with E_TRUNCATED, E_IMAGE or
 * E_LIMIT. Chunks: https://developers.google.com/speed/webp/docs/riff_container */
vit158_status vit158_webp_check(vit158_webp_info *out, const uint8_t *bytes, size_t n_bytes,
                                vit158_error *error);

#endif
