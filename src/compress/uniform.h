/* SPDX-License-Identifier: MIT
 *
 * The uniform quantizer of post-training quantization (METHODS.md 2.6): step * clip(rne(x / step)).
 */
#ifndef VIT158_COMPRESS_UNIFORM_H
#define VIT158_COMPRESS_UNIFORM_H

#include <math.h>
#include <stddef.h>

#include "base/numerics.h"

/* Smallest step, of values that are all 0. */
#define VIT158_UNIFORM_LEAST 1e-12F

typedef struct vit158_uniform {
    float step;
    float low, high; /* in steps */
} vit158_uniform;

/* -2^(bits-1) .. 2^(bits-1) - 1; with 8 bits -127 .. 127, as files and engine have it. bits 2 .. 16
 */
static inline vit158_uniform vit158_uniform_signed(float step, uint32_t bits)
{
    const float half = (float)(1U << (bits - 1));
    return (vit158_uniform){step, bits == 8 ? 1.0F - half : -half, half - 1.0F};
}

/* 0 .. 2^bits - 1 */
static inline vit158_uniform vit158_uniform_unsigned(float step, uint32_t bits)
{
    return (vit158_uniform){step, 0.0F, (float)((1U << bits) - 1U)};
}

/* The step at which `largest` is the largest level. */
static inline float vit158_uniform_step(float largest, float high)
{
    return fmaxf(largest / high, VIT158_UNIFORM_LEAST);
}

/* y[i] = what x[i] becomes; y may be x. */
static inline void vit158_uniform_round(float *y, const float *x, size_t count, vit158_uniform u)
{
    const float scale = 1.0F / u.step;
    for (size_t i = 0; i < count; i++) {
        float v = x[i] * scale;
        v = v < u.low ? u.low : v;
        v = v > u.high ? u.high : v;
        y[i] = vit158_rne(v) * u.step;
    }
}

#endif
