/* SPDX-License-Identifier: MIT
 *
 * Softmax down the columns, to float and to int16, eight tokens side by side, so that no step is
 * horizontal.
 */
#include "kernels/ops_simd128.h"

enum { LANES = 8 };

typedef struct pair {
    v128_t lo;
    v128_t hi;
} pair;

static inline pair load(const float *s)
{
    return (pair){wasm_v128_load(s), wasm_v128_load(s + 4)};
}

static inline void store(float *s, pair v)
{
    wasm_v128_store(s, v.lo);
    wasm_v128_store(s + 4, v.hi);
}

/* Multiplies by the factor; the maximum. */
static VIT158_INNER pair scale_columns(float *s, size_t ld, uint32_t n_rows, float factor)
{
    const v128_t f = wasm_f32x4_splat(factor);
    pair max = {wasm_f32x4_mul(wasm_v128_load(s), f), wasm_f32x4_mul(wasm_v128_load(s + 4), f)};
    for (uint32_t j = 0; j < n_rows; j++, s += ld) {
        pair x = load(s);
        x.lo = wasm_f32x4_mul(x.lo, f);
        x.hi = wasm_f32x4_mul(x.hi, f);
        store(s, x);
        max.lo = wasm_f32x4_pmax(max.lo, x.lo);
        max.hi = wasm_f32x4_pmax(max.hi, x.hi);
    }
    return max;
}

static inline void exp_row(float *s, pair max, pair *total)
{
    const pair x = load(s);
    const pair e = {vit158_exp_x4(wasm_f32x4_sub(x.lo, max.lo)),
                    vit158_exp_x4(wasm_f32x4_sub(x.hi, max.hi))};
    store(s, e);
    total->lo = wasm_f32x4_add(total->lo, e.lo);
    total->hi = wasm_f32x4_add(total->hi, e.hi);
}

/* Exponentials; their total, striped over rows. */
static VIT158_INNER pair exp_columns(float *s, size_t ld, uint32_t n_rows, pair max)
{
    const v128_t zero = wasm_f32x4_splat(0.0F);
    pair lane[4] = {{zero, zero}, {zero, zero}, {zero, zero}, {zero, zero}};
    uint32_t j = 0;
    for (; j + 4 <= n_rows; j += 4)
        for (uint32_t i = 0; i < 4; i++, s += ld)
            exp_row(s, max, &lane[i]);
    for (uint32_t i = 0; j + i < n_rows; i++, s += ld)
        exp_row(s, max, &lane[i]);
    return (pair){wasm_f32x4_add(wasm_f32x4_add(lane[0].lo, lane[1].lo),
                                 wasm_f32x4_add(lane[2].lo, lane[3].lo)),
                  wasm_f32x4_add(wasm_f32x4_add(lane[0].hi, lane[1].hi),
                                 wasm_f32x4_add(lane[2].hi, lane[3].hi))};
}

static VIT158_INNER void divide_columns(float *s, size_t ld, uint32_t n_rows, pair total)
{
    const v128_t one = wasm_f32x4_splat(1.0F);
    const v128_t lo = wasm_f32x4_div(one, total.lo);
    const v128_t hi = wasm_f32x4_div(one, total.hi);
    for (uint32_t j = 0; j < n_rows; j++, s += ld) {
        const pair e = load(s);
        store(s, (pair){wasm_f32x4_mul(e.lo, lo), wasm_f32x4_mul(e.hi, hi)});
    }
}

/* Probabilities as pairs of rows; past the last row 0. */
static VIT158_INNER void quantize_columns(int16_t *out, const float *s, size_t ld, uint32_t n_rows,
                                          pair total)
{
    const v128_t levels = wasm_f32x4_splat(VIT158_I16_LEVELS);
    const v128_t lo = wasm_f32x4_div(levels, total.lo);
    const v128_t hi = wasm_f32x4_div(levels, total.hi);
    for (uint32_t j = 0; j < n_rows; j += 2, s += 2 * ld, out += 2 * ld) {
        const pair e = load(s);
        const v128_t a = vit158_quantize_i16_x8(e.lo, e.hi, lo, hi);
        v128_t b = wasm_i16x8_splat(0);
        if (j + 1 < n_rows) {
            const pair next = load(s + ld);
            b = vit158_quantize_i16_x8(next.lo, next.hi, lo, hi);
        }
        vit158_store_pairs(out, a, b);
    }
}

void vit158_softmax_i16_simd128(const vit158_softmax_i16 *p, uint32_t t0, uint32_t t1)
{
    if (p->n_rows == 0)
        return;
    for (uint32_t t = t0; t < t1; t += LANES) {
        float *s = p->s + t;
        const pair max = scale_columns(s, p->ld, p->n_rows, p->factor);
        const pair total = exp_columns(s, p->ld, p->n_rows, max);
        quantize_columns(p->p + (size_t)2 * t, s, p->ld, p->n_rows, total);
    }
}

void vit158_softmax_simd128(const vit158_softmax *p, uint32_t t0, uint32_t t1)
{
    if (p->n_rows == 0)
        return;
    for (uint32_t t = t0; t < t1; t += LANES) {
        float *s = p->s + t;
        const pair max = scale_columns(s, p->ld, p->n_rows, p->factor);
        const pair total = exp_columns(s, p->ld, p->n_rows, max);
        divide_columns(s, p->ld, p->n_rows, total);
    }
}
