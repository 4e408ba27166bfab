/* SPDX-License-Identifier: MIT
 *
 * Float products on bfloat16: both operands are rounded and packed, two steps a word of 32 bits,
 * then multiplied in the tiles of tile_avx512.c. Packing costs a small share of the product as
 * long as rows and columns are many.
 */
#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "train/isa.h"
#include "train/product_store.h"

/* Words of two steps; element (step, i) at step * step_ld + i * item_ld. */
typedef struct words {
    uint32_t *at;
    size_t step_ld, item_ld;
} words;

static __mmask16 first_lanes(uint32_t n)
{
    return n >= VIT158_TRAIN_LANES ? (__mmask16)0xFFFF : (__mmask16)((1U << n) - 1U);
}

/* Items whose steps lie side by side: x(k, i) = x[i * ld + k]. */
static void pack_along(words to, const float *x, size_t ld, uint32_t depth, uint32_t items)
{
    for (uint32_t i = 0; i < items; i++, x += ld) {
        for (uint32_t k = 0; k < depth; k += 2 * VIT158_TRAIN_LANES) {
            const uint32_t left = depth - k;
            const __m512 low = _mm512_maskz_loadu_ps(first_lanes(left), x + k);
            const __m512 high = left > VIT158_TRAIN_LANES
                                    ? _mm512_maskz_loadu_ps(first_lanes(left - VIT158_TRAIN_LANES),
                                                            x + k + VIT158_TRAIN_LANES)
                                    : _mm512_setzero_ps();
            uint32_t pair[VIT158_TRAIN_LANES];
            const __m512bh both = _mm512_cvtne2ps_pbh(high, low);
            memcpy(pair, &both, sizeof pair);
            const uint32_t pairs =
                left >= 2 * VIT158_TRAIN_LANES ? VIT158_TRAIN_LANES : (left + 1) / 2;
            uint32_t *out = to.at + (size_t)(k / 2) * to.step_ld + i * to.item_ld;
            for (uint32_t s = 0; s < pairs; s++)
                out[s * to.step_ld] = pair[s];
        }
    }
}

static __m512i widened(__m256bh x)
{
    __m256i bits;
    memcpy(&bits, &x, sizeof bits);
    return _mm512_cvtepu16_epi32(bits);
}

/* Steps whose items lie side by side: x(k, i) = x[k * ld + i]; to.item_ld is 1. */
static void pack_across(words to, const float *x, size_t ld, uint32_t depth, uint32_t items)
{
    for (uint32_t k = 0; k < depth; k += 2) {
        for (uint32_t i = 0; i < items; i += VIT158_TRAIN_LANES) {
            const __mmask16 lanes = first_lanes(items - i);
            const float *from = x + k * ld + i;
            const __m512 low = _mm512_maskz_loadu_ps(lanes, from);
            const __m512 high =
                k + 1 < depth ? _mm512_maskz_loadu_ps(lanes, from + ld) : _mm512_setzero_ps();
            const __m512i pair =
                _mm512_or_si512(widened(_mm512_cvtneps_pbh(low)),
                                _mm512_slli_epi32(widened(_mm512_cvtneps_pbh(high)), 16));
            _mm512_mask_storeu_epi32(to.at + (size_t)(k / 2) * to.step_ld + i, lanes, pair);
        }
    }
}

/* b's panels, [panel][step][64]; columns beyond the last hold anything. */
static void pack_panels(uint32_t *panels, const vit158_train_product *p, size_t b_row, size_t b_col,
                        size_t steps)
{
    for (uint32_t col = 0; col < p->cols; col += VIT158_TRAIN_TILE_COLS) {
        const uint32_t left = p->cols - col;
        const uint32_t width = left < VIT158_TRAIN_TILE_COLS ? left : VIT158_TRAIN_TILE_COLS;
        const words to = {panels + col * steps, VIT158_TRAIN_TILE_COLS, 1};
        if (b_col == 1)
            pack_across(to, p->b + col, b_row, p->depth, width);
        else
            pack_along(to, p->b + col * b_col, b_col, p->depth, width);
    }
}

void ISA(half_product)(const vit158_train_product *p, size_t b_row, size_t b_col, void *scratch)
{
    assert(p->a_row == 1 || p->a_step == 1);
    assert(b_row == 1 || b_col == 1);
    const size_t steps = (p->depth + 1) / 2;
    uint32_t *panels = scratch;
    words a = {panels + vit158_train_panel_words(steps, p->cols), 1, steps};
    if (p->a_step == 1) {
        pack_along(a, p->a, p->a_row, p->depth, p->rows);
    } else {
        a = (words){a.at, p->rows, 1};
        pack_across(a, p->a, p->a_step, p->depth, p->rows);
    }
    pack_panels(panels, p, b_row, b_col, steps);
    float c[VIT158_TRAIN_TILE_ROWS * VIT158_TRAIN_TILE_COLS];
    for (uint32_t col = 0; col < p->cols; col += VIT158_TRAIN_TILE_COLS) {
        const uint32_t last = col + VIT158_TRAIN_TILE_COLS;
        const uint32_t rows = p->upper && last < p->rows ? last : p->rows;
        for (uint32_t row = 0; row < rows; row += VIT158_TRAIN_TILE_ROWS) {
            ISA(tile_bf16)
            (c, a.at + row * a.item_ld, a.item_ld, a.step_ld, panels + col * steps, steps);
            const tile_place at = {
                .row = row,
                .rows = rows - row < VIT158_TRAIN_TILE_ROWS ? rows - row : VIT158_TRAIN_TILE_ROWS,
                .col = col};
            store_tile(p, &at, c, VIT158_TRAIN_TILE_COLS, VIT158_TRAIN_TILE_COLS);
        }
    }
}
