/* SPDX-License-Identifier: MIT
 *
 * Names of one instruction set's copy of the arithmetic. The sources of compute.h's functions are
 * compiled once per set with VIT158_TRAIN_ISA defined to generic, avx2,
 * avx512 or avx512bf16.
 */
#ifndef VIT158_TRAIN_ISA_H
#define VIT158_TRAIN_ISA_H

#include "train/compute.h"

#define VIT158_TRAIN_JOIN_(name, isa) vit158_train_##name##_##isa
#define VIT158_TRAIN_JOIN(name, isa) VIT158_TRAIN_JOIN_(name, isa)
#define ISA(name) VIT158_TRAIN_JOIN(name, VIT158_TRAIN_ISA)

/* AVX2's byte products saturate beyond 2^15, which u + 1 cannot reach but q + 128 can. */
#if defined(VIT158_TRAIN_IS_AVX2)
#define VIT158_TRAIN_NARROW_GRADIENTS false
#else
#define VIT158_TRAIN_NARROW_GRADIENTS true
#endif

/* c[VIT158_TRAIN_TILE_ROWS][VIT158_TRAIN_TILE_COLS] = sum over steps of a's word (row, step) times
 * b's panel words; a in words of 32 bits at a[row * a_row + step * a_step]. bf16: two products a
 * word, sums in float, only where half_product is. u8s8: four products a word, b unsigned (0..2
 * where narrow_gradients is false), a signed; s16: two products. */
void ISA(tile_u8s8)(int32_t *c, const void *a, size_t a_row, size_t a_step, const uint32_t *b,
                    size_t steps);
void ISA(tile_s16)(int32_t *c, const void *a, size_t a_row, size_t a_step, const uint32_t *b,
                   size_t steps);
void ISA(tile_bf16)(float *c, const void *a, size_t a_row, size_t a_step, const uint32_t *b,
                    size_t steps);

void ISA(product)(const vit158_train_product *p);
void ISA(half_product)(const vit158_train_product *p, size_t b_row, size_t b_col, void *scratch);
void ISA(pack)(float *panels, const float *b, size_t b_row, size_t b_col, uint32_t depth,
               uint32_t cols);
void ISA(pack_trits)(vit158_train_trits *w, const int8_t *u);
void ISA(trit_product)(const vit158_train_trit_product *p);
void ISA(trit_gradient)(const vit158_train_trit_gradient *p);
void ISA(norm_rows)(const vit158_train_norm_rows *p);
void ISA(norm_gradient)(const vit158_train_norm_gradient *p);
void ISA(attention)(const vit158_train_attention *p);
void ISA(attention_gradient)(const vit158_train_attention *p);
void ISA(column_sums)(float *y, const float *x, size_t ldx, uint32_t rows, uint32_t cols,
                      float factor);

#endif
