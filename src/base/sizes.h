/* SPDX-License-Identifier: MIT
 *
 * Comparing and cutting counts.
 */
#ifndef VIT158_BASE_SIZES_H
#define VIT158_BASE_SIZES_H

#include <stddef.h>
#include <stdint.h>

static inline uint32_t vit158_smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static inline size_t vit158_larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Pieces of `size` that n things take, the last perhaps not full. n + size fits in 32 bits. */
static inline uint32_t vit158_pieces(uint32_t n, uint32_t size)
{
    return (n + size - 1) / size;
}

#endif
