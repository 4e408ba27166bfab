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
    BLOCK_BYTES = 896 * 1024, /* panels that share the packing of weights should fit a cache */
    MIN_PANELS = 4            /* but so many at least */
};

typedef struct tile_sums {
    vit158_x8 v[ROWS];
} tile_sums;

VIT158_TEMPLATE void clear(tile_sums *s)
{
    for (int i = 0; i < ROWS; i++)
        s->v[i] = vit158_splat_x8(0.0F);
}

VIT158_TEMPLATE void save(float *out, const tile_sums *s)
{
    for (int i = 0; i < ROWS; i++)
        vit158_store_x8(out + (ptrdiff_t)LANES * i, s->v[i]);
}

VIT158_TEMPLATE void add_product(vit158_x8 *sum, const float *a, vit158_x8 b)
{
    *sum = vit158_add_x8(*sum, vit158_mul_x8(vit158_splat_x8(*a), b));
}

VIT158_TEMPLATE void add_step(tile_sums *s, const float *a, const float *panel)
{
    const vit158_x8 b = vit158_load_x8(panel);
    add_product(&s->v[0], a, b);
    add_product(&s->v[1], a + 1, b);
    add_product(&s->v[2], a + 2, b);
    add_product(&s->v[3], a + 3, b);
}

/* out [ROWS][LANES] = sums of weights a [n_in][ROWS] with one panel; n_in >= 1. A way
 * out after each step, see VIT158_PIN. */
static VIT158_INNER void run_tile(float *out, const float *a, const float *panel, uint32_t n_in)
{
    tile_sums s;
    clear(&s);
    for (uint32_t k = n_in;;) {
        add_step(&s, a, panel);
        if (k == 1)
            break;
        a += ROWS;
        VIT158_PIN(a);
        add_step(&s, a, panel + LANES);
        if (k == 2)
            break;
        a += ROWS;
        VIT158_PIN(a);
        add_step(&s, a, panel + 2 * LANES);
        if (k == 3)
            break;
        a += ROWS;
        VIT158_PIN(a);
        add_step(&s, a, panel + 3 * LANES);
        if (k == 4)
            break;
        k -= 4, a += ROWS, panel += 4 * LANES;
        VIT158_PIN(a);
    }
    save(out, &s);
}

static VIT158_INNER void pack_panel(float *panel, const float *b, size_t ldb, uint32_t n_in)
{
    for (uint32_t k = 0; k < n_in; k++, panel += LANES, b += ldb)
        vit158_store_x8(panel, vit158_load_x8(b));
}

/* Four rows of weights of unit stride to [n_in][ROWS]. */
static VIT158_INNER void pack_rows(float *out, const float *const row[ROWS], uint32_t n_in)
{
    uint32_t k = 0;
    for (; k + 4 <= n_in; k += 4, out += 4 * ROWS) {
        const v128_t r0 = wasm_v128_load(row[0] + k), r1 = wasm_v128_load(row[1] + k);
        const v128_t r2 = wasm_v128_load(row[2] + k), r3 = wasm_v128_load(row[3] + k);
        const v128_t lo01 = wasm_i32x4_shuffle(r0, r1, 0, 4, 1, 5);
        const v128_t lo23 = wasm_i32x4_shuffle(r2, r3, 0, 4, 1, 5);
        const v128_t hi01 = wasm_i32x4_shuffle(r0, r1, 2, 6, 3, 7);
        const v128_t hi23 = wasm_i32x4_shuffle(r2, r3, 2, 6, 3, 7);
        wasm_v128_store(out, wasm_i64x2_shuffle(lo01, lo23, 0, 2));
        wasm_v128_store(out + 4, wasm_i64x2_shuffle(lo01, lo23, 1, 3));
        wasm_v128_store(out + 8, wasm_i64x2_shuffle(hi01, hi23, 0, 2));
        wasm_v128_store(out + 12, wasm_i64x2_shuffle(hi01, hi23, 1, 3));
    }
    for (; k < n_in; k++)
        for (uint32_t i = 0; i < ROWS; i++)
            *out++ = row[i][k];
}

