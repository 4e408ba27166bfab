/* SPDX-License-Identifier: MIT
 *
 * Error-compensated rounding of one output's weights (GPTQ, Frantar et al. 2022, arXiv 2210.17323;
 * METHODS.md 2.2): the weights w^ near the target w with small (w - w^)^T H (w - w^), H the moments
 * of the layer's inputs. Columns are rounded in order, each error spread over those not yet
 * rounded; then codes are improved one by one and scales refitted on the full H.
 */
#ifndef VIT158_COMPRESS_ROUND_ROW_H
#define VIT158_COMPRESS_ROUND_ROW_H

#include <stdbool.h>

#include "compress/row_sums.h"
#include "vit158.h"

/* What all outputs of a layer share. Column i here is the layer's input order[i]: inputs come in
 * falling order of H's diagonal. */
typedef struct vit158_rounding {
    uint32_t n;
    uint32_t *order;
    float *h; /* [n][n], damped, permuted */
    float *u; /* [n][n] upper, H^-1 = U^T U */
} vit158_rounding;

/* From moments h [n][n] with damping * mean(diagonal) added to the diagonal.
 * Errors: VIT158_E_MEMORY, VIT158_E_NUMERIC (moments that are not finite). */
vit158_status vit158_rounding_create(vit158_rounding *rounding, const float *h, uint32_t n,
                                     float damping, vit158_error *error);
void vit158_rounding_free(vit158_rounding *rounding);

/* Where an output's levels come from. The first two are uniform: 3^rows levels, each scale three
 * times the next. */
typedef enum vit158_scale_rule {
    VIT158_SCALES_LARGEST,    /* the largest weight is the largest level */
    VIT158_SCALES_PERCENTILE, /* 99.9 % of the weights lie within the largest level */
    VIT158_SCALES_SQUARED,    /* least squared error of the weights */
    VIT158_SCALES_WEIGHTED    /* of the weights' errors weighted with the diagonal of H */
} vit158_scale_rule;

typedef struct vit158_round_how {
    uint32_t rows;    /* 1 .. 4 ternary rows, or 0: the 255 levels of int8 */
    uint32_t passes;  /* of refit and improvement after the column loop */
    bool compensate;  /* else: to the nearest level */
    bool half_scales; /* scales must be exact in F16 */
    vit158_scale_rule scales;
} vit158_round_how;

/* floats that a row needs as scratch */
static inline size_t vit158_round_scratch(uint32_t n)
{
    return (size_t)(4 + VIT158_MAX_ROW_SUMS) * n;
}

/* The column loop alone, with levels given: w becomes what was rounded at each column's turn. */
void vit158_round_columns(const vit158_levels *levels, uint8_t *chosen, float *w,
                          const vit158_rounding *rounding);

/* Rounds w [n] (in the layer's order of inputs). `chosen` [n] are the levels' indices in that
 * order. Returns (w - w^)^T H (w - w^). */
double vit158_round_row(vit158_levels *levels, uint8_t *chosen, const float *w,
                        const vit158_rounding *rounding, const vit158_round_how *how,
                        float *scratch);

#endif
