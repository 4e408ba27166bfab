/* SPDX-License-Identifier: MIT
 *
 * Quantized products by i32x4.dot_i16x8_s, for trit and int8 weights. A step takes four inputs as
 * two pairs. Activations of a block of tokens are packed as int16 [step][pair][8 tokens][2], the
 * weights of four outputs as int16 [step][4 outputs][pair][2]; a tile of 4 outputs x 8 tokens keeps
 * its int32 sums in registers. Which inputs form a pair is free, since the sums are exact: trits
 * pair input i of an even group with input i of the next group, as their decoding yields them.
 */
#include "kernels/trits_simd128.h"

enum {
    ROWS = 4,
    LANES = 8,
    BLOCK_BYTES = 512 * 1024, /* panels that share the decoding of weights should fit a cache */
    MIN_PANELS = 4,           /* but so many at least */
    STEP_X = 2 * LANES * 2,   /* int16 values of a step of activations */
    STEP_W = ROWS * 2 * 2,    /* and of weights */
    BLOCK_STEPS = 5           /* steps of a block of four groups of trits */
};

/* Steps of a whole row, a multiple of BLOCK_STEPS for either kind of weights. */
static uint32_t step_count(uint32_t n_in)
{
    return (n_in + VIT158_BLOCK_INPUTS - 1) / VIT158_BLOCK_INPUTS * BLOCK_STEPS;
}

typedef struct tile_sums {
    vit158_n8 v[ROWS];
} tile_sums;

VIT158_TEMPLATE void add_pair(tile_sums *s, const int16_t *w, const int16_t *x)
{
    const vit158_n8 pairs = vit158_load_n8(x);
    s->v[0] = vit158_add_dot_n8(s->v[0], vit158_splat_pair_vi(w), pairs);
    s->v[1] = vit158_add_dot_n8(s->v[1], vit158_splat_pair_vi(w + 4), pairs);
    s->v[2] = vit158_add_dot_n8(s->v[2], vit158_splat_pair_vi(w + 8), pairs);
    s->v[3] = vit158_add_dot_n8(s->v[3], vit158_splat_pair_vi(w + 12), pairs);
}

/* sums [ROWS][LANES] of one tile; steps >= 1. A way out after each pair, see VIT158_PIN. */
static VIT158_INNER void tile(int32_t *sums, const int16_t *w, const int16_t *x, uint32_t steps)
{
    tile_sums s;
    for (int i = 0; i < ROWS; i++)
        s.v[i] = vit158_zero_n8();
    uint32_t pairs = 2 * steps;
    VIT158_PIN(pairs);
    for (;;) {
        add_pair(&s, w, x);
        if (pairs == 1)
            break;
        w += 2;
        VIT158_PIN(w);
        add_pair(&s, w, x + 16);
        if (pairs == 2)
            break;
        w += STEP_W - 2;
        VIT158_PIN(w);
        add_pair(&s, w, x + STEP_X);
        if (pairs == 3)
            break;
        w += 2;
        VIT158_PIN(w);
        add_pair(&s, w, x + STEP_X + 16);
        if (pairs == 4)
            break;
        pairs -= 4, w += STEP_W - 2, x += 2 * STEP_X;
        VIT158_PIN(w);
    }
    for (int i = 0; i < ROWS; i++)
        vit158_store_n8(sums + (ptrdiff_t)LANES * i, s.v[i]);
}

/* Eight tokens of input k, zero past n_in. */
static inline v128_t load_input(const int8_t *q, size_t ldq, uint32_t k, uint32_t n_in)
{
    return k < n_in ? wasm_i16x8_load8x8(q + k * ldq) : wasm_i16x8_splat(0);
}

/* Pair j of a block of 20 inputs joins inputs first(j) and first(j) + apart. */
static VIT158_INNER void pack_trit_panel(int16_t *x, const int8_t *q, size_t ldq, uint32_t n_in)
{
    for (uint32_t k = 0; k < n_in; k += VIT158_BLOCK_INPUTS) {
        for (uint32_t i = 0; i < 5; i++, x += STEP_X) {
            for (uint32_t half = 0; half < 2; half++) {
                const uint32_t first = k + 10 * half + i;
                vit158_store_pairs(x + (size_t)16 * half, load_input(q, ldq, first, n_in),
                                   load_input(q, ldq, first + 5, n_in));
            }
        }
    }
}

static VIT158_INNER void pack_i8_panel(int16_t *x, const int8_t *q, size_t ldq, uint32_t n_in)
{
    for (uint32_t k = 0; k < BLOCK_STEPS * 4 * (step_count(n_in) / BLOCK_STEPS); k += 2, x += 16)
        vit158_store_pairs(x, load_input(q, ldq, k, n_in), load_input(q, ldq, k + 1, n_in));
}

