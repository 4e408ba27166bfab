/* SPDX-License-Identifier: MIT
 *
 * The table of the scalar variant.
 */
#include "kernels/ops_scalar.h"

static size_t no_scratch(uint32_t n_in, uint32_t n_out, uint32_t n_tokens)
{
    (void)n_in;
    (void)n_out;
    (void)n_tokens;
    return 0;
}

static size_t no_scratch_q8(const vit158_gemm_q8 *p, uint32_t n_out, uint32_t n_tokens)
{
    return no_scratch(p->n_in, n_out, n_tokens);
}

static vit158_product_cut cut(uint32_t n_out, uint32_t n_rows, uint32_t n_tokens, uint32_t workers)
{
    (void)n_out;
    (void)n_rows;
    (void)n_tokens;
    (void)workers;
    return (vit158_product_cut){.token_step = 64, .out_step = 64};
}

const vit158_kernels vit158_kernels_scalar = {
    .name = "scalar",
    .f32 = {vit158_gemm_f32_scalar, no_scratch, cut},
    .q8 = {[VIT158_ENCODING_TRIT] = {{vit158_gemm_trit_scalar, no_scratch_q8, cut, NULL},
                                     {vit158_gemm_trit_scalar, no_scratch_q8, cut, NULL}},
           [VIT158_ENCODING_I8] = {{vit158_gemm_i8_scalar, no_scratch_q8, cut, NULL}}},
    .norm_quantize = vit158_norm_quantize_scalar,
    .norm_f32 = vit158_norm_f32_scalar,
    .softmax = vit158_softmax_scalar,
    .quantize_tokens = vit158_quantize_tokens_scalar,
    .quantize_channels = vit158_quantize_channels_scalar,
    .softmax_i16 = vit158_softmax_i16_scalar,
    .i16 = vit158_gemm_i16_scalar,
    .gelu = vit158_gelu_scalar,
    .sigmoid_gelu = vit158_sigmoid_gelu_scalar,
    .patches = vit158_patches_scalar,
    .merge_metric = vit158_merge_metric_scalar,
    .best_row = vit158_best_row_scalar,
    .merge_rows = vit158_merge_rows_scalar,
};
