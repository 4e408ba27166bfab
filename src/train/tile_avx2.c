/* SPDX-License-Identifier: MIT
 *
 * Integer product tiles with AVX2: the 6 x 64 tile in pieces of 6 x 16, twelve accumulators. Bytes
 * are summed in int16 for up to SHORT_STEPS steps, then in int32: a maddubs adds at most
 * 2 * (2 * 127) to a lane, and 64 of them stay below 2^15.
 */
#include <immintrin.h>
#include <string.h>

#include "train/isa.h"

#define ROWS 6
#define SHORT_STEPS 64

static inline __m256i broadcast(const char *p)
{
    int32_t word;
    memcpy(&word, p, sizeof word);
    return _mm256_set1_epi32(word);
}

static inline void store_row(int32_t *c, const __m256i acc[2])
{
    _mm256_storeu_si256((__m256i *)c, acc[0]);
    _mm256_storeu_si256((__m256i *)(c + 8), acc[1]);
}

static void piece_s16(int32_t *c, const char *a, size_t a_row, size_t a_step, const uint32_t *b,
                      size_t steps)
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
            acc[r][0] = _mm256_add_epi32(acc[r][0], _mm256_madd_epi16(w0, q));
            acc[r][1] = _mm256_add_epi32(acc[r][1], _mm256_madd_epi16(w1, q));
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++)
        store_row(c + (ptrdiff_t)64 * r, acc[r]);
}

/* At most SHORT_STEPS steps, added to c. */
static void add_u8s8(int32_t *c, const char *a, size_t a_row, size_t a_step, const uint32_t *b,
                     size_t steps)
{
    const __m256i ones = _mm256_set1_epi16(1);
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
            acc[r][0] = _mm256_add_epi16(acc[r][0], _mm256_maddubs_epi16(w0, q));
            acc[r][1] = _mm256_add_epi16(acc[r][1], _mm256_maddubs_epi16(w1, q));
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++) {
        int32_t *row = c + (ptrdiff_t)64 * r;
        const __m256i before[2] = {_mm256_loadu_si256((const __m256i *)row),
                                   _mm256_loadu_si256((const __m256i *)(row + 8))};
        const __m256i sum[2] = {_mm256_add_epi32(before[0], _mm256_madd_epi16(acc[r][0], ones)),
                                _mm256_add_epi32(before[1], _mm256_madd_epi16(acc[r][1], ones))};
        store_row(row, sum);
    }
}

void ISA(tile_u8s8)(int32_t *c, const void *a, size_t a_row, size_t a_step, const uint32_t *b,
                    size_t steps)
{
    memset(c, 0, sizeof *c * ROWS * VIT158_TRAIN_TILE_COLS);
    for (size_t first = 0; first < steps; first += SHORT_STEPS) {
        const size_t count = steps - first < SHORT_STEPS ? steps - first : SHORT_STEPS;
        const char *from = (const char *)a + 4 * a_step * first;
        for (int column = 0; column < 64; column += 16)
            add_u8s8(c + column, from, a_row, a_step, b + 64 * first + column, count);
    }
}

void ISA(tile_s16)(int32_t *c, const void *a, size_t a_row, size_t a_step, const uint32_t *b,
                   size_t steps)
{
    for (int column = 0; column < 64; column += 16)
        piece_s16(c + column, a, a_row, a_step, b + column, steps);
}
