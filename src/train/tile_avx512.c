/* SPDX-License-Identifier: MIT
 *
 * Product tiles with AVX-512 VNNI and BF16: 6 x 4 accumulators of sixteen int32 or floats, four
 * loads and six broadcasts for 24 multiply-adds a step.
 */
#include <immintrin.h>
#include <string.h>

#include "train/isa.h"

#define ROWS 6
#define VECTORS 4

static inline __m512i broadcast(const char *p)
{
    int32_t word;
    memcpy(&word, p, sizeof word);
    return _mm512_set1_epi32(word);
}

/* What a word of 32 bits holds. */
typedef enum word_kind { BYTES, SHORTS, HALVES } word_kind;

/* `kind` is constant wherever this is inlined; the accumulators of HALVES hold floats. */
static inline __m512i multiply_add(__m512i acc, __m512i w, __m512i q, word_kind kind)
{
#if defined(__AVX512BF16__)
    if (kind == HALVES)
        return _mm512_castps_si512(
            _mm512_dpbf16_ps(_mm512_castsi512_ps(acc), (__m512bh)w, (__m512bh)q));
#endif
    return kind == BYTES ? _mm512_dpbusd_epi32(acc, w, q) : _mm512_dpwssd_epi32(acc, w, q);
}

static inline void store_tile(void *c, __m512i acc[ROWS][VECTORS])
{
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++)
            _mm512_storeu_si512((char *)c + (ptrdiff_t)256 * r + (ptrdiff_t)64 * v, acc[r][v]);
}

static inline __attribute__((always_inline)) void tile(void *c, const char *x, size_t a_row,
                                                       size_t a_step, const uint32_t *b,
                                                       size_t steps, word_kind kind)
{
    __m512i acc[ROWS][VECTORS];
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++)
            acc[r][v] = _mm512_setzero_si512();
    for (size_t s = 0; s < steps; s++, x += 4 * a_step, b += 64) {
        __m512i w[VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++)
            w[v] = _mm512_loadu_si512(b + (ptrdiff_t)16 * v);
#pragma GCC unroll 6
        for (int r = 0; r < ROWS; r++) {
            const __m512i q = broadcast(x + 4 * a_row * (size_t)r);
#pragma GCC unroll 4
            for (int v = 0; v < VECTORS; v++)
                acc[r][v] = multiply_add(acc[r][v], w[v], q, kind);
        }
    }
    store_tile(c, acc);
}

void ISA(tile_u8s8)(int32_t *c, const void *a, size_t a_row, size_t a_step, const uint32_t *b,
                    size_t steps)
{
    tile(c, a, a_row, a_step, b, steps, BYTES);
}

void ISA(tile_s16)(int32_t *c, const void *a, size_t a_row, size_t a_step, const uint32_t *b,
                   size_t steps)
{
    tile(c, a, a_row, a_step, b, steps, SHORTS);
}

#if defined(__AVX512BF16__)
void ISA(tile_bf16)(float *c, const void *a, size_t a_row, size_t a_step, const uint32_t *b,
                    size_t steps)
{
    tile(c, a, a_row, a_step, b, steps, HALVES);
}
#endif
