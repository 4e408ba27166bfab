/* SPDX-License-Identifier: MIT
 *
 * GELU over an array, four values at a time.
 */
#include "kernels/ops_simd128.h"

void vit158_gelu_simd128(float *x, size_t count)
{
    for (size_t i = 0; i < count; i += 4)
        wasm_v128_store(x + i, vit158_gelu_x4(wasm_v128_load(x + i)));
}