/* Digits - 1 of the codes of two outputs, [i][2 outputs][4 groups], into every other half step. */
static inline void decode_codes(int16_t *w, v128_t c)
{
    v128_t quotient[6];
    quotient[0] = c;
    static const int16_t half[5] = {0, 1, 4, 13, 40};
    static const int16_t reciprocal[5] = {0, 10923, 3641, 1214, 405};
    for (int i = 1; i < 5; i++)
        quotient[i] =
            vit158_divide_codes(c, wasm_i16x8_splat(half[i]), wasm_i16x8_splat(reciprocal[i]));
    quotient[5] = wasm_i16x8_splat(0);
    const v128_t three = wasm_i16x8_splat(3), one = wasm_i16x8_splat(1);
    for (int i = 0; i < 5; i++) {
        const v128_t higher = wasm_i16x8_mul(quotient[i + 1], three);
        const v128_t digit = wasm_i16x8_sub(quotient[i], higher);
        wasm_v128_store(w + (ptrdiff_t)STEP_W * i, wasm_i16x8_sub(digit, one));
    }
}

/* Weights of rows o .. o + rows - 1 for one tile; the rows that do not exist are zero. */
static void decode_trit_rows(int16_t *w, const vit158_gemm_q8 *p, uint32_t o, uint32_t rows)
{
    const uint32_t blocks = step_count(p->n_in) / BLOCK_STEPS;
    const uint32_t whole = rows == ROWS ? vit158_trit_groups(p->n_in) / VIT158_BLOCK_GROUPS : 0;
    const size_t n_rows = vit158_q8_rows(p);
    const uint8_t *codes = (const uint8_t *)p->w + (size_t)4 * o;
    for (uint32_t b = 0; b < blocks; b++, w += (size_t)BLOCK_STEPS * STEP_W) {
        uint8_t copy[4 * ROWS];
        const uint8_t *four = codes + (size_t)4 * b * n_rows;
        if (b >= whole) {
            vit158_copy_codes(copy, p, b, o, ROWS, rows);
            four = copy;
        }
        decode_codes(w, wasm_u16x8_load8x8(four));
        decode_codes(w + 8, wasm_u16x8_load8x8(four + 8));
    }
}

static VIT158_INNER void decode_i8_row(int16_t *w, const int8_t *row, uint32_t n_in)
{
    uint32_t k = 0;
    for (; k + 8 <= n_in; k += 8, w += 2 * STEP_W) {
        const v128_t eight = wasm_i16x8_load8x8(row + k);
        wasm_v128_store64_lane(w, eight, 0);
        wasm_v128_store64_lane(w + STEP_W, eight, 1);
    }
    for (uint32_t i = 0; k < n_in; i++, k++)
        w[i / 4 * STEP_W + i % 4] = row[k];
}

static void decode_i8_rows(int16_t *w, const vit158_gemm_q8 *p, uint32_t o, uint32_t rows)
{
    const uint32_t first_padded = p->n_in / 4;
    const size_t steps = step_count(p->n_in);
    memset(w + (size_t)first_padded * STEP_W, 0, (steps - first_padded) * STEP_W * sizeof *w);
    for (uint32_t i = 0; i < ROWS; i++) {
        const uint32_t row = o + (i < rows ? i : rows - 1); /* a missing row repeats the last */
        decode_i8_row(w + (size_t)4 * i, (const int8_t *)p->w + (size_t)row * p->n_in, p->n_in);
    }
}

/* Sums of the rows of four outputs: [plane][row of the plane][LANES]. */
typedef struct group {
    int32_t sums[VIT158_MAX_PLANES][ROWS * LANES];
    uint32_t o;
    uint32_t outputs;
    uint32_t first[VIT158_MAX_PLANES]; /* the rows, by plane */
    uint32_t rows[VIT158_MAX_PLANES];
} group;

static void begin_group(group *g, const vit158_gemm_q8 *p, uint32_t o, uint32_t o1)
{
    g->o = o;
    g->outputs = o1 - o < ROWS ? o1 - o : ROWS;
    for (uint32_t plane = 0; plane < vit158_plane_count(&p->planes); plane++) {
        g->first[plane] = vit158_plane_row(&p->planes, p->n_out, plane, o);
        g->rows[plane] =
            vit158_plane_row(&p->planes, p->n_out, plane, o + g->outputs) - g->first[plane];
    }
}

static inline vit158_x8 dequantize(const vit158_gemm_q8 *p, uint32_t row, const int32_t *sums,
                                   uint32_t t)
{
    const vit158_x8 scale = vit158_splat_x8(p->scale[(size_t)row * p->scale_step]);
    return vit158_dequantize_x8(vit158_load_n8(sums),
                                vit158_mul_x8(scale, vit158_load_x8(p->r + t)));
}

