/* SPDX-License-Identifier: MIT
 *
 * Eight floats (x8) or eight int32 (n8) side by side, one for each token of a group: two registers
 * of SIMD128, or one of AVX2. And the functions of numerics.h, a register at a time.
 */
#ifndef VIT158_KERNELS_EIGHT_H
#define VIT158_KERNELS_EIGHT_H

#include "base/numerics.h"
#include "kernels/vector.h"

enum { VIT158_X8_PARTS = 8 / VIT158_VF_LANES };

typedef struct vit158_x8 {
    vit158_vf part[VIT158_X8_PARTS];
} vit158_x8;

typedef struct vit158_n8 {
    vit158_vi part[VIT158_X8_PARTS];
} vit158_n8;

/* ---- Functions of numerics.h, of every float of a register ---- */

/* p * x + c, two roundings. */
static inline vit158_vf vit158_horner_vf(vit158_vf p, vit158_vf x, float c)
{
    return vit158_add_vf(vit158_mul_vf(p, x), vit158_splat_vf(c));
}

/* vit158_exp */
static inline vit158_vf vit158_exp_vf(vit158_vf x)
{
    const vit158_vf least = vit158_splat_vf(VIT158_EXP_MIN);
    const vit158_vf clamped = vit158_pmax_vf(least, x);
    const vit158_vf magic = vit158_splat_vf(12582912.0F);
    /* The low nine bits of `shifted` are those of the integer n. */
    const vit158_vf shifted =
        vit158_add_vf(vit158_mul_vf(clamped, vit158_splat_vf(VIT158_EXP_LOG2E)), magic);
    const vit158_vf n = vit158_sub_vf(shifted, magic);
    const vit158_vf high = vit158_mul_vf(n, vit158_splat_vf(VIT158_EXP_LN2_HI));
    const vit158_vf low = vit158_mul_vf(n, vit158_splat_vf(VIT158_EXP_LN2_LO));
    const vit158_vf r = vit158_sub_vf(vit158_sub_vf(clamped, high), low);
    vit158_vf p = vit158_splat_vf(VIT158_EXP_C7);
    p = vit158_horner_vf(p, r, VIT158_EXP_C6);
    p = vit158_horner_vf(p, r, VIT158_EXP_C5);
    p = vit158_horner_vf(p, r, VIT158_EXP_C4);
    p = vit158_horner_vf(p, r, VIT158_EXP_C3);
    p = vit158_horner_vf(p, r, VIT158_EXP_C2);
    p = vit158_horner_vf(p, r, 1.0F);
    p = vit158_horner_vf(p, r, 1.0F);
    return vit158_zero_if_less_vf(x, least, vit158_mul_vf(p, vit158_power_vf(shifted)));
}

/* vit158_gelu */
static inline vit158_vf vit158_gelu_vf(vit158_vf x)
{
    vit158_vf z = vit158_mul_vf(x, vit158_splat_vf(VIT158_SQRT_HALF));
    z = vit158_pmin_vf(vit158_splat_vf(VIT158_ERF_LIMIT), z);
    z = vit158_pmax_vf(vit158_splat_vf(-VIT158_ERF_LIMIT), z);
    const vit158_vf u = vit158_mul_vf(z, z);
    vit158_vf p = vit158_splat_vf(VIT158_ERF_P5);
    p = vit158_horner_vf(p, u, VIT158_ERF_P4);
    p = vit158_horner_vf(p, u, VIT158_ERF_P3);
    p = vit158_horner_vf(p, u, VIT158_ERF_P2);
    p = vit158_horner_vf(p, u, VIT158_ERF_P1);
    p = vit158_horner_vf(p, u, VIT158_ERF_P0);
    vit158_vf q = vit158_splat_vf(VIT158_ERF_Q5);
    q = vit158_horner_vf(q, u, VIT158_ERF_Q4);
    q = vit158_horner_vf(q, u, VIT158_ERF_Q3);
    q = vit158_horner_vf(q, u, VIT158_ERF_Q2);
    q = vit158_horner_vf(q, u, VIT158_ERF_Q1);
    q = vit158_horner_vf(q, u, 1.0F);
    const vit158_vf half = vit158_mul_vf(vit158_splat_vf(0.5F), x);
    const vit158_vf erf = vit158_div_vf(vit158_mul_vf(z, p), q);
    return vit158_mul_vf(half, vit158_add_vf(vit158_splat_vf(1.0F), erf));
}

