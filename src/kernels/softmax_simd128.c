/* SPDX-License-Identifier: MIT
 *
 * Softmax down the columns, to float and to int16, eight tokens side by side, so that no step is
 * horizontal.
 */
#include <math.h>

#include "kernels/ops_simd128.h"

enum { LANES = 8 };

/* Multiplies by the factor and adds the bias, if there is one; the maximum, and the doubt: 0, or
 * NaN if a score is not finite. */
static VIT158_INNER vit158_x8 scale_columns(float *s, size_t ld, uint32_t n_rows, float factor,
                                            const float *bias, vit158_x8 *doubt)
{
    const vit158_x8 f = vit158_splat_x8(factor);
    vit158_x8 max = vit158_splat_x8(-INFINITY);
    vit158_x8 sum = vit158_splat_x8(0.0F);
    for (uint32_t j = 0; j < n_rows; j++, s += ld) {
        vit158_x8 x = vit158_mul_x8(vit158_load_x8(s), f);
        if (bias != NULL)
            x = vit158_add_x8(x, vit158_splat_x8(bias[j]));
        vit158_store_x8(s, x);
        max = vit158_pmax_x8(max, x);
        sum = vit158_add_x8(sum, vit158_sub_x8(x, x));
    }
    *doubt = sum;
    return max;
}

static inline void exp_row(float *s, vit158_x8 max, vit158_x8 *total)
{
    const vit158_x8 x = vit158_sub_x8(vit158_load_x8(s), max);
    const vit158_x8 e = vit158_exp_x8(x);
    vit158_store_x8(s, e);
    *total = vit158_add_x8(*total, e);
}

/* Exponentials; their total, striped over rows. */
static VIT158_INNER vit158_x8 exp_columns(float *s, size_t ld, uint32_t n_rows, vit158_x8 max)
{
    const vit158_x8 zero = vit158_splat_x8(0.0F);
    vit158_x8 lane[4] = {zero, zero, zero, zero};
    uint32_t j = 0;
    for (; j + 4 <= n_rows; j += 4)
        for (uint32_t i = 0; i < 4; i++, s += ld)
            exp_row(s, max, &lane[i]);
    for (uint32_t i = 0; j + i < n_rows; i++, s += ld)
        exp_row(s, max, &lane[i]);
    return vit158_striped_total_x8(lane);
}

static VIT158_INNER void divide_columns(float *s, size_t ld, uint32_t n_rows, vit158_x8 total)
{
    const vit158_x8 inverse = vit158_div_x8(vit158_splat_x8(1.0F), total);
    for (uint32_t j = 0; j < n_rows; j++, s += ld)
        vit158_store_x8(s, vit158_mul_x8(vit158_load_x8(s), inverse));
}

/* Probabilities as pairs of rows; past the last row 0. */
static VIT158_INNER void quantize_columns(int16_t *out, const float *s, size_t ld, uint32_t n_rows,
                                          vit158_x8 total)
{
    const vit158_x8 scale = vit158_div_x8(vit158_splat_x8(VIT158_I16_LEVELS), total);
    for (uint32_t j = 0; j < n_rows; j += 2, s += 2 * ld, out += 2 * ld) {
        const v128_t a = vit158_quantize_i16_x8(vit158_load_x8(s), scale);
        v128_t b = wasm_i16x8_splat(0);
        if (j + 1 < n_rows)
            b = vit158_quantize_i16_x8(vit158_load_x8(s + ld), scale);
        vit158_store_pairs(out, a, b);
    }
}

void VIT158_KERNEL(softmax_i16)(const vit158_softmax_i16 *p, uint32_t t0, uint32_t t1)
{
    if (p->n_rows == 0)
        return;
    for (uint32_t t = t0; t < t1; t += LANES) {
        float *s = p->s + t;
        vit158_x8 doubt;
        const vit158_x8 max = scale_columns(s, p->ld, p->n_rows, p->factor, p->bias, &doubt);
        const vit158_x8 total = exp_columns(s, p->ld, p->n_rows, max);
        const vit158_x8 step = vit158_splat_x8(1.0F / VIT158_I16_LEVELS);
        vit158_store_x8(p->r + t, vit158_add_x8(step, doubt));
        quantize_columns(p->p + (size_t)2 * t, s, p->ld, p->n_rows, total);
    }
}

void VIT158_KERNEL(softmax)(const vit158_softmax *p, uint32_t t0, uint32_t t1)
{
    if (p->n_rows == 0)
        return;
    for (uint32_t t = t0; t < t1; t += LANES) {
        float *s = p->s + t;
        vit158_x8 doubt;
        const vit158_x8 max = scale_columns(s, p->ld, p->n_rows, p->factor, p->bias, &doubt);
        const vit158_x8 total = exp_columns(s, p->ld, p->n_rows, max);
        divide_columns(s, p->ld, p->n_rows, vit158_add_x8(total, doubt));
    }
}
