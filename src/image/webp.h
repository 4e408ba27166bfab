/* SPDX-License-Identifier: MIT
 *
 * WebP images by libwebp: lossy, lossless, with alpha, and the first frame of animations.
 */
#ifndef VIT158_IMAGE_WEBP_H
#define VIT158_IMAGE_WEBP_H

#include "image/decoded.h"

/* Decodes a file for which vit158_is_webp holds: upright, 3 channels. What the pixels need must fit
 * max_bytes, which is known from the file's head; a lossless image may need up to 1.3 GB more for
 * its Huffman tables, 20 kB for each of at most 65,536 sets that the file holds, since libwebp
 * takes its memory by itself. Fails as vit158_image_decode does. */
vit158_status vit158_webp_decode(vit158_decoded *out, const uint8_t *bytes, size_t n_bytes,
                                 size_t max_bytes, vit158_error *error);

#endif
