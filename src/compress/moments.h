/* SPDX-License-Identifier: MIT
 *
 * What rounding a layer needs to know of its inputs: H = sum of x x^T over the tokens of the
 * calibration images, x the input in the quantized network, and C = sum of f x^T with f the input
 * in the float network. Sums do not depend on the number of threads.
 */
#ifndef VIT158_COMPRESS_MOMENTS_H
#define VIT158_COMPRESS_MOMENTS_H

#include "base/parallel.h"
#include "train/compute.h"
#include "vit158.h"

typedef struct vit158_moments {
    uint32_t n;
    float *h;     /* [n][n]; whole after vit158_moments_finish */
    float *cross; /* [n][n]: C, row of f, column of x; NULL if not wanted */
    float *sum;   /* [n] of x */
    double rows;  /* tokens */
} vit158_moments;

vit158_status vit158_moments_create(vit158_moments *moments, uint32_t n, bool cross,
                                    vit158_error *error);
void vit158_moments_free(vit158_moments *moments);

/* Adds `rows` tokens: x and f (NULL without C) are [rows][n]. */
void vit158_moments_add(vit158_moments *moments, const vit158_train_compute *compute,
                        vit158_pool *pool, const float *x, const float *f, uint32_t rows);

/* Copies the upper half of H to the lower. */
void vit158_moments_finish(vit158_moments *moments);

#endif
