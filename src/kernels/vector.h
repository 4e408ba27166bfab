/* SPDX-License-Identifier: MIT
 *
 * One register of floats (vf) or integers (vi): SIMD128's of 16 bytes, or AVX2's of 32 where
 * VIT158_AVX2 is defined. The kernels of the *_simd128.c files are written in these and in the
 * groups of eight of ops_simd128.h, and are compiled once for either; every operation below is
 * exact or rounds once, so both give the same bits.
 */
#ifndef VIT158_KERNELS_VECTOR_H
#define VIT158_KERNELS_VECTOR_H

#include "kernels/simd128.h"

#if defined(VIT158_AVX2)

#include <immintrin.h>

typedef __m256 vit158_vf;
typedef __m256i vit158_vi;

enum { VIT158_VF_LANES = 8, VIT158_VI16_LANES = 16 };

static inline vit158_vf vit158_load_vf(const float *s)
{
    return _mm256_loadu_ps(s);
}

static inline void vit158_store_vf(float *s, vit158_vf v)
{
    _mm256_storeu_ps(s, v);
}

static inline vit158_vf vit158_splat_vf(float x)
{
    return _mm256_set1_ps(x);
}

static inline vit158_vf vit158_add_vf(vit158_vf a, vit158_vf b)
{
    return _mm256_add_ps(a, b);
}

static inline vit158_vf vit158_sub_vf(vit158_vf a, vit158_vf b)
{
    return _mm256_sub_ps(a, b);
}

static inline vit158_vf vit158_mul_vf(vit158_vf a, vit158_vf b)
{
    return _mm256_mul_ps(a, b);
}

static inline vit158_vf vit158_div_vf(vit158_vf a, vit158_vf b)
{
    return _mm256_div_ps(a, b);
}

static inline vit158_vf vit158_sqrt_vf(vit158_vf a)
{
    return _mm256_sqrt_ps(a);
}

static inline vit158_vf vit158_neg_vf(vit158_vf a)
{
    return _mm256_xor_ps(a, _mm256_set1_ps(-0.0F));
}

/* a < b ? b : a */
static inline vit158_vf vit158_pmax_vf(vit158_vf a, vit158_vf b)
{
    return _mm256_max_ps(b, a);
}

/* b < a ? b : a */
static inline vit158_vf vit158_pmin_vf(vit158_vf a, vit158_vf b)
{
    return _mm256_min_ps(b, a);
}

/* a < b ? x : y */
static inline vit158_vf vit158_if_less_vf(vit158_vf a, vit158_vf b, vit158_vf x, vit158_vf y)
{
    return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
}

/* a < b ? 0 : x */
static inline vit158_vf vit158_zero_if_less_vf(vit158_vf a, vit158_vf b, vit158_vf x)
{
    return _mm256_andnot_ps(_mm256_cmp_ps(a, b, _CMP_LT_OQ), x);
}

/* The larger of two as integers, of the second without its sign: see vit158_larger_magnitude. */
static inline vit158_vf vit158_larger_magnitude_vf(vit158_vf largest, vit158_vf x)
{
    const __m256 magnitude = _mm256_andnot_ps(_mm256_set1_ps(-0.0F), x);
    return _mm256_castsi256_ps(
        _mm256_max_epi32(_mm256_castps_si256(largest), _mm256_castps_si256(magnitude)));
}

/* 2^n as floats, from floats whose low nine bits are those of the integers n. */
static inline vit158_vf vit158_power_vf(vit158_vf shifted)
{
    const __m256i biased = _mm256_add_epi32(_mm256_castps_si256(shifted), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23));
}

static inline vit158_vi vit158_splat_i16_vi(int16_t x)
{
    return _mm256_set1_epi16(x);
}

/* Two int16 in every 32-bit lane. */
static inline vit158_vi vit158_splat_pair_vi(const int16_t *pair)
{
    int32_t both;
    memcpy(&both, pair, sizeof both);
    return _mm256_set1_epi32(both);
}

static inline vit158_vi vit158_load_vi(const void *s)
{
    return _mm256_loadu_si256(s);
}

static inline void vit158_store_vi(void *s, vit158_vi v)
{
    _mm256_storeu_si256(s, v);
}

/* int8 values widened to int16: `halves` times eight of them, zero behind. */
static inline vit158_vi vit158_load_i8_vi(const int8_t *s, uint32_t halves)
{
    return _mm256_cvtepi8_epi16(halves == 2 ? _mm_loadu_si128((const void *)s)
                                            : _mm_loadl_epi64((const void *)s));
}

static inline vit158_vi vit158_add_i16_vi(vit158_vi a, vit158_vi b)
{
    return _mm256_add_epi16(a, b);
}

