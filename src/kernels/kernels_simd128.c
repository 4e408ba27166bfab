/* SPDX-License-Identifier: MIT
 *
 * The table of the SIMD128 variant.
 */
#include <stdbool.h>

#include "kernels/ops_scalar.h"
#include "kernels/ops_simd128.h"

enum { LEAST_OUT = 64, LEAST_TOKENS = 64, ROWS_A_TOKEN = 3 };

static uint32_t part(uint32_t n, uint32_t parts, uint32_t multiple)
{
    return ((n + parts - 1) / parts + multiple - 1) / multiple * multiple;
}

/* Every task packs panels of all tokens, so outputs are cut, and not finely: two tasks a worker,
 * which leaves the last to whoever is first. */
static vit158_product_cut cut_outputs(uint32_t n_out, uint32_t n_rows, uint32_t n_tokens,
                                      uint32_t workers)
{
    (void)n_rows;
    const uint32_t share = part(n_out, 2 * workers, 8);
    return (vit158_product_cut){.token_step = n_tokens,
                                .out_step = share < LEAST_OUT ? LEAST_OUT : share};
}

/* Every task builds the tables of its tokens and finds the table rows of its outputs: one task a
 * worker, or much of that is done twice. Tasks of half the tokens find all rows twice, those of
 * half the outputs build all tables twice; a token's tables cost as much as finding ROWS_A_TOKEN
 * rows. */
static vit158_product_cut cut_table(uint32_t n_out, uint32_t n_rows, uint32_t n_tokens,
                                    uint32_t workers)
{
    const bool halves = n_tokens >= LEAST_TOKENS && workers % 2 == 0 &&
                        (workers > 2 || n_rows < ROWS_A_TOKEN * n_tokens);
    const uint32_t token_parts = halves ? 2 : 1;
    const uint32_t out_parts = (workers + token_parts - 1) / token_parts;
    return (vit158_product_cut){.token_step = part(n_tokens, token_parts, VIT158_TOKEN_PAD),
                                .out_step = part(n_out, out_parts, 8)};
}

/* One thread has no use for parts. */
#if defined(VIT158_HAVE_THREADS) || defined(VIT158_SHARED_POOL)
#define TABLE_PARTS &vit158_table_parts_simd128
#else
#define TABLE_PARTS NULL
#endif

const vit158_kernels vit158_kernels_simd128 = {
    .name = "simd128",
    .f32 = {vit158_gemm_f32_simd128, vit158_gemm_f32_scratch_simd128, cut_outputs},
    .q8 = {[VIT158_ENCODING_TRIT] = {{vit158_gemm_trit_dot_simd128, vit158_gemm_dot_scratch_simd128,
                                      cut_outputs, NULL},
                                     {vit158_gemm_trit_table_simd128,
                                      vit158_gemm_trit_table_scratch_simd128, cut_table,
                                      TABLE_PARTS}},
           [VIT158_ENCODING_I8] = {{vit158_gemm_i8_simd128, vit158_gemm_dot_scratch_simd128,
                                    cut_outputs, NULL}}},
    .norm_quantize = vit158_norm_quantize_simd128,
    .norm_f32 = vit158_norm_f32_simd128,
    .softmax = vit158_softmax_simd128,
    .quantize_tokens = vit158_quantize_tokens_simd128,
    .quantize_channels = vit158_quantize_channels_simd128,
    .softmax_i16 = vit158_softmax_i16_simd128,
    .i16 = vit158_gemm_i16_simd128,
    .gelu = vit158_gelu_simd128,
    .sigmoid_gelu = vit158_sigmoid_gelu_simd128,
    .patches = vit158_patches_scalar,
    .merge_metric = vit158_merge_metric_simd128,
    .best_row = vit158_best_row_simd128,
    .merge_rows = vit158_merge_rows_scalar,
};
