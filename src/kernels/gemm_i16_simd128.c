/* SPDX-License-Identifier: MIT
 *
 * Products of int16 pair matrices by i32x4.dot_i16x8_s. A tile of 4 outputs x 8 tokens keeps its
 * int32 sums in registers. Attention's matrices fit a cache, so nothing is packed.
 */
#include "kernels/ops_simd128.h"

enum { ROWS = 4, LANES = 8 };

typedef struct tile_sums {
    v128_t v[ROWS][2];
} tile_sums;

VIT158_TEMPLATE void add_dot(v128_t v[2], const int16_t *a, v128_t b0, v128_t b1)
{
    const v128_t pair = wasm_v128_load32_splat(a);
    v[0] = wasm_i32x4_add(v[0], wasm_i32x4_dot_i16x8(pair, b0));
    v[1] = wasm_i32x4_add(v[1], wasm_i32x4_dot_i16x8(pair, b1));
}

VIT158_TEMPLATE void clear(tile_sums *s)
{
    for (int i = 0; i < ROWS; i++)
        s->v[i][0] = s->v[i][1] = wasm_i32x4_splat(0);
}

VIT158_TEMPLATE void save(int32_t *out, const tile_sums *s)
{
    for (int i = 0; i < ROWS; i++) {
        wasm_v128_store(out + (ptrdiff_t)LANES * i, s->v[i][0]);
        wasm_v128_store(out + (ptrdiff_t)LANES * i + 4, s->v[i][1]);
    }
}

/* Sums of four outputs whose pairs lie side by side: keys. */
static VIT158_INNER void tile_of_columns(int32_t *out, const int16_t *a, size_t a_pair,
                                         const int16_t *b, size_t b_pair, uint32_t pairs)
{
    tile_sums s;
    clear(&s);
    for (uint32_t k = pairs; k > 0; k--, a += a_pair, b += b_pair) {
        const v128_t b0 = wasm_v128_load(b), b1 = wasm_v128_load(b + 8);
        for (int i = 0; i < ROWS; i++)
            add_dot(s.v[i], a + (ptrdiff_t)2 * i, b0, b1);
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
        const v128_t b0 = wasm_v128_load(b), b1 = wasm_v128_load(b + 8);
        add_dot(s.v[0], a0, b0, b1);
        add_dot(s.v[1], a1, b0, b1);
        add_dot(s.v[2], a2, b0, b1);
        add_dot(s.v[3], a3, b0, b1);
        a0 += a_pair, a1 += a_pair, a2 += a_pair, a3 += a_pair;
    }
    save(out, &s);
}

static VIT158_INNER void finish_tile(const vit158_gemm_i16 *p, uint32_t o, uint32_t rows,
                                     uint32_t t, const int32_t *sums)
{
    v128_t c0, c1;
    if (p->column_step == 0) {
        c0 = c1 = wasm_v128_load32_splat(p->column_scale);
    } else {
        c0 = wasm_v128_load(p->column_scale + t);
        c1 = wasm_v128_load(p->column_scale + t + 4);
    }
    for (uint32_t i = 0; i < rows; i++, sums += LANES) {
        const v128_t scale = wasm_v128_load32_splat(p->row_scale + (size_t)(o + i) * p->row_step);
        float *y = p->y + (o + i) * p->ldy + t;
        wasm_v128_store(y, vit158_dequantize_x4(wasm_v128_load(sums), wasm_f32x4_mul(scale, c0)));
        wasm_v128_store(y + 4,
                        vit158_dequantize_x4(wasm_v128_load(sums + 4), wasm_f32x4_mul(scale, c1)));
    }
}

void vit158_gemm_i16_simd128(const vit158_gemm_i16 *p, uint32_t t0, uint32_t t1)
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