static inline vit158_vi vit158_sub_i16_vi(vit158_vi a, vit158_vi b)
{
    return _mm256_sub_epi16(a, b);
}

static inline vit158_vi vit158_abs_i16_vi(vit158_vi a)
{
    return _mm256_abs_epi16(a);
}

static inline vit158_vi vit158_add_i32_vi(vit158_vi a, vit158_vi b)
{
    return _mm256_add_epi32(a, b);
}

/* The sums of products of pairs of int16. */
static inline vit158_vi vit158_dot_vi(vit158_vi a, vit158_vi b)
{
    return _mm256_madd_epi16(a, b);
}

static inline vit158_vf vit158_convert_vi(vit158_vi a)
{
    return _mm256_cvtepi32_ps(a);
}

#else

typedef v128_t vit158_vf;
typedef v128_t vit158_vi;

enum { VIT158_VF_LANES = 4, VIT158_VI16_LANES = 8 };

static inline vit158_vf vit158_load_vf(const float *s)
{
    return wasm_v128_load(s);
}

static inline void vit158_store_vf(float *s, vit158_vf v)
{
    wasm_v128_store(s, v);
}

static inline vit158_vf vit158_splat_vf(float x)
{
    return wasm_f32x4_splat(x);
}

static inline vit158_vf vit158_add_vf(vit158_vf a, vit158_vf b)
{
    return wasm_f32x4_add(a, b);
}

static inline vit158_vf vit158_sub_vf(vit158_vf a, vit158_vf b)
{
    return wasm_f32x4_sub(a, b);
}

static inline vit158_vf vit158_mul_vf(vit158_vf a, vit158_vf b)
{
    return wasm_f32x4_mul(a, b);
}

static inline vit158_vf vit158_div_vf(vit158_vf a, vit158_vf b)
{
    return wasm_f32x4_div(a, b);
}

static inline vit158_vf vit158_sqrt_vf(vit158_vf a)
{
    return wasm_f32x4_sqrt(a);
}

static inline vit158_vf vit158_neg_vf(vit158_vf a)
{
    return wasm_f32x4_neg(a);
}

static inline vit158_vf vit158_pmax_vf(vit158_vf a, vit158_vf b)
{
    return wasm_f32x4_pmax(a, b);
}

static inline vit158_vf vit158_pmin_vf(vit158_vf a, vit158_vf b)
{
    return wasm_f32x4_pmin(a, b);
}

static inline vit158_vf vit158_if_less_vf(vit158_vf a, vit158_vf b, vit158_vf x, vit158_vf y)
{
    return wasm_v128_bitselect(x, y, wasm_f32x4_lt(a, b));
}

static inline vit158_vf vit158_zero_if_less_vf(vit158_vf a, vit158_vf b, vit158_vf x)
{
    return wasm_v128_andnot(x, wasm_f32x4_lt(a, b));
}

static inline vit158_vf vit158_larger_magnitude_vf(vit158_vf largest, vit158_vf x)
{
    return wasm_i32x4_max(largest, wasm_f32x4_abs(x));
}

static inline vit158_vf vit158_power_vf(vit158_vf shifted)
{
    return wasm_i32x4_shl(wasm_i32x4_add(shifted, wasm_i32x4_splat(127)), 23);
}

static inline vit158_vi vit158_splat_i16_vi(int16_t x)
{
    return wasm_i16x8_splat(x);
}

static inline vit158_vi vit158_splat_pair_vi(const int16_t *pair)
{
    return wasm_v128_load32_splat(pair);
}

static inline vit158_vi vit158_load_vi(const void *s)
{
    return wasm_v128_load(s);
}

static inline void vit158_store_vi(void *s, vit158_vi v)
{
    wasm_v128_store(s, v);
}

static inline vit158_vi vit158_load_i8_vi(const int8_t *s, uint32_t halves)
{
    (void)halves; /* a register has one */
    return wasm_i16x8_load8x8(s);
}

static inline vit158_vi vit158_add_i16_vi(vit158_vi a, vit158_vi b)
{
    return wasm_i16x8_add(a, b);
}

static inline vit158_vi vit158_sub_i16_vi(vit158_vi a, vit158_vi b)
{
    return wasm_i16x8_sub(a, b);
}

static inline vit158_vi vit158_abs_i16_vi(vit158_vi a)
{
    return wasm_i16x8_abs(a);
}

static inline vit158_vi vit158_add_i32_vi(vit158_vi a, vit158_vi b)
{
    return wasm_i32x4_add(a, b);
}

static inline vit158_vi vit158_dot_vi(vit158_vi a, vit158_vi b)
{
    return wasm_i32x4_dot_i16x8(a, b);
}

static inline vit158_vf vit158_convert_vi(vit158_vi a)
{
    return wasm_f32x4_convert_i32x4(a);
}

#endif

#endif
