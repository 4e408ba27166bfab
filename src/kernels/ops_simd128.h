/* SPDX-License-Identifier: MIT
 *
 * The SIMD128 variant of every operation, which is also the source of the AVX2 variant. Contracts
 * are in kernels.h; code outside this folder reaches them through vit158_kernels_simd128 and
 * vit158_kernels_avx2.
 */
#ifndef VIT158_KERNELS_OPS_SIMD128_H
#define VIT158_KERNELS_OPS_SIMD128_H

#include "kernels/eight.h"
#include "kernels/kernels.h"

void VIT158_KERNEL(gemm_f32)(const vit158_gemm_f32 *p, uint32_t t0, uint32_t t1, uint32_t o0,
                             uint32_t o1, void *scratch);
size_t VIT158_KERNEL(gemm_f32_scratch)(uint32_t n_in, uint32_t n_out, uint32_t n_tokens);
void VIT158_KERNEL(gemm_trit_dot)(const vit158_gemm_q8 *p, uint32_t t0, uint32_t t1, uint32_t o0,
                                  uint32_t o1, void *scratch);
void VIT158_KERNEL(gemm_i8)(const vit158_gemm_q8 *p, uint32_t t0, uint32_t t1, uint32_t o0,
                            uint32_t o1, void *scratch);
size_t VIT158_KERNEL(gemm_dot_scratch)(const vit158_gemm_q8 *p, uint32_t n_out, uint32_t n_tokens);
void VIT158_KERNEL(gemm_trit_table)(const vit158_gemm_q8 *p, uint32_t t0, uint32_t t1, uint32_t o0,
                                    uint32_t o1, void *scratch);
size_t VIT158_KERNEL(gemm_trit_table_scratch)(const vit158_gemm_q8 *p, uint32_t n_out,
                                              uint32_t n_tokens);
extern const vit158_product_parts VIT158_KERNEL(table_parts);
void VIT158_KERNEL(norm_quantize)(const vit158_norm_quantize *p, uint32_t t0, uint32_t t1,
                                  void *scratch);
void VIT158_KERNEL(norm_f32)(const vit158_norm_f32 *p, uint32_t t0, uint32_t t1, void *scratch);
void VIT158_KERNEL(softmax)(const vit158_softmax *p, uint32_t t0, uint32_t t1);
void VIT158_KERNEL(quantize_tokens)(const vit158_quantize_tokens *p, uint32_t t0, uint32_t t1);
void VIT158_KERNEL(quantize_channels)(const vit158_quantize_channels *p);
void VIT158_KERNEL(softmax_i16)(const vit158_softmax_i16 *p, uint32_t t0, uint32_t t1);
void VIT158_KERNEL(gemm_i16)(const vit158_gemm_i16 *p, uint32_t t0, uint32_t t1);
void VIT158_KERNEL(gelu)(float *x, size_t count);
void VIT158_KERNEL(sigmoid_gelu)(float *x, size_t count, const float curve[2]);
void VIT158_KERNEL(merge_metric)(const vit158_merge_metric *p, uint32_t t0, uint32_t t1);
void VIT158_KERNEL(best_row)(const vit158_best_row *p, uint32_t t0, uint32_t t1);

/* Two rows of eight int16 as pairs, [8][2]. */
static inline void vit158_store_pairs(int16_t *out, v128_t a, v128_t b)
{
    wasm_v128_store(out, wasm_i16x8_shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11));
    wasm_v128_store(out + 8, wasm_i16x8_shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15));
}

/* What a product does with eight results. */
static inline void vit158_finish_x8(float *y, vit158_x8 r, vit158_epilogue epilogue)
{
    if (epilogue == VIT158_ADD)
        r = vit158_add_x8(vit158_load_x8(y), r);
    else if (epilogue == VIT158_GELU)
        r = vit158_gelu_x8(r);
    vit158_store_x8(y, r);
}

#endif
