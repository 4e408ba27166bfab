/* SPDX-License-Identifier: MIT
 *
 * 16-bit floats as bit patterns: widening to F32 is exact, narrowing rounds half to even.
 */
#ifndef VIT158_MODEL_HALF_H
#define VIT158_MODEL_HALF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/numerics.h"

/* IEEE binary16; infinities and NaNs stay such. */
static inline float vit158_f16_widen(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000U) << 16;
    const uint32_t exponent = half >> 10 & 31U;
    const uint32_t fraction = half & 0x3FFU;
    if (exponent == 0) { /* zero or subnormal: fraction * 2^-24 */
        const float value = (float)fraction * 0x1p-24F;
        return sign != 0 ? -value : value;
    }
    const uint32_t biased = exponent == 31 ? 255 : exponent + 112;
    return vit158_float_from_bits(sign | biased << 23 | fraction << 13);
}

/* bfloat16: the upper half of an F32. */
static inline float vit158_bf16_widen(uint16_t half)
{
    return vit158_float_from_bits((uint32_t)half << 16);
}

/* The nearest bfloat16; false if the value is not finite or rounds to infinity. */
static inline bool vit158_bf16_narrow(uint16_t *half, float value)
{
    const uint32_t bits = vit158_bits_from_float(value);
    const uint32_t rounded = bits + 0x7FFFU + (bits >> 16 & 1U);
    if ((bits & 0x7FFFFFFFU) >= 0x7F800000U || (rounded & 0x7FFFFFFFU) >= 0x7F800000U)
        return false;
    *half = (uint16_t)(rounded >> 16);
    return true;
}

/* False if the value is not finite or rounds to 65536 or more. */
static inline bool vit158_f16_narrow(uint16_t *half, float value)
{
    const uint32_t bits = vit158_bits_from_float(value);
    const uint32_t sign = bits >> 16 & 0x8000U;
    const uint32_t magnitude = bits & 0x7FFFFFFFU;
    if (magnitude >= 0x477FF000U) /* 65520, half way from the largest half, 65504, to 65536 */
        return false;
    if (magnitude < 0x38800000U) { /* below 2^-14: multiples of 2^-24, the ulp of [0.5, 1) */
        const float shifted = vit158_float_from_bits(magnitude) + 0.5F;
        *half = (uint16_t)(sign | (vit158_bits_from_float(shifted) - 0x3F000000U));
        return true;
    }
    const uint32_t odd = magnitude >> 13 & 1U;
    *half = (uint16_t)(sign | ((magnitude - 0x38000000U + 0xFFFU + odd) >> 13));
    return true;
}

#endif
