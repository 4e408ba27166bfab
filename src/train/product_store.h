/* SPDX-License-Identifier: MIT
 *
 * The end of a tile of a float product: sums to y with factor, bias and base.
 */
#ifndef VIT158_TRAIN_PRODUCT_STORE_H
#define VIT158_TRAIN_PRODUCT_STORE_H

#include "train/compute.h"
#include "train/vec.h"

typedef struct tile_place {
    uint32_t row, rows, col; /* first row, rows to store, first column */
    const float *b;          /* step 0 of this column */
    size_t ldb;
} tile_place;

/* Rows of sums in c [rows][ldc], `width` columns of them real; kept out of line, so that the tiles
 * stay small. */
static __attribute__((noinline)) void store_tile(const vit158_train_product *p,
                                                 const tile_place *at, const float *c, uint32_t ldc,
                                                 uint32_t width)
{
    for (uint32_t r = 0; r < at->rows; r++, c += ldc) {
        float *y = p->y + (at->row + r) * p->ldy + at->col;
        const float *base = p->base != NULL ? p->base + (at->row + r) * p->base_ld + at->col : NULL;
        const float *bias = p->bias != NULL ? p->bias + at->col : NULL;
        const uint32_t left = p->cols - at->col;
        const uint32_t n = left < width ? left : width,
                       whole = n / VIT158_TRAIN_LANES * VIT158_TRAIN_LANES;
        for (uint32_t i = 0; i < whole; i += VIT158_TRAIN_LANES) {
            vf sum = vf_load(c + i);
            if (bias != NULL)
                sum += vf_load(bias + i);
            sum = sum * p->factor;
            vf_store(y + i, base != NULL ? sum + vf_load(base + i) : sum);
        }
        for (uint32_t i = whole; i < n; i++) {
            const float value = p->factor * (c[i] + (bias != NULL ? bias[i] : 0.0F));
            y[i] = value + (base != NULL ? base[i] : 0.0F);
        }
    }
}

#endif
