/* SPDX-License-Identifier: MIT
 *
 * A register's worth of floats as a GNU vector type: 16 lanes with AVX-512, 8 with AVX2, else 4,
 * according to the flags of the file that includes it. Row widths are multiples of 16, so no loop
 * has a tail. Trainer only: contraction to FMA is allowed here.
 */
#ifndef VIT158_TRAIN_VEC_H
#define VIT158_TRAIN_VEC_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/numerics.h"

/* "The ABI for passing vector arguments has changed": these functions are inlined everywhere. */
#pragma GCC diagnostic ignored "-Wpsabi"

#if defined(__AVX512F__)
#define VIT158_TRAIN_LANES 16U
#elif defined(__AVX2__)
#define VIT158_TRAIN_LANES 8U
#else
#define VIT158_TRAIN_LANES 4U
#endif

typedef float vf __attribute__((vector_size(4 * VIT158_TRAIN_LANES)));
typedef int32_t vi __attribute__((vector_size(4 * VIT158_TRAIN_LANES)));
typedef int16_t vi16 __attribute__((vector_size(2 * VIT158_TRAIN_LANES)));
typedef int8_t vi8 __attribute__((vector_size(VIT158_TRAIN_LANES)));
typedef float vf_loose __attribute__((vector_size(4 * VIT158_TRAIN_LANES), aligned(4), may_alias));
typedef int32_t vi_loose
    __attribute__((vector_size(4 * VIT158_TRAIN_LANES), aligned(4), may_alias));

static inline vf vf_load(const float *p)
{
    return *(const vf_loose *)p;
}

static inline void vf_store(float *p, vf x)
{
    *(vf_loose *)p = x;
}

static inline vi vi_load(const void *p)
{
    return *(const vi_loose *)p;
}

static inline void vi_store(void *p, vi x)
{
    *(vi_loose *)p = x;
}

static inline vf vf_set(float x)
{
    return x - (vf){0};
}

static inline vi vi_set(int32_t x)
{
    return x - (vi){0};
}

static inline vf vf_from_bits(vi x)
{
    vf y;
    memcpy(&y, &x, sizeof y);
    return y;
}

static inline vi vf_bits(vf x)
{
    vi y;
    memcpy(&y, &x, sizeof y);
    return y;
}

/* mask lanes are 0 or -1, as comparisons give them. */
static inline vf vf_select(vi mask, vf yes, vf no)
{
    return vf_from_bits((mask & vf_bits(yes)) | (~mask & vf_bits(no)));
}

static inline vf vf_max(vf a, vf b)
{
    return vf_select(a > b, a, b);
}

static inline vf vf_min(vf a, vf b)
{
    return vf_select(a < b, a, b);
}

static inline vf vf_abs(vf x)
{
    return vf_from_bits(vf_bits(x) & vi_set(0x7FFFFFFF));
}

static inline float vf_sum(vf x)
{
#if VIT158_TRAIN_LANES == 16U
    typedef float vf8 __attribute__((vector_size(32)));
    const vf8 half = __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) +
                     __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
#else
    const vf half = x;
#endif
#if VIT158_TRAIN_LANES >= 8U
    typedef float vf4 __attribute__((vector_size(16)));
    const vf4 quarter = __builtin_shufflevector(half, half, 0, 1, 2, 3) +
                        __builtin_shufflevector(half, half, 4, 5, 6, 7);
#else
    const vf quarter = half;
#endif
    return (quarter[0] + quarter[1]) + (quarter[2] + quarter[3]);
}

static inline float vf_largest(vf x)
{
#if VIT158_TRAIN_LANES == 16U
    x = vf_max(x,
               __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
    x = vf_max(x,
               __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15));
#elif VIT158_TRAIN_LANES == 8U
    x = vf_max(x, __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3));
#endif
    const float p = x[0] > x[1] ? x[0] : x[1];
    const float q = x[2] > x[3] ? x[2] : x[3];
    return p > q ? p : q;
}

/* The constant 1.5 * 2^23 added to x * s as an integer-valued float; the product is kept from
 * being contracted into the addition, so the result equals vit158_rne(x * s). */
static inline vi vf_quantize(vf x, vf s)
{
    vf product = x * s;
#if defined(__AVX512F__)
    __asm__("" : "+v"(product));
#elif defined(__x86_64__)
    __asm__("" : "+x"(product));
#else
    __asm__("" : "+m"(product));
#endif
    return vf_bits(product + vf_set(12582912.0F)) - vi_set(0x4B400000);
}

/* numerics.h's vit158_exp on all lanes, for any x <= 88. */
static inline vf vf_exp(vf x)
{
    const vf clamped = vf_max(x, vf_set(VIT158_EXP_MIN));
    const vf shifted = clamped * VIT158_EXP_LOG2E + 12582912.0F;
    const vf n = shifted - 12582912.0F;
    const vf r = (clamped - n * VIT158_EXP_LN2_HI) - n * VIT158_EXP_LN2_LO;
    vf p = vf_set(VIT158_EXP_C7);
    p = p * r + VIT158_EXP_C6;
    p = p * r + VIT158_EXP_C5;
    p = p * r + VIT158_EXP_C4;
    p = p * r + VIT158_EXP_C3;
    p = p * r + VIT158_EXP_C2;
    p = p * r + 1.0F;
    p = p * r + 1.0F;
    const vi power = (vf_bits(shifted) - vi_set(0x4B400000) + vi_set(127)) << 23;
    return p * vf_from_bits(power);
}

/* 0.5 (1 + erf(x / sqrt 2)) with numerics.h's erf. */
static inline vf vf_normal_cdf(vf x)
{
    vf z = x * VIT158_SQRT_HALF;
    z = vf_max(vf_min(z, vf_set(VIT158_ERF_LIMIT)), vf_set(-VIT158_ERF_LIMIT));
    const vf u = z * z;
    vf p = vf_set(VIT158_ERF_P5);
    p = p * u + VIT158_ERF_P4;
    p = p * u + VIT158_ERF_P3;
    p = p * u + VIT158_ERF_P2;
    p = p * u + VIT158_ERF_P1;
    p = p * u + VIT158_ERF_P0;
    vf q = vf_set(VIT158_ERF_Q5);
    q = q * u + VIT158_ERF_Q4;
    q = q * u + VIT158_ERF_Q3;
    q = q * u + VIT158_ERF_Q2;
    q = q * u + VIT158_ERF_Q1;
    q = q * u + 1.0F;
    return 0.5F + 0.5F * ((z * p) / q);
}

#endif
