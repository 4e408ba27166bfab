/* SPDX-License-Identifier: MIT
 *
 * Weights to trits, and trits to codes (coding.h has their layout): the one place that knows
 * METHODS.md 1.2's weight quantizer. Trainer, packer and reader all call it.
 */
#ifndef VIT158_MODEL_TERNARY_H
#define VIT158_MODEL_TERNARY_H

#include "base/coding.h"

/* m = max(mean |w|, 1e-5) over the whole matrix w [n_out][n_in]. Double sums: each row by itself,
 * rows added in order; rounded to float once. */
float vit158_absmean(const float *w, uint32_t n_out, uint32_t n_in);

/* u = clamp(rne(w * (1 / m)), -1, 1) for n weights. */
void vit158_ternarize(int8_t *u, const float *w, size_t n, float m);

/* Ternary weights for a matrix that was not trained to be ternary (Li and Liu 2016, ternary weight
 * networks; METHODS.md 7: a third less squared error than absmean on normal weights): u is the sign
 * of w where |w| > 0.7 mean |w|, else 0. Returns the scale, the mean |w| where u is not 0, at least
 * 1e-5. */
float vit158_ternarize_untrained(int8_t *u, const float *w, uint32_t n_out, uint32_t n_in);

/* Whether w is ternary already: all values that are not 0 have one magnitude, or one in each row.
 * Then u are the trits, scale[0] is that magnitude, or scale[0 .. n_out - 1] are the rows' (1 for a
 * row of zeros), and the result is how many scales there are; else 0. */
uint32_t vit158_find_trits(int8_t *u, float *scale, const float *w, uint32_t n_out, uint32_t n_in);

/* Packs u [n_rows][n_in] in {-1, 0, 1} into codes (vit158_trit_bytes bytes). */
void vit158_pack_trits(uint8_t *codes, const int8_t *u, uint32_t n_rows, uint32_t n_in);

/* The inverse; codes must be < 243. */
void vit158_unpack_trits(int8_t *u, const uint8_t *codes, uint32_t n_rows, uint32_t n_in);

#endif