static void finish_tile(const vit158_gemm_q8 *p, const group *g, uint32_t t)
{
    for (uint32_t i = 0; i < g->outputs; i++) {
        const uint32_t o = g->o + i;
        vit158_x8 y = dequantize(p, o, g->sums[0] + (size_t)i * LANES, t);
        for (uint32_t plane = 1; plane < p->planes.count; plane++) {
            const uint32_t row = vit158_plane_row(&p->planes, p->n_out, plane, o);
            if (vit158_plane_row(&p->planes, p->n_out, plane, o + 1) == row)
                continue;
            const int32_t *sums = g->sums[plane] + (size_t)(row - g->first[plane]) * LANES;
            y = vit158_add_x8(y, dequantize(p, row, sums, t));
        }
        if (p->bias != NULL)
            y = vit158_add_x8(y, vit158_splat_x8(p->bias[o]));
        vit158_finish_x8(p->y + o * p->ldy + t, y, p->epilogue);
    }
}

typedef void (*pack_fn)(int16_t *x, const int8_t *q, size_t ldq, uint32_t n_in);
typedef void (*decode_fn)(int16_t *w, const vit158_gemm_q8 *p, uint32_t o, uint32_t rows);

/* Outputs o0 .. o1 - 1 for `panels` panels of tokens from t. */
static void run_block(const vit158_gemm_q8 *p, uint32_t t, uint32_t panels, uint32_t o0,
                      uint32_t o1, int16_t *scratch, pack_fn pack, decode_fn decode)
{
    const uint32_t steps = step_count(p->n_in), planes = vit158_plane_count(&p->planes);
    const size_t w_step = (size_t)steps * STEP_W, x_step = (size_t)steps * STEP_X;
    int16_t *w = scratch, *x = scratch + planes * w_step;
    group g = {.o = o0};
    for (uint32_t j = 0; j < panels; j++)
        pack(x + j * x_step, p->q + t + (size_t)j * LANES, p->ldq, p->n_in);
    for (uint32_t o = o0; o < o1; o += ROWS) {
        begin_group(&g, p, o, o1);
        for (uint32_t plane = 0; plane < planes; plane++)
            if (g.rows[plane] > 0)
                decode(w + plane * w_step, p, g.first[plane], g.rows[plane]);
        for (uint32_t j = 0; j < panels; j++) {
            for (uint32_t plane = 0; plane < planes; plane++)
                if (steps > 0 && g.rows[plane] > 0)
                    tile(g.sums[plane], w + plane * w_step, x + j * x_step, steps);
            finish_tile(p, &g, t + j * LANES);
        }
    }
}

static uint32_t most_panels(uint32_t steps)
{
    const uint32_t fit = (uint32_t)(BLOCK_BYTES / ((size_t)steps * STEP_X * sizeof(int16_t) + 1));
    return fit > MIN_PANELS ? fit : MIN_PANELS;
}

/* Cuts the tokens into blocks of equal size. */
static void run(const vit158_gemm_q8 *p, uint32_t t0, uint32_t t1, uint32_t o0, uint32_t o1,
                void *scratch, pack_fn pack, decode_fn decode)
{
    const uint32_t panels = t0 < t1 ? (t1 - t0 + LANES - 1) / LANES : 0;
    const uint32_t most = most_panels(step_count(p->n_in));
    const uint32_t blocks = (panels + most - 1) / most;
    uint32_t done = 0;
    for (uint32_t i = 0; i < blocks; i++) {
        const uint32_t count = (panels - done + blocks - i - 1) / (blocks - i);
        run_block(p, t0 + done * LANES, count, o0, o1, scratch, pack, decode);
        done += count;
    }
}

void VIT158_KERNEL(gemm_trit_dot)(const vit158_gemm_q8 *p, uint32_t t0, uint32_t t1, uint32_t o0,
                                  uint32_t o1, void *scratch)
{
    run(p, t0, t1, o0, o1, scratch, pack_trit_panel, decode_trit_rows);
}

void VIT158_KERNEL(gemm_i8)(const vit158_gemm_q8 *p, uint32_t t0, uint32_t t1, uint32_t o0,
                            uint32_t o1, void *scratch)
{
    run(p, t0, t1, o0, o1, scratch, pack_i8_panel, decode_i8_rows);
}

size_t VIT158_KERNEL(gemm_dot_scratch)(const vit158_gemm_q8 *p, uint32_t n_out, uint32_t n_tokens)
{
    (void)n_out;
    const uint32_t steps = step_count(p->n_in), most = most_panels(steps);
    const uint32_t panels = (n_tokens + LANES - 1) / LANES;
    const size_t x = (size_t)STEP_X * (panels < most ? panels : most);
    const size_t w = (size_t)STEP_W * vit158_plane_count(&p->planes);
    return steps * (w + x) * sizeof(int16_t);
}
