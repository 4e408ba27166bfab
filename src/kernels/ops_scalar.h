/* SPDX-License-Identifier: MIT
 *
 * The scalar variant of every operation: the definitions. Contracts are in kernels.h; code outside
 * this folder reaches them through vit158_kernels_scalar.
 */
#ifndef VIT158_KERNELS_OPS_SCALAR_H
#define VIT158_KERNELS_OPS_SCALAR_H

#include "base/numerics.h"
#include "kernels/kernels.h"

void vit158_gemm_f32_scalar(const vit158_gemm_f32 *p, uint32_t t0, uint32_t t1, uint32_t o0,
                            uint32_t o1, void *scratch);
void vit158_gemm_trit_scalar(const vit158_gemm_q8 *p, uint32_t t0, uint32_t t1, uint32_t o0,
                             uint32_t o1, void *scratch);
void vit158_gemm_i8_scalar(const vit158_gemm_q8 *p, uint32_t t0, uint32_t t1, uint32_t o0,
                           uint32_t o1, void *scratch);
void vit158_norm_quantize_scalar(const vit158_norm_quantize *p, uint32_t t0, uint32_t t1,
                                 void *scratch);
void vit158_norm_f32_scalar(const vit158_norm_f32 *p, uint32_t t0, uint32_t t1, void *scratch);
void vit158_softmax_scalar(const vit158_softmax *p, uint32_t t0, uint32_t t1);
void vit158_quantize_tokens_scalar(const vit158_quantize_tokens *p, uint32_t t0, uint32_t t1);
void vit158_quantize_channels_scalar(const vit158_quantize_channels *p);
void vit158_softmax_i16_scalar(const vit158_softmax_i16 *p, uint32_t t0, uint32_t t1);
void vit158_gemm_i16_scalar(const vit158_gemm_i16 *p, uint32_t t0, uint32_t t1);
void vit158_gelu_scalar(float *x, size_t count);
void vit158_sigmoid_gelu_scalar(float *x, size_t count, const float curve[2]);
void vit158_patches_scalar(const vit158_patches *p, uint32_t line0, uint32_t line1);
void vit158_merge_metric_scalar(const vit158_merge_metric *p, uint32_t t0, uint32_t t1);
void vit158_best_row_scalar(const vit158_best_row *p, uint32_t t0, uint32_t t1);
void vit158_merge_rows_scalar(const vit158_merge_rows *p, uint32_t row0, uint32_t row1,
                              void *scratch);

/* What a product does with one result. */
static inline void vit158_finish(float *y, float r, vit158_epilogue epilogue)
{
    if (epilogue == VIT158_ADD)
        *y = *y + r;
    else
        *y = epilogue == VIT158_GELU ? vit158_gelu(r) : r;
}

/* y of output o, tokens t .., from its `count` results before the bias. */
static inline void vit158_finish_row(const vit158_gemm_q8 *p, uint32_t o, uint32_t t,
                                     const float *sum, uint32_t count)
{
    float *y = p->y + o * p->ldy + t;
    for (uint32_t j = 0; j < count; j++)
        vit158_finish(&y[j], p->bias != NULL ? sum[j] + p->bias[o] : sum[j], p->epilogue);
}

/* What integer sum `sum` of a row is worth for token t. */
static inline float vit158_dequantize(const vit158_gemm_q8 *p, uint32_t row, uint32_t t,
                                      int32_t sum)
{
    return (float)sum * (p->scale[(size_t)row * p->scale_step] * p->r[t]);
}

#endif
