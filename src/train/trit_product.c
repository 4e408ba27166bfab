/* SPDX-License-Identifier: MIT
 *
 * Ternary times int8 (METHODS.md 1.2). The unsigned operand is u + 1, so
 * sum u q = sum (u + 1) q - sum q, and the row sums of q are known from quantizing.
 */
#include <string.h>

#include "train/isa.h"
#include "train/vec.h"

/* u + 1 in quads of inputs: word (i / 4, o) of the forward panels. */
static void pack_forward(const vit158_train_trits *w, const int8_t *u)
{
    const uint32_t quads = (w->n_in + 3) / 4;
    uint8_t *out = (uint8_t *)w->forward;
    for (uint32_t o0 = 0; o0 < w->n_out; o0 += VIT158_TRAIN_TILE_COLS) {
        for (uint32_t o = o0; o < o0 + VIT158_TRAIN_TILE_COLS; o++) {
            uint8_t *column = out + 4 * ((size_t)o0 * quads + (o - o0));
            for (uint32_t i = 0; i < 4 * quads; i++) {
                const bool real = o < w->n_out && i < w->n_in;
                column[(size_t)(i / 4) * 4 * VIT158_TRAIN_TILE_COLS + i % 4] =
                    real ? (uint8_t)(u[(size_t)o * w->n_in + i] + 1) : 1;
            }
        }
    }
}

/* Pairs of outputs: word (o / 2, i) of the backward panels. */
static void pack_backward(const vit158_train_trits *w, const int8_t *u)
{
    const uint32_t pairs = (w->n_out + 1) / 2;
    for (uint32_t i0 = 0; i0 < w->n_in; i0 += VIT158_TRAIN_TILE_COLS) {
        int16_t *panel = (int16_t *)(void *)(w->backward + (size_t)i0 * pairs);
        const uint32_t width =
            w->n_in - i0 < VIT158_TRAIN_TILE_COLS ? w->n_in - i0 : VIT158_TRAIN_TILE_COLS;
        memset(panel, 0, sizeof(uint32_t) * VIT158_TRAIN_TILE_COLS * pairs);
        for (uint32_t o = 0; o < w->n_out; o++) {
            int16_t *row = panel + (size_t)(o / 2) * 2 * VIT158_TRAIN_TILE_COLS + o % 2;
            const int8_t *from = u + (size_t)o * w->n_in + i0;
            for (uint32_t i = 0; i < width; i++)
                row[(size_t)2 * i] = from[i];
        }
    }
}

/* u + 1 in quads of outputs: word (o / 4, i). */
static void pack_backward8(const vit158_train_trits *w, const int8_t *u)
{
    const uint32_t quads = (w->n_out + 3) / 4;
    for (uint32_t i0 = 0; i0 < w->n_in; i0 += VIT158_TRAIN_TILE_COLS) {
        uint8_t *panel = (uint8_t *)(w->backward + (size_t)i0 * quads);
        const uint32_t width =
            w->n_in - i0 < VIT158_TRAIN_TILE_COLS ? w->n_in - i0 : VIT158_TRAIN_TILE_COLS;
        memset(panel, 1, sizeof(uint32_t) * VIT158_TRAIN_TILE_COLS * quads);
        for (uint32_t o = 0; o < w->n_out; o++) {
            uint8_t *row = panel + (size_t)(o / 4) * 4 * VIT158_TRAIN_TILE_COLS + o % 4;
            const int8_t *from = u + (size_t)o * w->n_in + i0;
            for (uint32_t i = 0; i < width; i++)
                row[(size_t)4 * i] = (uint8_t)(from[i] + 1);
        }
    }
}

void ISA(pack_trits)(vit158_train_trits *w, const int8_t *u)
{
    pack_forward(w, u);
    if (w->gradient_bits == 8)
        pack_backward8(w, u);
    else
        pack_backward(w, u);
}

static void store_row(const vit158_train_trit_product *p, uint32_t row, uint32_t col,
                      const int32_t *c, uint32_t width)
{
    const vf r = vf_set(p->x->r[row]);
    const float *scales = p->w->scales + col;
    const vi offset = vi_set(p->x->sum[row]);
    const vf factor = vf_set(p->factor);
    float *y = p->y + row * p->ldy + col;
    const float *base = p->base != NULL ? p->base + row * p->base_ld + col : NULL;
    for (uint32_t i = 0; i < width; i += VIT158_TRAIN_LANES) {
        vf sum = __builtin_convertvector(vi_load(c + i) - offset, vf) * (vf_load(scales + i) * r);
        if (p->bias != NULL)
            sum += vf_load(p->bias + col + i);
        if (base != NULL)
            sum = vf_load(base + i) + factor * sum;
        else
            sum = factor * sum;
        vf_store(y + i, sum);
    }
}

void ISA(trit_product)(const vit158_train_trit_product *p)
{
    int32_t c[VIT158_TRAIN_TILE_ROWS * VIT158_TRAIN_TILE_COLS];
    const size_t quads = (p->w->n_in + 3) / 4;
    for (uint32_t col = 0; col < p->w->n_out; col += VIT158_TRAIN_TILE_COLS) {
        const uint32_t *panel = p->w->forward + col * quads;
        const uint32_t left = p->w->n_out - col;
        const uint32_t width = left < VIT158_TRAIN_TILE_COLS ? left : VIT158_TRAIN_TILE_COLS;
        for (uint32_t row = 0; row < p->rows; row += VIT158_TRAIN_TILE_ROWS) {
            ISA(tile_u8s8)(c, p->x->q + row * p->x->ldq, p->x->ldq / 4, 1, panel, quads);
            const uint32_t rows =
                p->rows - row < VIT158_TRAIN_TILE_ROWS ? p->rows - row : VIT158_TRAIN_TILE_ROWS;
            for (uint32_t r = 0; r < rows; r++)
                store_row(p, row + r, col, c + (size_t)r * VIT158_TRAIN_TILE_COLS, width);
        }
    }
}