/* Weights of outputs o .. o + rows - 1 as [n_in][ROWS]; missing rows repeat the last. */
static void pack_weights(float *out, const vit158_gemm_f32 *p, uint32_t o, uint32_t rows)
{
    const float *row[ROWS];
    for (uint32_t i = 0; i < ROWS; i++)
        row[i] = p->a + (o + (i < rows ? i : rows - 1)) * p->a_row;
    if (p->a_col == 1)
        pack_rows(out, row, p->n_in);
    else if (p->a_row == 1 && rows == ROWS)
        for (size_t k = 0; k < p->n_in; k++, out += ROWS)
            wasm_v128_store(out, wasm_v128_load(row[0] + k * p->a_col));
    else
        for (size_t k = 0; k < p->n_in; k++)
            for (uint32_t i = 0; i < ROWS; i++)
                *out++ = row[i][k * p->a_col];
}

static void finish_tile(const vit158_gemm_f32 *p, uint32_t o, uint32_t rows, uint32_t t,
                        const float *sums)
{
    for (uint32_t i = 0; i < rows; i++, sums += LANES) {
        vit158_x8 r = vit158_load_x8(sums);
        if (p->bias != NULL)
            r = vit158_add_x8(r, vit158_splat_x8(p->bias[o + i]));
        vit158_finish_x8(p->y + (o + i) * p->ldy + t, r, p->epilogue);
    }
}

/* Outputs o0 .. o1 - 1 for `panels` panels of tokens from t. */
static void run_block(const vit158_gemm_f32 *p, uint32_t t, uint32_t panels, uint32_t o0,
                      uint32_t o1, float *scratch)
{
    float *weights = scratch, *panel = scratch + (size_t)p->n_in * ROWS;
    const size_t panel_floats = (size_t)p->n_in * LANES;
    float sums[ROWS * LANES] = {0};
    for (uint32_t j = 0; j < panels; j++)
        pack_panel(panel + j * panel_floats, p->b + t + (size_t)j * LANES, p->ldb, p->n_in);
    for (uint32_t o = o0; o < o1; o += ROWS) {
        const uint32_t rows = o1 - o < ROWS ? o1 - o : ROWS;
        pack_weights(weights, p, o, rows);
        for (uint32_t j = 0; j < panels; j++) {
            if (p->n_in > 0)
                run_tile(sums, weights, panel + j * panel_floats, p->n_in);
            finish_tile(p, o, rows, t + j * LANES, sums);
        }
    }
}

static uint32_t most_panels(uint32_t n_in)
{
    const uint32_t fit = (uint32_t)(BLOCK_BYTES / ((size_t)n_in * LANES * sizeof(float) + 1));
    return fit > MIN_PANELS ? fit : MIN_PANELS;
}

/* Cuts the tokens into blocks of equal size. */
void VIT158_KERNEL(gemm_f32)(const vit158_gemm_f32 *p, uint32_t t0, uint32_t t1, uint32_t o0,
                             uint32_t o1, void *scratch)
{
    const uint32_t panels = t0 < t1 ? (t1 - t0 + LANES - 1) / LANES : 0;
    const uint32_t most = most_panels(p->n_in);
    const uint32_t blocks = (panels + most - 1) / most;
    uint32_t done = 0;
    for (uint32_t i = 0; i < blocks; i++) {
        const uint32_t count = (panels - done + blocks - i - 1) / (blocks - i);
        run_block(p, t0 + done * LANES, count, o0, o1, scratch);
        done += count;
    }
}

size_t VIT158_KERNEL(gemm_f32_scratch)(uint32_t n_in, uint32_t n_out, uint32_t n_tokens)
{
    (void)n_out;
    const uint32_t panels = (n_tokens + LANES - 1) / LANES, most = most_panels(n_in);
    return (size_t)n_in * (ROWS + LANES * (panels < most ? panels : most)) * sizeof(float);
}
