/* SPDX-License-Identifier: MIT
 *
 * The SIMD128 variant of every operation, and the four-lane forms of numerics.h. Contracts are in
 * kernels.h; code outside this folder reaches them through vit158_kernels_simd128.
 */
#ifndef VIT158_KERNELS_OPS_SIMD128_H
#define VIT158_KERNELS_OPS_SIMD128_H

#include "base/numerics.h"
#include "kernels/kernels.h"
#include "kernels/simd128.h"

void vit158_gemm_f32_simd128(const vit158_gemm_f32 *p, uint32_t t0, uint32_t t1, uint32_t o0,
                             uint32_t o1, void *scratch);
size_t vit158_gemm_f32_scratch_simd128(uint32_t n_in, uint32_t n_out, uint32_t n_tokens);
void vit158_gemm_trit_dot_simd128(const vit158_gemm_q8 *p, uint32_t t0, uint32_t t1, uint32_t o0,
                                  uint32_t o1, void *scratch);
void vit158_gemm_i8_simd128(const vit158_gemm_q8 *p, uint32_t t0, uint32_t t1, uint32_t o0,
                            uint32_t o1, void *scratch);
size_t vit158_gemm_dot_scratch_simd128(const vit158_gemm_q8 *p, uint32_t n_out, uint32_t n_tokens);
void vit158_gemm_trit_table_simd128(const vit158_gemm_q8 *p, uint32_t t0, uint32_t t1, uint32_t o0,
                                    uint32_t o1, void *scratch);
size_t vit158_gemm_trit_table_scratch_simd128(const vit158_gemm_q8 *p, uint32_t n_out,
                                              uint32_t n_tokens);
extern const vit158_product_parts vit158_table_parts_simd128;
void vit158_norm_quantize_simd128(const vit158_norm_quantize *p, uint32_t t0, uint32_t t1,
                                  void *scratch);
void vit158_norm_f32_simd128(const vit158_norm_f32 *p, uint32_t t0, uint32_t t1, void *scratch);
void vit158_softmax_simd128(const vit158_softmax *p, uint32_t t0, uint32_t t1);
void vit158_quantize_tokens_simd128(const vit158_quantize_tokens *p, uint32_t t0, uint32_t t1);
void vit158_quantize_channels_simd128(const vit158_quantize_channels *p);
void vit158_softmax_i16_simd128(const vit158_softmax_i16 *p, uint32_t t0, uint32_t t1);
void vit158_gemm_i16_simd128(const vit158_gemm_i16 *p, uint32_t t0, uint32_t t1);
void vit158_gelu_simd128(float *x, size_t count);
void vit158_sigmoid_gelu_simd128(float *x, size_t count, const float curve[2]);
void vit158_merge_metric_simd128(const vit158_merge_metric *p, uint32_t t0, uint32_t t1);
void vit158_best_row_simd128(const vit158_best_row *p, uint32_t t0, uint32_t t1);

/* Eight floats side by side. */
typedef struct vit158_x8 {
    v128_t lo;
    v128_t hi;
} vit158_x8;

static inline vit158_x8 vit158_load_x8(const float *s)
{
    return (vit158_x8){wasm_v128_load(s), wasm_v128_load(s + 4)};
}

static inline void vit158_store_x8(float *s, vit158_x8 v)
{
    wasm_v128_store(s, v.lo);
    wasm_v128_store(s + 4, v.hi);
}

static inline vit158_x8 vit158_splat_x8(float x)
{
    return (vit158_x8){wasm_f32x4_splat(x), wasm_f32x4_splat(x)};
}

static inline vit158_x8 vit158_add_x8(vit158_x8 a, vit158_x8 b)
{
    return (vit158_x8){wasm_f32x4_add(a.lo, b.lo), wasm_f32x4_add(a.hi, b.hi)};
}

static inline vit158_x8 vit158_sub_x8(vit158_x8 a, vit158_x8 b)
{
    return (vit158_x8){wasm_f32x4_sub(a.lo, b.lo), wasm_f32x4_sub(a.hi, b.hi)};
}

static inline vit158_x8 vit158_mul_x8(vit158_x8 a, vit158_x8 b)
{
    return (vit158_x8){wasm_f32x4_mul(a.lo, b.lo), wasm_f32x4_mul(a.hi, b.hi)};
}

static inline vit158_x8 vit158_div_x8(vit158_x8 a, vit158_x8 b)
{
    return (vit158_x8){wasm_f32x4_div(a.lo, b.lo), wasm_f32x4_div(a.hi, b.hi)};
}

/* The larger of each; pmax(a, b) is a < b ? b : a. */
static inline vit158_x8 vit158_pmax_x8(vit158_x8 a, vit158_x8 b)
{
    return (vit158_x8){wasm_f32x4_pmax(a.lo, b.lo), wasm_f32x4_pmax(a.hi, b.hi)};
}

/* vit158_striped_total of four lanes. */
static inline vit158_x8 vit158_striped_total_x8(const vit158_x8 lane[4])
{
    return vit158_add_x8(vit158_add_x8(lane[0], lane[1]), vit158_add_x8(lane[2], lane[3]));
}

/* vit158_larger_magnitude of four values, of eight. */
static inline v128_t vit158_larger_magnitude_x4(v128_t largest, v128_t x)
{
    return wasm_i32x4_max(largest, wasm_f32x4_abs(x));
}

static inline vit158_x8 vit158_larger_magnitude_x8(vit158_x8 largest, vit158_x8 x)
{
    return (vit158_x8){vit158_larger_magnitude_x4(largest.lo, x.lo),
                       vit158_larger_magnitude_x4(largest.hi, x.hi)};
}

