/* SPDX-License-Identifier: MIT
 *
 * The arithmetic every variant shares, written in an order that four-lane SIMD code can follow, so
 * that scalar and SIMD results are the same bits. Compile with -ffp-contract=off and without
 * -ffast-math. src/README.md has the rules, kernels.h the order of each operation.
 */
#ifndef VIT158_BASE_NUMERICS_H
#define VIT158_BASE_NUMERICS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Raised whenever the bits of a result may change. */
#define VIT158_NUMERICS_VERSION 1

/* Smallest divisor of both quantizers (METHODS.md 1.2). */
#define VIT158_QUANT_FLOOR 1e-5F

/* Attention in int16: queries and keys to 12 bits a token, values to 16 a channel, probabilities to
 * 16 (they sum to 1). Sums stay below 2^31 for heads of at most VIT158_I16_MAX_HEAD channels. */
#define VIT158_I16_TOKEN_LEVELS 2047.0F
#define VIT158_I16_LEVELS 32767.0F
#define VIT158_I16_FLOOR 1e-30F
#define VIT158_I16_MAX_HEAD 512U

/* Rounds half to even; |x| < 2^22. Adding 1.5 * 2^23 leaves no fraction bits in the sum. */
static inline float vit158_rne(float x)
{
    return (x + 12582912.0F) - 12582912.0F;
}

/* Activation quantizer (METHODS.md 1.2): q = rne(x * s) with s = 127 / max(absmax, 1e-5). */
static inline float vit158_quant_scale(float absmax)
{
    return 127.0F / (absmax > VIT158_QUANT_FLOOR ? absmax : VIT158_QUANT_FLOOR);
}

static inline float vit158_float_from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t vit158_bits_from_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Finite by its bits: -ffast-math in a caller cannot fold this away. */
static inline bool vit158_is_finite(float value)
{
    return (vit158_bits_from_float(value) & 0x7F800000U) != 0x7F800000U;
}

/* rne(x * s) as an integer: after adding 1.5 * 2^23 the float's bits exceed those of 1.5 * 2^23 by
 * the rounded value. |x * s| <= 127 up to the product's rounding; clamped, so that a value that is
 * not finite gives some byte. */
static inline int8_t vit158_quantize(float x, float s)
{
    const uint32_t bits = vit158_bits_from_float(x * s + 12582912.0F);
    const int32_t value = (int32_t)(bits - 0x4B400000U);
    return (int8_t)(value > 127 ? 127 : value < -128 ? -128 : value);
}

/* The larger of `largest`, which is not negative, and |x|; NaN if one of them is: with the sign
 * off, floats order as their bits do, NaN beyond infinity. */
static inline float vit158_larger_magnitude(float largest, float x)
{
    const uint32_t magnitude = vit158_bits_from_float(x) & 0x7FFFFFFFU;
    return magnitude > vit158_bits_from_float(largest) ? vit158_float_from_bits(magnitude)
                                                       : largest;
}

/* rne(x * s) as int16, for |x * s| <= 32767 up to the product's rounding; clamped, so that a value
 * that is not finite gives some int16. */
static inline int16_t vit158_quantize_i16(float x, float s)
{
    const uint32_t bits = vit158_bits_from_float(x * s + 12582912.0F);
    const int32_t value = (int32_t)(bits - 0x4B400000U);
    return (int16_t)(value > 32767 ? 32767 : value < -32768 ? -32768 : value);
}

/* e^x for x <= 0; 0 below VIT158_EXP_MIN. Cody and Waite reduction x = n ln2 + r, |r| <= ln2/2,
 * then Taylor's polynomial of degree 7 in Horner form; relative error < 2e-7 (tested). */
#define VIT158_EXP_MIN (-87.0F)
#define VIT158_EXP_LOG2E 1.44269504F
#define VIT158_EXP_LN2_HI 0.693359375F /* 9 significant bits: n * hi is exact for |n| < 2^15 */
#define VIT158_EXP_LN2_LO (-2.12194440e-4F)
#define VIT158_EXP_C2 0.5F
#define VIT158_EXP_C3 0.166666667F
#define VIT158_EXP_C4 0.0416666667F
#define VIT158_EXP_C5 0.00833333333F
#define VIT158_EXP_C6 0.00138888889F
#define VIT158_EXP_C7 0.000198412698F

static inline float vit158_exp(float x)
{
    const float clamped = x > VIT158_EXP_MIN ? x : VIT158_EXP_MIN;
    const float n = vit158_rne(clamped * VIT158_EXP_LOG2E);
    const float r = (clamped - n * VIT158_EXP_LN2_HI) - n * VIT158_EXP_LN2_LO;
    float p = VIT158_EXP_C7;
    p = p * r + VIT158_EXP_C6;
    p = p * r + VIT158_EXP_C5;
    p = p * r + VIT158_EXP_C4;
    p = p * r + VIT158_EXP_C3;
    p = p * r + VIT158_EXP_C2;
    p = p * r + 1.0F;
    p = p * r + 1.0F;
    const float power = vit158_float_from_bits((uint32_t)((int32_t)n + 127) << 23);
    return x < VIT158_EXP_MIN ? 0.0F : p * power;
}

