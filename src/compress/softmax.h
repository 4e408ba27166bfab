/* SPDX-License-Identifier: MIT */
#ifndef VIT158_COMPRESS_SOFTMAX_H
#define VIT158_COMPRESS_SOFTMAX_H

#include <math.h>
#include <stdint.h>

/* Probabilities p [n] of logits z [n]; they may be the same. */
static inline void vit158_softmax_logits(float *p, const float *z, uint32_t n)
{
    float largest = z[0], total = 0;
    for (uint32_t c = 1; c < n; c++)
        largest = fmaxf(largest, z[c]);
    for (uint32_t c = 0; c < n; c++)
        total += p[c] = expf(z[c] - largest);
    for (uint32_t c = 0; c < n; c++)
        p[c] /= total;
}

#endif
