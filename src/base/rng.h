/* SPDX-License-Identifier: MIT
 *
 * xoshiro256** (Blackman and Vigna 2018), seeded by splitmix64: small, fast, the same sequence on
 * every machine.
 */
#ifndef VIT158_BASE_RNG_H
#define VIT158_BASE_RNG_H

#include <stdint.h>

typedef struct vit158_rng {
    uint64_t state[4];
} vit158_rng;

vit158_rng vit158_rng_seed(uint64_t seed);
uint64_t vit158_rng_next(vit158_rng *rng);
/* Uniform in 0 .. bound - 1 without bias; bound >= 1. */
uint32_t vit158_rng_below(vit158_rng *rng, uint32_t bound);
/* Uniform in [0, 1), 24 bits. */
float vit158_rng_uniform(vit158_rng *rng);
/* Standard normal, by the polar method. */
float vit158_rng_normal(vit158_rng *rng);

#endif
