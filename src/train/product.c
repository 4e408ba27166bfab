/* SPDX-License-Identifier: MIT
 *
 * Dense float products: tiles of up to 6 rows by 5 registers of columns.
 */
#include <assert.h>

#include "train/isa.h"
#include "train/product_store.h"

#if defined(__AVX512F__)
#define WIDE 4
#define WIDEST 5
#else
#define WIDE 2
#define WIDEST 2
#endif

static inline __attribute__((always_inline)) void
tile(const vit158_train_product *p, const tile_place *at, const int rows, const int vectors)
{
    vf acc[6][WIDEST];
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 5
        for (int v = 0; v < vectors; v++)
            acc[r][v] = vf_set(0.0F);
    const float *a = p->a + at->row * p->a_row;
    const float *b = at->b;
    size_t row[6]; /* rows that are not there are the last one again: nothing is read beyond it */
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
        row[r] = ((uint32_t)r < at->rows ? (uint32_t)r : at->rows - 1) * p->a_row;
    for (uint32_t k = 0; k < p->depth; k++, a += p->a_step, b += at->ldb) {
        vf w[WIDEST];
#pragma GCC unroll 5
        for (int v = 0; v < vectors; v++)
            w[v] = vf_load(b + (ptrdiff_t)VIT158_TRAIN_LANES * v);
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++) {
            const vf x = vf_set(a[row[r]]);
#pragma GCC unroll 5
            for (int v = 0; v < vectors; v++)
                acc[r][v] += x * w[v];
        }
    }
    float c[6 * VIT158_TRAIN_LANES * WIDEST];
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 5
        for (int v = 0; v < vectors; v++)
            vf_store(c + (ptrdiff_t)VIT158_TRAIN_LANES * (r * WIDEST + v), acc[r][v]);
    store_tile(p, at, c, VIT158_TRAIN_LANES * WIDEST, VIT158_TRAIN_LANES * (uint32_t)vectors);
}

/* All rows of `vectors` registers of columns from column `col`. */
static void columns(const vit158_train_product *p, uint32_t col, uint32_t vectors, const float *b,
                    size_t ldb)
{
    const uint32_t step = vectors == 5 ? 5 : 6;
    const uint32_t last = col + VIT158_TRAIN_LANES * vectors;
    const uint32_t rows = p->upper && last < p->rows ? last : p->rows;
    tile_place at = {.col = col, .b = b, .ldb = ldb};
    for (at.row = 0; at.row < rows; at.row += step) {
        at.rows = rows - at.row < step ? rows - at.row : step;
        switch (vectors) {
#if WIDEST == 5
        case 5:
            tile(p, &at, 5, 5);
            break;
        case 4:
            tile(p, &at, 6, 4);
            break;
        case 3:
            tile(p, &at, 6, 3);
            break;
#endif
        case 2:
            tile(p, &at, 6, 2);
            break;
        default:
            tile(p, &at, 6, 1);
            break;
        }
    }
}

void ISA(product)(const vit158_train_product *p)
{
    const uint32_t vectors = (p->cols + VIT158_TRAIN_LANES - 1) / VIT158_TRAIN_LANES;
    for (uint32_t v = 0; v < vectors;) {
        const uint32_t left = vectors - v;
        uint32_t take = left < WIDE ? left : WIDE;
        if (p->ldb && left == WIDEST)
            take = WIDEST;
        const uint32_t col = v * VIT158_TRAIN_LANES;
        if (p->ldb) {
            columns(p, col, take, p->b + col, p->ldb);
        } else {
            const size_t panel =
                (size_t)(col / VIT158_TRAIN_TILE_COLS) * p->depth * VIT158_TRAIN_TILE_COLS;
            columns(p, col, take, p->b + panel + col % VIT158_TRAIN_TILE_COLS,
                    VIT158_TRAIN_TILE_COLS);
        }
        v += take;
    }
}

void ISA(pack)(float *panels, const float *b, size_t b_row, size_t b_col, uint32_t depth,
               uint32_t cols)
{
    for (uint32_t c0 = 0; c0 < cols; c0 += VIT158_TRAIN_TILE_COLS) {
        const uint32_t width =
            cols - c0 < VIT158_TRAIN_TILE_COLS ? cols - c0 : VIT158_TRAIN_TILE_COLS;
        for (uint32_t k = 0; k < depth; k++, panels += VIT158_TRAIN_TILE_COLS) {
            const float *from = b + k * b_row + c0 * b_col;
            for (uint32_t c = 0; c < width; c++)
                panels[c] = from[c * b_col];
            for (uint32_t c = width; c < VIT158_TRAIN_TILE_COLS; c++)
                panels[c] = 0.0F;
        }
    }
}