/* ln x for x >= 1 (finite). x = 2^n m with sqrt(1/2) < m < sqrt 2, and ln m = 2 artanh(s) with
 * s = (m - 1) / (m + 1), |s| < 0.1716, by its series to s^9 in Horner form; error < 2e-7 of
 * max(1, ln x) (tested), and ln 1 = 0. */
#define VIT158_LOG_C9 0.111111111F
#define VIT158_LOG_C7 0.142857143F
#define VIT158_LOG_C5 0.2F
#define VIT158_LOG_C3 0.333333333F

static inline float vit158_log(float x)
{
    const uint32_t bits = vit158_bits_from_float(x);
    /* Counted from the bits of sqrt(1/2), so that m lies around 1. */
    const int32_t n = (int32_t)((bits - 0x3F3504F3U) >> 23);
    const float m = vit158_float_from_bits(bits - ((uint32_t)n << 23));
    const float s = (m - 1.0F) / (m + 1.0F);
    const float u = s * s;
    float p = VIT158_LOG_C9;
    p = p * u + VIT158_LOG_C7;
    p = p * u + VIT158_LOG_C5;
    p = p * u + VIT158_LOG_C3;
    p = p * u + 1.0F;
    const float whole = (float)n;
    return whole * VIT158_EXP_LN2_HI + (whole * VIT158_EXP_LN2_LO + (2.0F * s) * p);
}

/* erf(z) = z P(z^2) / Q(z^2) on |z| <= 3.925, constant beyond (1 - erf(3.925) < 3e-8).
 * Coefficients: our weighted least-squares fit to erf; absolute error < 5e-7 in float arithmetic
 * (tested). */
#define VIT158_ERF_LIMIT 3.925F
#define VIT158_ERF_P0 1.128378987312317F
#define VIT158_ERF_P1 0.1929732710123062F
#define VIT158_ERF_P2 0.05308443680405617F
#define VIT158_ERF_P3 0.0038763554766774178F
#define VIT158_ERF_P4 0.00028749238117597997F
#define VIT158_ERF_P5 2.030857785939588e-06F
#define VIT158_ERF_Q1 0.5043497681617737F
#define VIT158_ERF_Q2 0.11516774445772171F
#define VIT158_ERF_Q3 0.015188411809504032F
#define VIT158_ERF_Q4 0.0011897562071681023F
#define VIT158_ERF_Q5 3.80313431378454e-05F
#define VIT158_SQRT_HALF 0.70710678F

/* GELU, exact form: 0.5 x (1 + erf(x / sqrt 2)) (METHODS.md 1.1). */
static inline float vit158_gelu(float x)
{
    float z = x * VIT158_SQRT_HALF;
    z = z < VIT158_ERF_LIMIT ? z : VIT158_ERF_LIMIT;
    z = z > -VIT158_ERF_LIMIT ? z : -VIT158_ERF_LIMIT;
    const float u = z * z;
    float p = VIT158_ERF_P5;
    p = p * u + VIT158_ERF_P4;
    p = p * u + VIT158_ERF_P3;
    p = p * u + VIT158_ERF_P2;
    p = p * u + VIT158_ERF_P1;
    p = p * u + VIT158_ERF_P0;
    float q = VIT158_ERF_Q5;
    q = q * u + VIT158_ERF_Q4;
    q = q * u + VIT158_ERF_Q3;
    q = q * u + VIT158_ERF_Q2;
    q = q * u + VIT158_ERF_Q1;
    q = q * u + 1.0F;
    return (0.5F * x) * (1.0F + (z * p) / q);
}

/* x sigmoid(z) with z = x (curve[0] + curve[1] x^2): the GELUs that are no error function. The
 * exponential is taken of -|z|, so it never overflows. */
#define VIT158_GELU_TANH_CURVE                                                                     \
    {                                                                                              \
        1.59576912F, 0.0713548163F                                                                 \
    } /* 2 sqrt(2 / pi), and 0.044715 times it: 0.5 x (1 + tanh(z / 2)) */
#define VIT158_QUICK_GELU_CURVE                                                                    \
    {                                                                                              \
        1.702F, 0.0F                                                                               \
    }

static inline float vit158_sigmoid_gelu(float x, const float curve[2])
{
    const float z = x * (curve[0] + (curve[1] * x) * x);
    const float e = vit158_exp(z < 0.0F ? z : -z);
    return x * ((z < 0.0F ? e : 1.0F) / (1.0F + e));
}

/* End of a reduction over a row: four striped partial sums (lane j adds elements j, j + 4, ...),
 * then (s0 + s1) + (s2 + s3). */
static inline float vit158_striped_total(const float lanes[4])
{
    return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

#endif
