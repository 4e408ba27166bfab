/* SPDX-License-Identifier: MIT
 *
 * Queries, keys and values to int16, eight tokens at a time.
 */
#include "kernels/ops_simd128.h"

enum { LANES = 8 };

static inline v128_t larger_magnitude(v128_t largest, v128_t x)
{
    return wasm_f32x4_pmax(largest, wasm_f32x4_abs(x));
}

static VIT158_INNER void quantize_panel(const vit158_quantize_tokens *p, uint32_t t)
{
    const float *x = p->x + t;
    v128_t lo = wasm_f32x4_splat(VIT158_I16_FLOOR), hi = lo;
    for (uint32_t c = 0; c < p->n; c++, x += p->ld) {
        lo = larger_magnitude(lo, wasm_v128_load(x));
        hi = larger_magnitude(hi, wasm_v128_load(x + 4));
    }
    const v128_t levels = wasm_f32x4_splat(VIT158_I16_TOKEN_LEVELS), one = wasm_f32x4_splat(1.0F);
    const v128_t s0 = wasm_f32x4_div(levels, lo), s1 = wasm_f32x4_div(levels, hi);
    wasm_v128_store(p->r + t, wasm_f32x4_div(one, s0));
    wasm_v128_store(p->r + t + 4, wasm_f32x4_div(one, s1));
    x = p->x + t;
    int16_t *y = p->y + (size_t)2 * t;
    for (uint32_t c = 0; c < p->n; c += 2, x += 2 * p->ld, y += 2 * p->ld) {
        const v128_t a = vit158_quantize_i16_x8(wasm_v128_load(x), wasm_v128_load(x + 4), s0, s1);
        v128_t b = wasm_i16x8_splat(0);
        if (c + 1 < p->n)
            b = vit158_quantize_i16_x8(wasm_v128_load(x + p->ld), wasm_v128_load(x + p->ld + 4), s0,
                                       s1);
        vit158_store_pairs(y, a, b);
    }
}

void vit158_quantize_tokens_simd128(const vit158_quantize_tokens *p, uint32_t t0, uint32_t t1)
{
    for (uint32_t t = t0; t < t1; t += LANES)
        quantize_panel(p, t);
}

static VIT158_INNER void quantize_channel(int16_t *y, float *r, const float *x, uint32_t n_tokens,
                                          size_t ld)
{
    v128_t four = wasm_f32x4_splat(VIT158_I16_FLOOR);
    uint32_t t = 0;
    for (; t + 4 <= n_tokens; t += 4)
        four = larger_magnitude(four, wasm_v128_load(x + t));
    four = wasm_f32x4_pmax(four, wasm_i32x4_shuffle(four, four, 2, 3, 0, 1));
    four = wasm_f32x4_pmax(four, wasm_i32x4_shuffle(four, four, 1, 0, 3, 2));
    for (; t < n_tokens; t++)
        four = larger_magnitude(four, wasm_v128_load32_splat(x + t));
    const v128_t s = wasm_f32x4_div(wasm_f32x4_splat(VIT158_I16_LEVELS), four);
    *r = wasm_f32x4_extract_lane(wasm_f32x4_div(wasm_f32x4_splat(1.0F), s), 0);
    for (t = 0; t < ld; t += LANES)
        wasm_v128_store(
            y + t, vit158_quantize_i16_x8(wasm_v128_load(x + t), wasm_v128_load(x + t + 4), s, s));
    for (t = n_tokens; t < ld; t++)
        y[t] = 0;
}

void vit158_quantize_channels_simd128(const vit158_quantize_channels *p)
{
    for (uint32_t c = 0; c < p->n; c++)
        quantize_channel(p->y + c * p->ld, p->r + c, p->x + c * p->ld, p->n_tokens, p->ld);
}