/* vit158_rne of four values. */
static inline v128_t vit158_rne_x4(v128_t x)
{
    const v128_t magic = wasm_f32x4_splat(12582912.0F);
    return wasm_f32x4_sub(wasm_f32x4_add(x, magic), magic);
}

/* vit158_quantize_i16 of eight values with their scales. */
static inline v128_t vit158_quantize_i16_x8(vit158_x8 x, vit158_x8 s)
{
    const v128_t bias = wasm_i32x4_splat(0x4B400000);
    const vit158_x8 y = vit158_add_x8(vit158_mul_x8(x, s), vit158_splat_x8(12582912.0F));
    return wasm_i16x8_narrow_i32x4(wasm_i32x4_sub(y.lo, bias), wasm_i32x4_sub(y.hi, bias));
}

/* Two rows of eight int16 as pairs, [8][2]. */
static inline void vit158_store_pairs(int16_t *out, v128_t a, v128_t b)
{
    wasm_v128_store(out, wasm_i16x8_shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11));
    wasm_v128_store(out + 8, wasm_i16x8_shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15));
}

/* p * x + c, two roundings. */
static inline v128_t vit158_horner_x4(v128_t p, v128_t x, float c)
{
    return wasm_f32x4_add(wasm_f32x4_mul(p, x), wasm_f32x4_splat(c));
}

/* vit158_exp of four values. */
static inline v128_t vit158_exp_x4(v128_t x)
{
    const v128_t least = wasm_f32x4_splat(VIT158_EXP_MIN);
    const v128_t clamped = wasm_f32x4_pmax(least, x);
    const v128_t magic = wasm_f32x4_splat(12582912.0F);
    /* The low nine bits of `shifted` are those of the integer n. */
    const v128_t shifted =
        wasm_f32x4_add(wasm_f32x4_mul(clamped, wasm_f32x4_splat(VIT158_EXP_LOG2E)), magic);
    const v128_t n = wasm_f32x4_sub(shifted, magic);
    const v128_t high = wasm_f32x4_mul(n, wasm_f32x4_splat(VIT158_EXP_LN2_HI));
    const v128_t low = wasm_f32x4_mul(n, wasm_f32x4_splat(VIT158_EXP_LN2_LO));
    const v128_t r = wasm_f32x4_sub(wasm_f32x4_sub(clamped, high), low);
    v128_t p = wasm_f32x4_splat(VIT158_EXP_C7);
    p = vit158_horner_x4(p, r, VIT158_EXP_C6);
    p = vit158_horner_x4(p, r, VIT158_EXP_C5);
    p = vit158_horner_x4(p, r, VIT158_EXP_C4);
    p = vit158_horner_x4(p, r, VIT158_EXP_C3);
    p = vit158_horner_x4(p, r, VIT158_EXP_C2);
    p = vit158_horner_x4(p, r, 1.0F);
    p = vit158_horner_x4(p, r, 1.0F);
    const v128_t power = wasm_i32x4_shl(wasm_i32x4_add(shifted, wasm_i32x4_splat(127)), 23);
    return wasm_v128_andnot(wasm_f32x4_mul(p, power), wasm_f32x4_lt(x, least));
}

/* vit158_gelu of four values. pmin(a, b) is b < a ? b : a. */
static inline v128_t vit158_gelu_x4(v128_t x)
{
    v128_t z = wasm_f32x4_mul(x, wasm_f32x4_splat(VIT158_SQRT_HALF));
    z = wasm_f32x4_pmin(wasm_f32x4_splat(VIT158_ERF_LIMIT), z);
    z = wasm_f32x4_pmax(wasm_f32x4_splat(-VIT158_ERF_LIMIT), z);
    const v128_t u = wasm_f32x4_mul(z, z);
    v128_t p = wasm_f32x4_splat(VIT158_ERF_P5);
    p = vit158_horner_x4(p, u, VIT158_ERF_P4);
    p = vit158_horner_x4(p, u, VIT158_ERF_P3);
    p = vit158_horner_x4(p, u, VIT158_ERF_P2);
    p = vit158_horner_x4(p, u, VIT158_ERF_P1);
    p = vit158_horner_x4(p, u, VIT158_ERF_P0);
    v128_t q = wasm_f32x4_splat(VIT158_ERF_Q5);
    q = vit158_horner_x4(q, u, VIT158_ERF_Q4);
    q = vit158_horner_x4(q, u, VIT158_ERF_Q3);
    q = vit158_horner_x4(q, u, VIT158_ERF_Q2);
    q = vit158_horner_x4(q, u, VIT158_ERF_Q1);
    q = vit158_horner_x4(q, u, 1.0F);
    const v128_t half = wasm_f32x4_mul(wasm_f32x4_splat(0.5F), x);
    const v128_t erf = wasm_f32x4_div(wasm_f32x4_mul(z, p), q);
    return wasm_f32x4_mul(half, wasm_f32x4_add(wasm_f32x4_splat(1.0F), erf));
}

/* What a product does with four results. */
static inline void vit158_finish_x4(float *y, v128_t r, vit158_epilogue epilogue)
{
    if (epilogue == VIT158_ADD)
        r = wasm_f32x4_add(wasm_v128_load(y), r);
    else if (epilogue == VIT158_GELU)
        r = vit158_gelu_x4(r);
    wasm_v128_store(y, r);
}

/* Four results of a quantized product; `step` is scale[o] * r[t] of the four tokens. */
static inline v128_t vit158_dequantize_x4(v128_t sum, v128_t step)
{
    return wasm_f32x4_mul(wasm_f32x4_convert_i32x4(sum), step);
}

#endif
