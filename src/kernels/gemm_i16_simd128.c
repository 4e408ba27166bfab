/* SPDX-License-Identifier: MIT
 *
 * Products of int16 pair matrices by i32x4.dot_i16x8_s. A tile of 4 outputs x 8 tokens keeps its
 * int32 sums in registers until they are results: a head's products are short, and sums that went
 * through memory to another function took a fifth of the time of its scores. Attention's matrices
 * fit a cache, so nothing is packed.
 */
#include "kernels/ops_simd128.h"

enum { ROWS = 4, LANES = 8 };

typedef struct tile_sums {
    vit158_n8 v[ROWS];
} tile_sums;

VIT158_TEMPLATE void add_dot(vit158_n8 *sum, const int16_t *a, vit158_n8 b)
{
    *sum = vit158_add_dot_n8(*sum, vit158_splat_pair_vi(a), b);
}

VIT158_TEMPLATE void clear(tile_sums *s)
{
    for (int i = 0; i < ROWS; i++)
        s->v[i] = vit158_zero_n8();
}

/* Four outputs whose pairs lie side by side: keys. */
VIT158_TEMPLATE void sum_columns(tile_sums *s, const int16_t *a, size_t a_pair, const int16_t *b,
                                 size_t b_pair, uint32_t pairs)
{
    for (uint32_t k = pairs; k > 0; k--, a += a_pair, b += b_pair) {
        const vit158_n8 x = vit158_load_n8(b);
        for (int i = 0; i < ROWS; i++)
            add_dot(&s->v[i], a + (ptrdiff_t)2 * i, x);
    }
}

/* Four outputs, each a row of pairs: values. */
VIT158_TEMPLATE void sum_rows(tile_sums *s, const int16_t *const row[ROWS], size_t a_pair,
                              const int16_t *b, size_t b_pair, uint32_t pairs)
{
    const int16_t *a0 = row[0], *a1 = row[1], *a2 = row[2], *a3 = row[3];
    for (uint32_t k = pairs; k > 0; k--, b += b_pair) {
        const vit158_n8 x = vit158_load_n8(b);
        add_dot(&s->v[0], a0, x);
        add_dot(&s->v[1], a1, x);
        add_dot(&s->v[2], a2, x);
        add_dot(&s->v[3], a3, x);
        a0 += a_pair, a1 += a_pair, a2 += a_pair, a3 += a_pair;
    }
}

/* Results of outputs o .. o + rows - 1. */
VIT158_TEMPLATE void finish_tile(const vit158_gemm_i16 *p, uint32_t o, uint32_t rows, uint32_t t,
                                 const tile_sums *sums)
{
    const vit158_x8 columns = p->column_step == 0 ? vit158_splat_x8(*p->column_scale)
                                                  : vit158_load_x8(p->column_scale + t);
    const float *scale = p->row_scale + (size_t)o * p->row_step;
    float *y = p->y + o * p->ldy + t;
    for (uint32_t i = 0; i < ROWS && i < rows; i++, scale += p->row_step, y += p->ldy)
        vit158_store_x8(
            y, vit158_dequantize_x8(sums->v[i], vit158_mul_x8(vit158_splat_x8(*scale), columns)));
}

/* Outputs o .. o + ROWS - 1, all of them, pairs side by side. */
static VIT158_INNER void run_columns(const vit158_gemm_i16 *p, uint32_t o, uint32_t t0, uint32_t t1)
{
    for (uint32_t t = t0; t < t1; t += LANES) {
        tile_sums s;
        clear(&s);
        sum_columns(&s, p->a + (size_t)2 * o, p->a_pair, p->b + (size_t)2 * t, 2 * p->ldb,
                    (p->n_in + 1) / 2);
        finish_tile(p, o, ROWS, t, &s);
    }
}

/* Outputs o .. o + rows - 1; sums of missing rows are those of the last. */
static VIT158_INNER void run_rows(const vit158_gemm_i16 *p, uint32_t o, uint32_t rows, uint32_t t0,
                                  uint32_t t1)
{
    const int16_t *row[ROWS];
    for (uint32_t i = 0; i < ROWS; i++)
        row[i] = p->a + (o + (i < rows ? i : rows - 1)) * p->a_row;
    for (uint32_t t = t0; t < t1; t += LANES) {
        tile_sums s;
        clear(&s);
        sum_rows(&s, row, p->a_pair, p->b + (size_t)2 * t, 2 * p->ldb, (p->n_in + 1) / 2);
        finish_tile(p, o, rows, t, &s);
    }
}

void VIT158_KERNEL(gemm_i16)(const vit158_gemm_i16 *p, uint32_t t0, uint32_t t1)
{
    for (uint32_t o = 0; o < p->n_out; o += ROWS) {
        const uint32_t rows = p->n_out - o < ROWS ? p->n_out - o : ROWS;
        if (p->a_row == 2 && rows == ROWS)
            run_columns(p, o, t0, t1);
        else
            run_rows(p, o, rows, t0, t1);
    }
}
