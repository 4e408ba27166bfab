/* SPDX-License-Identifier: MIT
 *
 * The table of the SIMD128 variant and, compiled a second time, of AVX2's.
 */
#include <stdbool.h>

#include "kernels/ops_scalar.h"
#include "kernels/ops_simd128.h"

enum { LEAST_OUT = 48, LEAST_TOKENS = 64, ROWS_A_TOKEN = 3 };

static uint32_t part(uint32_t n, uint32_t parts, uint32_t multiple)
{
    return ((n + parts - 1) / parts + multiple - 1) / multiple * multiple;
}

/* Every task packs panels of all tokens, so outputs are cut, and not finely: two tasks a worker,
 * which leaves the last to whoever is first, or one where two would be small. */
static vit158_product_cut cut_outputs(uint32_t n_out, uint32_t n_rows, uint32_t n_tokens,
                                      uint32_t workers)
{
    (void)n_rows;
    uint32_t share = part(n_out, 2 * workers, 8);
    if (share < LEAST_OUT)
        share = part(n_out, workers, 8);
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
#define TABLE_PARTS &VIT158_KERNEL(table_parts)
#else
#define TABLE_PARTS NULL
#endif

const vit158_kernels VIT158_KERNEL(kernels) = {
    .name = VIT158_KERNELS_NAME,
    .f32 = {VIT158_KERNEL(gemm_f32), VIT158_KERNEL(gemm_f32_scratch), cut_outputs},
    .q8 = {[VIT158_ENCODING_TRIT] = {{VIT158_KERNEL(gemm_trit_dot), VIT158_KERNEL(gemm_dot_scratch),
                                      cut_outputs, NULL},
                                     {VIT158_KERNEL(gemm_trit_table),
                                      VIT158_KERNEL(gemm_trit_table_scratch), cut_table,
                                      TABLE_PARTS}},
           [VIT158_ENCODING_I8] = {{VIT158_KERNEL(gemm_i8), VIT158_KERNEL(gemm_dot_scratch),
                                    cut_outputs, NULL}}},
    .norm_quantize = VIT158_KERNEL(norm_quantize),
    .norm_f32 = VIT158_KERNEL(norm_f32),
    .softmax = VIT158_KERNEL(softmax),
    .quantize_tokens = VIT158_KERNEL(quantize_tokens),
    .quantize_channels = VIT158_KERNEL(quantize_channels),
    .softmax_i16 = VIT158_KERNEL(softmax_i16),
    .i16 = VIT158_KERNEL(gemm_i16),
    .gelu = VIT158_KERNEL(gelu),
    .sigmoid_gelu = VIT158_KERNEL(sigmoid_gelu),
    .patches = vit158_patches_scalar,
    .merge_metric = VIT158_KERNEL(merge_metric),
    .best_row = VIT158_KERNEL(best_row),
    .merge_rows = vit158_merge_rows_scalar,
};