/* ---- Eight floats ---- */

static inline vit158_x8 vit158_load_x8(const float *s)
{
    vit158_x8 v;
    for (int i = 0; i < VIT158_X8_PARTS; i++)
        v.part[i] = vit158_load_vf(s + (ptrdiff_t)i * VIT158_VF_LANES);
    return v;
}

static inline void vit158_store_x8(float *s, vit158_x8 v)
{
    for (int i = 0; i < VIT158_X8_PARTS; i++)
        vit158_store_vf(s + (ptrdiff_t)i * VIT158_VF_LANES, v.part[i]);
}

static inline vit158_x8 vit158_splat_x8(float x)
{
    vit158_x8 v;
    for (int i = 0; i < VIT158_X8_PARTS; i++)
        v.part[i] = vit158_splat_vf(x);
    return v;
}

static inline vit158_x8 vit158_add_x8(vit158_x8 a, vit158_x8 b)
{
    for (int i = 0; i < VIT158_X8_PARTS; i++)
        a.part[i] = vit158_add_vf(a.part[i], b.part[i]);
    return a;
}

static inline vit158_x8 vit158_sub_x8(vit158_x8 a, vit158_x8 b)
{
    for (int i = 0; i < VIT158_X8_PARTS; i++)
        a.part[i] = vit158_sub_vf(a.part[i], b.part[i]);
    return a;
}

static inline vit158_x8 vit158_mul_x8(vit158_x8 a, vit158_x8 b)
{
    for (int i = 0; i < VIT158_X8_PARTS; i++)
        a.part[i] = vit158_mul_vf(a.part[i], b.part[i]);
    return a;
}

static inline vit158_x8 vit158_div_x8(vit158_x8 a, vit158_x8 b)
{
    for (int i = 0; i < VIT158_X8_PARTS; i++)
        a.part[i] = vit158_div_vf(a.part[i], b.part[i]);
    return a;
}

static inline vit158_x8 vit158_sqrt_x8(vit158_x8 a)
{
    for (int i = 0; i < VIT158_X8_PARTS; i++)
        a.part[i] = vit158_sqrt_vf(a.part[i]);
    return a;
}

/* The larger of each; pmax(a, b) is a < b ? b : a. */
static inline vit158_x8 vit158_pmax_x8(vit158_x8 a, vit158_x8 b)
{
    for (int i = 0; i < VIT158_X8_PARTS; i++)
        a.part[i] = vit158_pmax_vf(a.part[i], b.part[i]);
    return a;
}

/* The smaller; pmin(a, b) is b < a ? b : a. */
static inline vit158_x8 vit158_pmin_x8(vit158_x8 a, vit158_x8 b)
{
    for (int i = 0; i < VIT158_X8_PARTS; i++)
        a.part[i] = vit158_pmin_vf(a.part[i], b.part[i]);
    return a;
}

static inline vit158_x8 vit158_larger_magnitude_x8(vit158_x8 largest, vit158_x8 x)
{
    for (int i = 0; i < VIT158_X8_PARTS; i++)
        x.part[i] = vit158_larger_magnitude_vf(largest.part[i], x.part[i]);
    return x;
}

static inline vit158_x8 vit158_exp_x8(vit158_x8 x)
{
    for (int i = 0; i < VIT158_X8_PARTS; i++)
        x.part[i] = vit158_exp_vf(x.part[i]);
    return x;
}

/* vit158_striped_total of four lanes. */
static inline vit158_x8 vit158_striped_total_x8(const vit158_x8 lane[4])
{
    return vit158_add_x8(vit158_add_x8(lane[0], lane[1]), vit158_add_x8(lane[2], lane[3]));
}

/* ---- Between floats and integers ---- */

/* Floats of which every second one comes first: 0, 2, 4, 6, 1, 3, 5, 7. */
static inline vit158_x8 vit158_apart_x8(vit158_x8 x)
{
#if defined(VIT158_AVX2)
    const __m256i order = _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7);
    return (vit158_x8){{_mm256_permutevar8x32_ps(x.part[0], order)}};
