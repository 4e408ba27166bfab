/* SPDX-License-Identifier: MIT
 *
 * The table of the SIMD128 variant.
 */
#include "kernels/ops_scalar.h"
#include "kernels/ops_simd128.h"

/* Cuts, for two workers at N = 197: the table kernel runs 48 tokens at 0.91 of its speed for all of
 * them (64: 0.95, 32: 0.84, 16: 0.68; 768 -> 3072), and four tasks of 48 share out evenly. */
const vit158_kernels vit158_kernels_simd128 = {
    .name = "simd128",
    .f32 = {vit158_gemm_f32_simd128,
            vit158_gemm_f32_scratch_simd128,
            {.token_step = 0, .out_step = 64}},
    .trit_dot = {vit158_gemm_trit_dot_simd128,
                 vit158_gemm_dot_scratch_simd128,
                 {.token_step = 0, .out_step = 64}},
    .trit_table = {vit158_gemm_trit_table_simd128,
                   vit158_gemm_trit_table_scratch_simd128,
                   {.token_step = 48, .out_step = 0}},
    .i8_dot = {vit158_gemm_i8_simd128,
               vit158_gemm_dot_scratch_simd128,
               {.token_step = 0, .out_step = 64}},
    .norm_quantize = vit158_norm_quantize_simd128,
    .norm_f32 = vit158_norm_f32_simd128,
    .softmax = vit158_softmax_simd128,
    .quantize_tokens = vit158_quantize_tokens_simd128,
    .quantize_channels = vit158_quantize_channels_simd128,
    .softmax_i16 = vit158_softmax_i16_simd128,
    .i16 = vit158_gemm_i16_simd128,
    .gelu = vit158_gelu_simd128,
    .patches = vit158_patches_scalar,
};
