/* SPDX-License-Identifier: MIT
 *
 * PTQ-ViT from calibration streams to rounded matrices: bits of each module, steps, biases, and how
 * near the simulated network comes to the float one.
 *
 * What files can hold is stored exactly: weights of 4 bits as three ternary rows an output, of 5
 * and 6 as four, of 7 and 8 as int8; input steps where inputs have 8 bits. Inputs of fewer bits,
 * and quantized operands of the attention products, are only simulated.
 */
#ifndef VIT158_COMPRESS_PTQ_RUN_H
#define VIT158_COMPRESS_PTQ_RUN_H

#include "compress/omega.h"

typedef struct vit158_ptq_outcome {
    vit158_ptq ptq;
    vit158_omega *omegas; /* [depth][VIT158_PTQ_MODULES], NULL without a budget */
    double predicted;     /* sum of the choice's omegas */
} vit158_ptq_outcome;

void vit158_ptq_outcome_free(vit158_ptq_outcome *outcome);

/* Ternary rows an output for weights of so many bits, 0: int8. */
uint32_t vit158_ptq_rows(uint32_t bits);

/* Bytes of a matrix of so many bits in a file, scales included. */
uint64_t vit158_ptq_matrix_bytes(uint32_t n_out, uint32_t n_in, uint32_t bits);

/* Chooses the bits of all modules: the least sum of omegas within `bytes` for all matrices,
 * exactly. Errors: VIT158_E_ARGUMENT (all at the fewest bits are above it), VIT158_E_MEMORY. */
vit158_status vit158_ptq_choose_bits(vit158_ptq_outcome *outcome, uint64_t n_bytes,
                                     vit158_error *error);

/* Steps and biases of all blocks, for images 0 .. settings.images - 1 of `known`, of which the
 * first `learned` calibrate; some of the others are measured on. Errors: those of capturing and
 * searching, VIT158_E_ABORTED. */
vit158_status vit158_ptq_find_all(vit158_ptq *ptq, const vit158_model *model,
                                  const vit158_streams *known, uint32_t learned, vit158_pool *pool,
                                  vit158_quantizer_hook hook, void *context, vit158_error *error);

/* A matrix as it is stored; `m` has its memory. */
void vit158_ptq_store(vit158_rounded *m, const vit158_ptq *ptq, uint32_t block, uint32_t kind);

/* Logits [C] of the float and of the simulated network for image `image`. */
typedef void (*vit158_ptq_judge)(void *context, uint32_t image, const float *expected,
                                 const float *found);

/* Calls `judge` for images first .. first + count - 1 in order. `known` and `rounded` are streams
 * of `model` and of the network that ptq was made of. */
vit158_status vit158_ptq_compare(const vit158_ptq *ptq, const vit158_model *model,
                                 const vit158_streams *known, const vit158_streams *rounded,
                                 uint32_t first, uint32_t count, vit158_pool *pool,
                                 vit158_ptq_judge judge, void *context, vit158_error *error);

#endif
