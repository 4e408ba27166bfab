/* SPDX-License-Identifier: MIT
 *
 * Products of int16 pair matrices by i32x4.dot_i16x8_s. A tile of 4 outputs x 8 tokens keeps its
 * int32 sums in registers. Attention's matrices fit a cache, so nothing is packed.
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

VIT158_TEMPLATE void save(int32_t *out, const tile_sums *s)
{
    for (int i = 0; i < ROWS; i++)
        vit158_store_n8(out + (ptrdiff_t)LANES * i, s->v[i]);
}

/* Sums of four outputs whose pairs lie side by side: keys. */
static VIT158_INNER void tile_of_columns(int32_t *out, const int16_t *a, size_t a_pair,
                                         const int16_t *b, size_t b_pair, uint32_t pairs)
{
    tile_sums s;
    clear(&s);
    for (uint32_t k = pairs; k > 0; k--, a += a_pair, b += b_pair) {
        const vit158_n8 x = vit158_load_n8(b);
        for (int i = 0; i < ROWS; i++)
            add_dot(&s.v[i], a + (ptrdiff_t)2 * i, x);
    }
    save(out, &s);
}

/* Sums of four outputs, each a row of pairs: values. */
static VIT158_INNER void tile_of_rows(int32_t *out, const int16_t *const row[ROWS], size_t a_pair,
                                      const int16_t *b, size_t b_pair, uint32_t pairs)
{
    const int16_t *a0 = row[0], *a1 = row[1], *a2 = row[2], *a3 = row[3];
    tile_sums s;
    clear(&s);
    for (uint32_t k = pairs; k > 0; k--, b += b_pair) {
        const vit158_n8 x = vit158_load_n8(b);
        add_dot(&s.v[0], a0, x);
        add_dot(&s.v[1], a1, x);
        add_dot(&s.v[2], a2, x);
        add_dot(&s.v[3], a3, x);
        a0 += a_pair, a1 += a_pair, a2 += a_pair, a3 += a_pair;
    }
    save(out, &s);
}

static VIT158_INNER void finish_tile(const vit158_gemm_i16 *p, uint32_t o, uint32_t rows,
                                     uint32_t t, const int32_t *sums)
{
    const vit158_x8 columns = p->column_step == 0 ? vit158_splat_x8(*p->column_scale)
                                                  : vit158_load_x8(p->column_scale + t);
    for (uint32_t i = 0; i < rows; i++, sums += LANES) {
        const vit158_x8 scale = vit158_splat_x8(p->row_scale[(size_t)(o + i) * p->row_step]);
        vit158_store_x8(p->y + (o + i) * p->ldy + t,
                        vit158_dequantize_x8(vit158_load_n8(sums), vit158_mul_x8(scale, columns)));
    }
}

void VIT158_KERNEL(gemm_i16)(const vit158_gemm_i16 *p, uint32_t t0, uint32_t t1)
{
    const uint32_t pairs = (p->n_in + 1) / 2;
    int32_t sums[ROWS * LANES];
    for (uint32_t o = 0; o < p->n_out; o += ROWS) {
        const uint32_t rows = p->n_out - o < ROWS ? p->n_out - o : ROWS;
        const int16_t *row[ROWS];
        for (uint32_t i = 0; i < ROWS; i++)
            row[i] = p->a + (o + (i < rows ? i : rows - 1)) * p->a_row;
        for (uint32_t t = t0; t < t1; t += LANES) {
            const int16_t *b = p->b + (size_t)2 * t;
            if (p->a_row == 2 && rows == ROWS)
                tile_of_columns(sums, row[0], p->a_pair, b, 2 * p->ldb, pairs);
            else
                tile_of_rows(sums, row, p->a_pair, b, 2 * p->ldb, pairs);
            finish_tile(p, o, rows, t, sums);
        }
    }
}
