/* SPDX-License-Identifier: MIT
 *
 * What tells which tokens are alike: eight patches side by side, four even and four odd ones, then
 * four columns of similarities.
 */
#include "kernels/ops_simd128.h"

enum { LANES = 8 };

/* The keys of eight patches over all heads, those of even patches first; their squares. */
static VIT158_INNER vit158_x8 add_heads(const vit158_merge_metric *p, uint32_t t)
{
    const vit158_x8 zero = vit158_splat_x8(0.0F);
    vit158_x8 lane[4] = {zero, zero, zero, zero};
    const float *first = p->x + t;
    float *even = p->even + t / 2, *odd = p->odd + t / 2;
    for (uint32_t c = 0; c < p->n; c++, first += p->ld, even += p->ld, odd += p->ld) {
        const float *x = first;
        vit158_x8 sum = vit158_load_x8(x);
        for (uint32_t head = 1; head < p->heads; head++) {
            x += p->n * p->ld;
            sum = vit158_add_x8(sum, vit158_load_x8(x));
        }
        const vit158_x8 apart = vit158_apart_x8(sum);
        wasm_v128_store(even, vit158_low_x8(apart));
        wasm_v128_store(odd, vit158_high_x8(apart));
        lane[c % 4] = vit158_add_x8(lane[c % 4], vit158_mul_x8(apart, apart));
    }
    return vit158_striped_total_x8(lane);
}

static inline v128_t length_of(v128_t squares)
{
    const v128_t floor = wasm_f32x4_splat(VIT158_MERGE_FLOOR);
    return wasm_f32x4_add(wasm_f32x4_pmax(floor, wasm_f32x4_sqrt(squares)),
                          wasm_f32x4_sub(squares, squares));
}

static void divide(float *m, size_t ld, uint32_t n, v128_t squares)
{
    const v128_t length = length_of(squares);
    for (uint32_t c = 0; c < n; c++, m += ld)
        wasm_v128_store(m, wasm_f32x4_div(wasm_v128_load(m), length));
}

void VIT158_KERNEL(merge_metric)(const vit158_merge_metric *p, uint32_t t0, uint32_t t1)
{
    for (uint32_t t = t0; t < t1; t += LANES) {
        const vit158_x8 squares = add_heads(p, t);
        divide(p->even + t / 2, p->ld, p->n, vit158_low_x8(squares));
        divide(p->odd + t / 2, p->ld, p->n, vit158_high_x8(squares));
    }
}

void VIT158_KERNEL(best_row)(const vit158_best_row *p, uint32_t t0, uint32_t t1)
{
    for (uint32_t t = t0; t < t1; t += 4) {
        const float *s = p->s + t;
        v128_t best = wasm_v128_load(s);
        v128_t row = wasm_i32x4_splat(0), doubt = wasm_f32x4_splat(0.0F);
        for (uint32_t j = 0; j < p->n_rows; j++, s += p->ld) {
            const v128_t x = wasm_v128_load(s);
            const v128_t larger = wasm_f32x4_gt(x, best);
            row = wasm_v128_bitselect(wasm_i32x4_splat((int32_t)j), row, larger);
            best = wasm_v128_bitselect(x, best, larger);
            doubt = wasm_f32x4_add(doubt, wasm_f32x4_sub(x, x));
        }
        wasm_v128_store(p->best + t, wasm_f32x4_add(best, doubt));
        wasm_v128_store(p->row + t, row);
    }
}
