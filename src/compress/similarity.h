/* SPDX-License-Identifier: MIT
 *
 * How near a quantized output is to the float one (METHODS.md 2.6): Pearson's correlation and gain,
 * and how well the order of attention scores is kept.
 */
#ifndef VIT158_COMPRESS_SIMILARITY_H
#define VIT158_COMPRESS_SIMILARITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct vit158_sums {
    double count, x, y, xx, yy, xy;
} vit158_sums;

/* Adds elements of the float output x and the quantized one y. */
void vit158_sums_add(vit158_sums *sums, const float *x, const float *y, size_t count);

/* Pearson's correlation; 1 if x does not vary and y neither, 0 if one of them does. */
double vit158_sums_pearson(const vit158_sums *sums);

/* <y, x> / <x, x>: 1 where the quantized output is neither larger nor smaller. */
double vit158_sums_gain(const vit158_sums *sums);

/* Of a row of scores x and its quantized twin y, over the pairs i < j: the sum of
 * max(0, theta - (y_i - y_j) sign(x_i - x_j)), and how many pairs y has in x's order, less how many
 * it has the other way round. Strides in floats. */
typedef struct vit158_ranking {
    double loss;
    double pairs;
    double order; /* order / pairs is Kendall's tau */
} vit158_ranking;

void vit158_ranking_add(vit158_ranking *ranking, const float *x, const float *y, uint32_t n,
                        size_t stride, double theta, float *scratch);

/* Floats of scratch for a row of n scores. */
static inline size_t vit158_ranking_scratch(uint32_t n)
{
    return (size_t)2 * n;
}

/* Standard deviation of a row. */
double vit158_row_deviation(const float *x, uint32_t n, size_t stride);

#endif
