/* SPDX-License-Identifier: MIT
 *
 * Products whose right operand is an ordinary matrix, in float or on bfloat16.
 */
#ifndef VIT158_TRAIN_MULTIPLY_H
#define VIT158_TRAIN_MULTIPLY_H

#include "train/compute.h"

/* Runs p with b = x [depth][cols], or with b = x' for x [cols][depth]; p->b and p->ldb are set
 * here. half: on bfloat16, for which one of a's strides is 1. scratch:
 * vit158_train_multiply_scratch floats. */
void vit158_train_multiply(const vit158_train_compute *compute, bool half, vit158_train_product *p,
                           const float *x, bool transposed, float *scratch);

size_t vit158_train_multiply_scratch(size_t rows, size_t cols, size_t depth);

#endif
