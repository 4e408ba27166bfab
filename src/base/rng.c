/* SPDX-License-Identifier: MIT */
#include "base/rng.h"

#include <math.h>

static uint64_t rotate_left(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

vit158_rng vit158_rng_seed(uint64_t seed)
{
    vit158_rng rng;
    for (int i = 0; i < 4; i++) {
        seed += 0x9E3779B97F4A7C15ULL;
        uint64_t z = seed;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
        rng.state[i] = z ^ (z >> 31);
    }
    return rng;
}

uint64_t vit158_rng_next(vit158_rng *rng)
{
    uint64_t *s = rng->state;
    const uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    const uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint32_t vit158_rng_below(vit158_rng *rng, uint32_t bound)
{
    /* Lemire 2019: multiply-shift, rejecting the few products that would bias small values. */
    const uint32_t reject_below = (0U - bound) % bound;
    uint64_t product;
    do
        product = (vit158_rng_next(rng) >> 32) * bound;
    while ((uint32_t)product < reject_below);
    return (uint32_t)(product >> 32);
}

float vit158_rng_uniform(vit158_rng *rng)
{
    return (float)(vit158_rng_next(rng) >> 40) * 0x1p-24F;
}

float vit158_rng_normal(vit158_rng *rng)
{
    double x, y, r;
    do {
        x = (double)(vit158_rng_next(rng) >> 11) * 0x1p-52 - 1.0;
        y = (double)(vit158_rng_next(rng) >> 11) * 0x1p-52 - 1.0;
        r = x * x + y * y;
        /* UNREACHABLE: x and y are both 0 once in 2^106 draws. */
    } while (r >= 1.0 || r == 0.0);
    return (float)(x * sqrt(-2.0 * log(r) / r));
}
