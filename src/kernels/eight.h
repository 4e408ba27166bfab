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

/* vit158_striped_total of four lanes. */
static inline vit158_x8 vit158_striped_total_x8(const vit158_x8 lane[4])
{
    return vit158_add_x8(vit158_add_x8(lane[0], lane[1]), vit158_add_x8(lane[2], lane[3]));
}

/* ---- Functions of numerics.h, of eight floats ---- */

/* A constant for all parts of a group; pinned, so that they share it and each step is done of all
 * parts before the next: chains of many steps, which wait for each other's results, run side by
 * side. */
static inline vit158_vf vit158_shared_vf(float c)
{
    vit158_vf v = vit158_splat_vf(c);
    VIT158_PIN(v);
    return v;
}

/* p * x + c, two roundings. */
static inline vit158_x8 vit158_horner_x8(vit158_x8 p, vit158_x8 x, float c)
{
    const vit158_vf shared = vit158_shared_vf(c);
    for (int i = 0; i < VIT158_X8_PARTS; i++)
        p.part[i] = vit158_add_vf(vit158_mul_vf(p.part[i], x.part[i]), shared);
    return p;
}

/* vit158_exp */
static inline vit158_x8 vit158_exp_x8(vit158_x8 x)
{
    const vit158_vf least = vit158_shared_vf(VIT158_EXP_MIN);
    const vit158_vf magic = vit158_shared_vf(12582912.0F);
    vit158_x8 shifted, r, p = vit158_splat_x8(VIT158_EXP_C7);
    for (int i = 0; i < VIT158_X8_PARTS; i++) {
        const vit158_vf clamped = vit158_pmax_vf(least, x.part[i]);
        /* The low nine bits of `shifted` are those of the integer n. */
        shifted.part[i] =
            vit158_add_vf(vit158_mul_vf(clamped, vit158_splat_vf(VIT158_EXP_LOG2E)), magic);
        const vit158_vf n = vit158_sub_vf(shifted.part[i], magic);
        const vit158_vf high = vit158_mul_vf(n, vit158_splat_vf(VIT158_EXP_LN2_HI));
        const vit158_vf low = vit158_mul_vf(n, vit158_splat_vf(VIT158_EXP_LN2_LO));
        r.part[i] = vit158_sub_vf(vit158_sub_vf(clamped, high), low);
    }
    p = vit158_horner_x8(p, r, VIT158_EXP_C6);
    p = vit158_horner_x8(p, r, VIT158_EXP_C5);
    p = vit158_horner_x8(p, r, VIT158_EXP_C4);
    p = vit158_horner_x8(p, r, VIT158_EXP_C3);
    p = vit158_horner_x8(p, r, VIT158_EXP_C2);
    p = vit158_horner_x8(p, r, 1.0F);
    p = vit158_horner_x8(p, r, 1.0F);
    for (int i = 0; i < VIT158_X8_PARTS; i++)
        x.part[i] = vit158_zero_if_less_vf(
            x.part[i], least, vit158_mul_vf(p.part[i], vit158_power_vf(shifted.part[i])));
    return x;
}

/* vit158_gelu */
static inline vit158_x8 vit158_gelu_x8(vit158_x8 x)
{
    vit158_x8 z = vit158_mul_x8(x, vit158_splat_x8(VIT158_SQRT_HALF));
    z = vit158_pmin_x8(vit158_splat_x8(VIT158_ERF_LIMIT), z);
    z = vit158_pmax_x8(vit158_splat_x8(-VIT158_ERF_LIMIT), z);
    const vit158_x8 u = vit158_mul_x8(z, z);
    vit158_x8 p = vit158_splat_x8(VIT158_ERF_P5);
    p = vit158_horner_x8(p, u, VIT158_ERF_P4);
    p = vit158_horner_x8(p, u, VIT158_ERF_P3);
    p = vit158_horner_x8(p, u, VIT158_ERF_P2);
    p = vit158_horner_x8(p, u, VIT158_ERF_P1);
    p = vit158_horner_x8(p, u, VIT158_ERF_P0);
    vit158_x8 q = vit158_splat_x8(VIT158_ERF_Q5);
    q = vit158_horner_x8(q, u, VIT158_ERF_Q4);
    q = vit158_horner_x8(q, u, VIT158_ERF_Q3);
    q = vit158_horner_x8(q, u, VIT158_ERF_Q2);
    q = vit158_horner_x8(q, u, VIT158_ERF_Q1);
    q = vit158_horner_x8(q, u, 1.0F);
    const vit158_x8 half = vit158_mul_x8(vit158_splat_x8(0.5F), x);
    const vit158_x8 erf = vit158_div_x8(vit158_mul_x8(z, p), q);
    return vit158_mul_x8(half, vit158_add_x8(vit158_splat_x8(1.0F), erf));
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
