/* SPDX-License-Identifier: MIT
 *
 * Levels that an output's weights may take: all sums of +-s or nothing over its 1 to 4 ternary rows
 * with free scales s (3, 9, 27 or 81 levels), or the multiples -limit .. limit of one step; and the
 * search for the scales.
 */
#ifndef VIT158_COMPRESS_ROW_SUMS_H
#define VIT158_COMPRESS_ROW_SUMS_H

#include <stddef.h>
#include <stdint.h>

#define VIT158_MAX_ROW_SUMS 4U
#define VIT158_MAX_LEVELS 255U

typedef struct vit158_levels {
    uint32_t rows;                    /* ternary rows; 0 = uniform */
    uint32_t count;                   /* levels */
    float scale[VIT158_MAX_ROW_SUMS]; /* uniform: scale[0] is the step */
    float value[VIT158_MAX_LEVELS];   /* ascending */
    uint8_t trits[VIT158_MAX_LEVELS]; /* of each level: sum over rows r of (trit + 1) 3^r */
} vit158_levels;

/* The trit of row `row` in a level, -1 to 1. */
static inline int vit158_level_trit(const vit158_levels *levels, uint32_t level, uint32_t row)
{
    static const uint8_t power[VIT158_MAX_ROW_SUMS] = {1, 3, 9, 27};
    return (int)(levels->trits[level] / power[row] % 3) - 1;
}

/* Levels of so many rows with these scales, all above 0. */
void vit158_levels_of_rows(vit158_levels *levels, const float *scale, uint32_t rows);

/* step * (-limit .. limit), limit <= 127. */
void vit158_levels_uniform(vit158_levels *levels, float step, uint32_t limit);

/* Index of the level nearest to x; the lower one of two that are equally near. */
uint32_t vit158_nearest_level(const vit158_levels *levels, float x);

/* Scales (rows 1 .. 4) of small sum over i < n of importance[i] (w[i] - level)^2, found by
 * alternating least squares from a fixed set of starts. `scratch`: n bytes. */
void vit158_search_scales(vit158_levels *levels, const float *w, const float *importance,
                          uint32_t n, uint32_t rows, uint8_t *scratch);

/* The uniform step likewise; 60 steps up to the one that reaches the largest weight are tried. */
void vit158_search_step(vit158_levels *levels, const float *w, const float *importance, uint32_t n,
                        uint32_t limit);

/* x = a^-1 b for a symmetric a [n][n], n <= 4, in place of b; 0 if a is singular. */
int vit158_solve_small(double *b, double *a, uint32_t n);

#endif
