/* SPDX-License-Identifier: MIT
 *
 * Integer product tiles with AVX2: the 6 x 64 tile in pieces of 6 x 16, twelve accumulators of
 * eight int32. maddubs cannot saturate: 2 * (2 * 127) < 2^15.
 */
#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#include "train/isa.h"

#define ROWS 6

static inline __m256i broadcast(const char *p)
{
    int32_t word;
    memcpy(&word, p, sizeof word);
    return _mm256_set1_epi32(word);
}

static inline __m256i multiply_add(__m256i acc, __m256i w, __m256i q, bool bytes)
{
    const __m256i pairs = bytes
                              ? _mm256_madd_epi16(_mm256_maddubs_epi16(w, q), _mm256_set1_epi16(1))
                              : _mm256_madd_epi16(w, q);
    return _mm256_add_epi32(acc, pairs);
}

static inline __attribute__((always_inline)) void piece(int32_t *c, const char *a, size_t a_row,
                                                        size_t a_step, const uint32_t *b,
                                                        size_t steps, bool bytes)
{
    __m256i acc[ROWS][2];
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++)
        acc[r][0] = acc[r][1] = _mm256_setzero_si256();
    for (size_t s = 0; s < steps; s++, a += 4 * a_step, b += 64) {
        const __m256i w0 = _mm256_loadu_si256((const __m256i *)b);
        const __m256i w1 = _mm256_loadu_si256((const __m256i *)(b + 8));
#pragma GCC unroll 6
        for (int r = 0; r < ROWS; r++) {
            const __m256i q = broadcast(a + 4 * a_row * (size_t)r);
            acc[r][0] = multiply_add(acc[r][0], w0, q, bytes);
            acc[r][1] = multiply_add(acc[r][1], w1, q, bytes);
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++) {
        _mm256_storeu_si256((__m256i *)(c + (ptrdiff_t)64 * r), acc[r][0]);
        _mm256_storeu_si256((__m256i *)(c + (ptrdiff_t)64 * r + 8), acc[r][1]);
    }
}

void ISA(tile_u8s8)(int32_t *c, const void *a, size_t a_row, size_t a_step, const uint32_t *b,
                    size_t steps)
{
    for (int column = 0; column < 64; column += 16)
        piece(c + column, a, a_row, a_step, b + column, steps, true);
}

void ISA(tile_s16)(int32_t *c, const void *a, size_t a_row, size_t a_step, const uint32_t *b,
                   size_t steps)
{
    for (int column = 0; column < 64; column += 16)
        piece(c + column, a, a_row, a_step, b + column, steps, false);
}
