/* SPDX-License-Identifier: MIT
 *
 * GELU and its approximations over an array, four values at a time.
 */
#include "kernels/ops_simd128.h"

void vit158_gelu_simd128(float *x, size_t count)
{
    for (size_t i = 0; i < count; i += 4)
        wasm_v128_store(x + i, vit158_gelu_x4(wasm_v128_load(x + i)));
}

/* vit158_sigmoid_gelu of four values. */
static v128_t sigmoid_gelu_x4(v128_t x, const float curve[2])
{
    const v128_t one = wasm_f32x4_splat(1.0F);
    const v128_t bend = wasm_f32x4_mul(wasm_f32x4_mul(wasm_f32x4_splat(curve[1]), x), x);
    const v128_t z = wasm_f32x4_mul(x, wasm_f32x4_add(wasm_f32x4_splat(curve[0]), bend));
    const v128_t negative = wasm_f32x4_lt(z, wasm_f32x4_splat(0.0F));
    const v128_t e = vit158_exp_x4(wasm_v128_bitselect(z, wasm_f32x4_neg(z), negative));
    const v128_t part = wasm_v128_bitselect(e, one, negative);
    return wasm_f32x4_mul(x, wasm_f32x4_div(part, wasm_f32x4_add(one, e)));
}

void vit158_sigmoid_gelu_simd128(float *x, size_t count, const float curve[2])
{
    for (size_t i = 0; i < count; i += 4)
        wasm_v128_store(x + i, sigmoid_gelu_x4(wasm_v128_load(x + i), curve));
}
