/* SPDX-License-Identifier: MIT
 *
 * Logits to ranked probabilities.
 */
#ifndef VIT158_PREDICT_TOP_K_H
#define VIT158_PREDICT_TOP_K_H

#include "vit158.h"

/* Writes the min(k, n) classes with the largest logits, best first, ties by lower index, with their
 * softmax probabilities e_i / total, e_i = vit158_exp(logit_i - max), total in double. Returns how
 * many. Logits must be finite; n >= 1. */
uint32_t vit158_top_k(vit158_prediction *out, uint32_t k, const float *logits, uint32_t n);

#endif
