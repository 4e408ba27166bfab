/* SPDX-License-Identifier: MIT
 *
 * The weights of a model on their way from a file into memory: bytes come in pieces of any size in
 * file order, each tensor goes to its own aligned place, is widened if it is F16 or BF16, and is
 * checked. With the file's length known there is one block for all; without, each tensor gets
 * memory as its bytes come, never more than twice what has arrived plus 64 kB.
 */
#ifndef VIT158_MODEL_WEIGHTS_H
#define VIT158_MODEL_WEIGHTS_H

#include <stdbool.h>

#include "model/layout.h"

typedef struct vit158_weights {
    const vit158_header *header;
    const vit158_layout *layout;
    bool growing;   /* the file's length is not known */
    uint8_t **data; /* [tensor_count] where each tensor lies; owned array */
    void **pieces;  /* [piece_count] owned blocks that data points into; owned array */
    uint32_t piece_count;
    uint64_t taken;   /* bytes of data so far */
    uint32_t current; /* tensor that the next byte belongs to */
    uint64_t at;      /* bytes of it taken */
    size_t capacity;  /* growing: bytes of memory the current tensor has */
    uint8_t carry;    /* first byte of a 16-bit value whose second has not come */
    /* Of the current tensor: */
    uint32_t width; /* bytes of an element; 2 are widened to 4 */
    bool brain;     /* the 2 bytes are BF16 */
    bool positive;  /* values must be above 0 */
    bool counts;    /* of rows, of the matrix `linear` of `block` */
    uint32_t block;
    uint32_t linear;
    const vit158_stored_type *type; /* whose rule its bytes keep; NULL: floats */
} vit158_weights;

/* Plans the places of all tensors of a header that vit158_layout_read has accepted. On failure and
 * after success alike the caller ends it with vit158_weights_clear. Errors: VIT158_E_MEMORY. */
vit158_status vit158_weights_plan(vit158_weights *out, const vit158_header *header,
                                  const vit158_layout *layout, bool growing, vit158_error *error);

/* Takes the next bytes of data, not beyond the last tensor's end.
 * Errors: VIT158_E_VALUE, VIT158_E_MEMORY. */
vit158_status vit158_weights_take(vit158_weights *weights, const uint8_t *bytes, size_t n_bytes,
                                  vit158_error *error);

/* After the last byte: int8 patch, head and positions become F32, each row times its scale.
 * Errors: VIT158_E_MEMORY. */
vit158_status vit158_weights_finish(vit158_weights *weights, vit158_error *error);

/* Bytes that the tensors occupy in memory. */
uint64_t vit158_weights_bytes(const vit158_header *header);

void vit158_weights_clear(vit158_weights *weights);

#endif
