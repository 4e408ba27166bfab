/* SPDX-License-Identifier: MIT
 *
 * Dense float product. A block of tokens is packed into panels [n_in][8]; a tile of 4 outputs x 8
 * tokens keeps its sums in registers while k runs, so every sum takes its products in order.
 */
#include "kernels/ops_simd128.h"

#include <string.h>

enum {
    ROWS = 4,
    LANES = 8,
    PANELS = 4 /* a block of tokens: the weights of a tile are read once from afar for it */
};

typedef struct tile_sums {
    v128_t v[ROWS][2];
} tile_sums;

VIT158_TEMPLATE void clear(tile_sums *s)
{
    for (int i = 0; i < ROWS; i++)
        s->v[i][0] = s->v[i][1] = wasm_f32x4_splat(0.0F);
}

VIT158_TEMPLATE void save(float *out, const tile_sums *s)
{
    for (int i = 0; i < ROWS; i++) {
        wasm_v128_store(out + (ptrdiff_t)LANES * i, s->v[i][0]);
        wasm_v128_store(out + (ptrdiff_t)LANES * i + 4, s->v[i][1]);
    }
}

VIT158_TEMPLATE void add_product(v128_t v[2], const float *a, v128_t b0, v128_t b1)
{
    const v128_t weight = wasm_v128_load32_splat(a);
    v[0] = wasm_f32x4_add(v[0], wasm_f32x4_mul(weight, b0));
    v[1] = wasm_f32x4_add(v[1], wasm_f32x4_mul(weight, b1));
}

VIT158_TEMPLATE void add_step(tile_sums *s, const float *a0, const float *a1, const float *a2,
                              const float *a3, const float *panel)
{
    const v128_t b0 = wasm_v128_load(panel), b1 = wasm_v128_load(panel + 4);
    add_product(s->v[0], a0, b0, b1);
    add_product(s->v[1], a1, b0, b1);
    add_product(s->v[2], a2, b0, b1);
    add_product(s->v[3], a3, b0, b1);
}

/* out [ROWS][LANES] = sums of four rows of weights with one panel. */
static VIT158_INNER void tile_of_rows(float *out, const float *const row[ROWS], const float *panel,
                                      uint32_t n_in)
{
    const float *a0 = row[0], *a1 = row[1], *a2 = row[2], *a3 = row[3];
    tile_sums s;
    clear(&s);
    uint32_t k = n_in;
    for (; k >= 4; k -= 4) {
        for (ptrdiff_t i = 0; i < 4; i++)
            add_step(&s, a0 + i, a1 + i, a2 + i, a3 + i, panel + LANES * i);
        a0 += 4, a1 += 4, a2 += 4, a3 += 4, panel += (ptrdiff_t)4 * LANES;
    }
    for (; k > 0; k--) {
        add_step(&s, a0, a1, a2, a3, panel);
        a0++, a1++, a2++, a3++, panel += LANES;
    }
    save(out, &s);
}

/* The same where a(o, k) of the four outputs lie side by side. */
static VIT158_INNER void tile_of_columns(float *out, const float *a, size_t a_col,
                                         const float *panel, uint32_t n_in)
{
    tile_sums s;
    clear(&s);
    for (uint32_t k = n_in; k > 0; k--, a += a_col, panel += LANES)
        add_step(&s, a, a + 1, a + 2, a + 3, panel);
    save(out, &s);
}

/* The same for any strides. */
static VIT158_INNER void tile_of_strides(float *out, const float *const row[ROWS], size_t a_col,
                                         const float *panel, uint32_t n_in)
{
    tile_sums s;
    clear(&s);
    for (size_t k = 0; k < n_in; k++, panel += LANES)
        add_step(&s, row[0] + k * a_col, row[1] + k * a_col, row[2] + k * a_col, row[3] + k * a_col,
                 panel);
    save(out, &s);
}

static VIT158_INNER void pack_panel(float *panel, const float *b, size_t ldb, uint32_t n_in)
{
    for (uint32_t k = 0; k < n_in; k++, panel += LANES, b += ldb) {
        wasm_v128_store(panel, wasm_v128_load(b));
        wasm_v128_store(panel + 4, wasm_v128_load(b + 4));
    }
}

static void finish_tile(const vit158_gemm_f32 *p, uint32_t o, uint32_t rows, uint32_t t,
                        const float *sums)
{
    for (uint32_t i = 0; i < rows; i++, sums += LANES) {
        v128_t r0 = wasm_v128_load(sums), r1 = wasm_v128_load(sums + 4);
        if (p->bias) {
            const v128_t bias = wasm_f32x4_splat(p->bias[o + i]);
            r0 = wasm_f32x4_add(r0, bias);
            r1 = wasm_f32x4_add(r1, bias);
        }
        float *y = p->y + (o + i) * p->ldy + t;
        vit158_finish_x4(y, r0, p->epilogue);
        vit158_finish_x4(y + 4, r1, p->epilogue);
    }
}

/* Outputs o .. o + rows - 1 for `panels` panels of tokens from t. */
static void run_rows(const vit158_gemm_f32 *p, uint32_t o, uint32_t rows, uint32_t t,
                     uint32_t panels, const float *panel)
{
    float sums[ROWS * LANES];
    const float *row[ROWS];
    for (uint32_t i = 0; i < ROWS; i++)
        row[i] = p->a + (o + (i < rows ? i : rows - 1)) * p->a_row;
    for (uint32_t j = 0; j < panels; j++, panel += (size_t)p->n_in * LANES) {
        if (p->a_col == 1)
            tile_of_rows(sums, row, panel, p->n_in);
        else if (p->a_row == 1 && rows == ROWS)
            tile_of_columns(sums, row[0], p->a_col, panel, p->n_in);
        else
            tile_of_strides(sums, row, p->a_col, panel, p->n_in);
        finish_tile(p, o, rows, t + j * LANES, sums);
    }
}

void vit158_gemm_f32_simd128(const vit158_gemm_f32 *p, uint32_t t0, uint32_t t1, uint32_t o0,
                             uint32_t o1, void *scratch)
{
    float *panel = scratch;
    const size_t panel_floats = (size_t)p->n_in * LANES;
    for (uint32_t t = t0; t < t1; t += PANELS * LANES) {
        uint32_t panels = 0;
        for (; panels < PANELS && t + panels * LANES < t1; panels++)
            pack_panel(panel + panels * panel_floats, p->b + t + (size_t)panels * LANES, p->ldb,
                       p->n_in);
        for (uint32_t o = o0; o < o1; o += ROWS)
            run_rows(p, o, o1 - o < ROWS ? o1 - o : ROWS, t, panels, panel);
    }
}

size_t vit158_gemm_f32_scratch_simd128(uint32_t n_in, uint32_t n_out, uint32_t n_tokens)
{
    (void)n_out;
    (void)n_tokens;
    return (size_t)n_in * LANES * PANELS * sizeof(float);
}
