/* SPDX-License-Identifier: MIT
 *
 * The exports of vit158-decode.wasm and vit158-webp.wasm: vit158_image_decode flattened for
 * web/lib/decoder.js, the only caller. A context holds the last error and at most one image.
 * Exported too: malloc and free, for the encoded bytes.
 */
#ifndef VIT158_WASM_DECODE_ABI_H
#define VIT158_WASM_DECODE_ABI_H

#include "vit158.h"

typedef struct vit158_decode vit158_decode;

/* NULL if memory is short. */
vit158_decode *vit158_decode_open(void);

/* Decodes a file (JPEG or PNG; WebP) in place of the image there was. Returns a vit158_status;
 * `bytes` stays the caller's. */
uint32_t vit158_decode_run(vit158_decode *context, const uint8_t *bytes, uint32_t n_bytes);

/* The image, as five words: width, height, pixels, row_bytes, data. */
const vit158_image *vit158_decode_image(const vit158_decode *context);

/* Frees the image. */
void vit158_decode_clear(vit158_decode *context);

const char *vit158_decode_message(const vit158_decode *context);

#endif
