/* SPDX-License-Identifier: MIT
 *
 * stb_image behind a wall: bounded memory, no exit, and only bytes that were checked before
 * (png_check.h, jpeg_check.h), because stb_image 2.27 trusts some of what it reads.
 *
 * All memory comes zeroed, so that pixels which damaged data leave out are 0 in every build.
 */
#ifndef VIT158_IMAGE_STB_H
#define VIT158_IMAGE_STB_H

#include "image/decoded.h"
#include "image/png_check.h"

/* Decodes a file that vit158_jpeg_check accepted. At most max_bytes are in use at any time. */
vit158_status vit158_stb_jpeg(vit158_decoded *out, const uint8_t *bytes, size_t n_bytes,
                              uint32_t components, size_t max_bytes, vit158_error *error);

/* Decodes a file that vit158_png_check accepted. stb_image is shown IHDR, all image data in one
 * IDAT, and IEND. Palette images come out as indices (1 channel), 16-bit samples as their high
 * bytes. */
vit158_status vit158_stb_png(vit158_decoded *out, const uint8_t *bytes, const vit158_png_info *info,
                             size_t max_bytes, vit158_error *error);

/* stb_image takes the end of a stream for damage unless so many bytes follow it. */
#define VIT158_INFLATE_PAD 4U

/* Inflates a raw deflate stream (RFC 1951) that must give n_bytes bytes exactly. in_bytes without
 * the VIT158_INFLATE_PAD bytes of any value behind them; both at most 1 GiB. */
bool vit158_stb_inflate(uint8_t *out, size_t n_bytes, const uint8_t *in, size_t in_bytes);

#endif