#else
    return (vit158_x8){{wasm_i32x4_shuffle(x.part[0], x.part[1], 0, 2, 4, 6),
                        wasm_i32x4_shuffle(x.part[0], x.part[1], 1, 3, 5, 7)}};
#endif
}

/* The first four, and the last four. */
static inline v128_t vit158_low_x8(vit158_x8 x)
{
#if defined(VIT158_AVX2)
    return _mm_castps_si128(_mm256_castps256_ps128(x.part[0]));
#else
    return x.part[0];
#endif
}

static inline v128_t vit158_high_x8(vit158_x8 x)
{
#if defined(VIT158_AVX2)
    return _mm_castps_si128(_mm256_extractf128_ps(x.part[0], 1));
#else
    return x.part[1];
#endif
}

static inline float vit158_first_x8(vit158_x8 x)
{
    return wasm_f32x4_extract_lane(vit158_low_x8(x), 0);
}

/* vit158_quantize_i16 of eight values with their scales: eight int16. */
static inline v128_t vit158_quantize_i16_x8(vit158_x8 x, vit158_x8 s)
{
    const vit158_x8 y = vit158_add_x8(vit158_mul_x8(x, s), vit158_splat_x8(12582912.0F));
#if defined(VIT158_AVX2)
    const __m256i n =
        _mm256_sub_epi32(_mm256_castps_si256(y.part[0]), _mm256_set1_epi32(0x4B400000));
    return _mm_packs_epi32(_mm256_castsi256_si128(n), _mm256_extracti128_si256(n, 1));
#else
    const v128_t bias = wasm_i32x4_splat(0x4B400000);
    return wasm_i16x8_narrow_i32x4(wasm_i32x4_sub(y.part[0], bias),
                                   wasm_i32x4_sub(y.part[1], bias));
#endif
}

/* ---- Eight integers ---- */

static inline vit158_n8 vit158_zero_n8(void)
{
    vit158_n8 v;
    for (int i = 0; i < VIT158_X8_PARTS; i++)
        v.part[i] = vit158_splat_i16_vi(0);
    return v;
}

/* [8] int32, or [8][2] int16. */
static inline vit158_n8 vit158_load_n8(const void *s)
{
    vit158_n8 v;
    for (int i = 0; i < VIT158_X8_PARTS; i++)
        v.part[i] = vit158_load_vi((const int32_t *)s + (ptrdiff_t)i * VIT158_VF_LANES);
    return v;
}

static inline void vit158_store_n8(int32_t *s, vit158_n8 v)
{
    for (int i = 0; i < VIT158_X8_PARTS; i++)
        vit158_store_vi(s + (ptrdiff_t)i * VIT158_VF_LANES, v.part[i]);
}

static inline vit158_n8 vit158_add_n8(vit158_n8 a, vit158_n8 b)
{
    for (int i = 0; i < VIT158_X8_PARTS; i++)
        a.part[i] = vit158_add_i32_vi(a.part[i], b.part[i]);
    return a;
}

/* sum + the products of a pair, in every lane of `pair`, with eight pairs. */
static inline vit158_n8 vit158_add_dot_n8(vit158_n8 sum, vit158_vi pair, vit158_n8 x)
{
    for (int i = 0; i < VIT158_X8_PARTS; i++)
        sum.part[i] = vit158_add_i32_vi(sum.part[i], vit158_dot_vi(pair, x.part[i]));
    return sum;
}

/* Eight int16 widened, times 2^shift. */
static inline vit158_n8 vit158_widen_n8(v128_t x, uint32_t shift)
{
#if defined(VIT158_AVX2)
    return (vit158_n8){{_mm256_slli_epi32(_mm256_cvtepi16_epi32(x), (int)shift)}};
#else
    return (vit158_n8){{wasm_i32x4_shl(wasm_i32x4_extend_low_i16x8(x), shift),
                        wasm_i32x4_shl(wasm_i32x4_extend_high_i16x8(x), shift)}};
#endif
}

/* Eight results of a quantized product; `step` is scale[o] * r[t] of the tokens. */
static inline vit158_x8 vit158_dequantize_x8(vit158_n8 sum, vit158_x8 step)
{
    for (int i = 0; i < VIT158_X8_PARTS; i++)
        step.part[i] = vit158_mul_vf(vit158_convert_vi(sum.part[i]), step.part[i]);
    return step;
}

#endif
