/* SPDX-License-Identifier: MIT
 *
 * Queries, keys and values to int16, eight tokens at a time.
 */
#include "kernels/ops_simd128.h"

enum { LANES = 8 };

static VIT158_INNER void quantize_panel(const vit158_quantize_tokens *p, uint32_t t)
{
    const float *x = p->x + t;
    vit158_x8 absmax = vit158_splat_x8(VIT158_I16_FLOOR);
    for (uint32_t c = 0; c < p->n; c++, x += p->ld)
        absmax = vit158_larger_magnitude_x8(absmax, vit158_load_x8(x));
    const vit158_x8 s = vit158_div_x8(vit158_splat_x8(VIT158_I16_TOKEN_LEVELS), absmax);
    vit158_store_x8(p->r + t, vit158_div_x8(vit158_splat_x8(1.0F), s));
    x = p->x + t;
    int16_t *y = p->y + (size_t)2 * t;
    for (uint32_t c = 0; c < p->n; c += 2, x += 2 * p->ld, y += 2 * p->ld) {
        const v128_t a = vit158_quantize_i16_x8(vit158_load_x8(x), s);
        v128_t b = wasm_i16x8_splat(0);
        if (c + 1 < p->n)
            b = vit158_quantize_i16_x8(vit158_load_x8(x + p->ld), s);
        vit158_store_pairs(y, a, b);
    }
}

void VIT158_KERNEL(quantize_tokens)(const vit158_quantize_tokens *p, uint32_t t0, uint32_t t1)
{
    for (uint32_t t = t0; t < t1; t += LANES)
        quantize_panel(p, t);
}

/* The largest magnitude of eight and of `count` more. */
static inline float largest(vit158_x8 eight, const float *more, uint32_t count)
{
    v128_t four = wasm_i32x4_max(vit158_low_x8(eight), vit158_high_x8(eight));
    four = wasm_i32x4_max(four, wasm_i32x4_shuffle(four, four, 2, 3, 0, 1));
    four = wasm_i32x4_max(four, wasm_i32x4_shuffle(four, four, 1, 0, 3, 2));
    for (uint32_t t = 0; t < count; t++)
        four = wasm_i32x4_max(four, wasm_f32x4_abs(wasm_v128_load32_splat(more + t)));
    return wasm_f32x4_extract_lane(four, 0);
}

static VIT158_INNER void quantize_channel(int16_t *y, float *r, const float *x, uint32_t n_tokens,
                                          size_t ld)
{
    vit158_x8 eight = vit158_splat_x8(VIT158_I16_FLOOR);
    uint32_t t = 0;
    for (; t + LANES <= n_tokens; t += LANES)
        eight = vit158_larger_magnitude_x8(eight, vit158_load_x8(x + t));
    const vit158_x8 s = vit158_div_x8(vit158_splat_x8(VIT158_I16_LEVELS),
                                      vit158_splat_x8(largest(eight, x + t, n_tokens - t)));
    *r = vit158_first_x8(vit158_div_x8(vit158_splat_x8(1.0F), s));
    for (t = 0; t < ld; t += LANES)
        wasm_v128_store(y + t, vit158_quantize_i16_x8(vit158_load_x8(x + t), s));
    for (t = n_tokens; t < ld; t++)
        y[t] = 0;
}

void VIT158_KERNEL(quantize_channels)(const vit158_quantize_channels *p)
{
    for (uint32_t c = 0; c < p->n; c++)
        quantize_channel(p->y + c * p->ld, p->r + c, p->x + c * p->ld, p->n_tokens, p->ld);
}
