/* SPDX-License-Identifier: MIT
 *
 * Ternary product by table look-up. For four inputs and a tile of tokens all 81 signed sums are
 * built, one add each; then every output adds one table row per four inputs, without a multiply. A
 * block of four codes (five inputs each, FORMAT.md) is five such quads: narrower tables than one of
 * 243 rows a code cost 25 % more look-ups, but 405 table rows instead of 972 to build for twenty
 * inputs, and ten quads stay in the first-level cache together. Codes become addresses of table
 * rows once per token block.
 */
#include <stdbool.h>

#include "kernels/trits_simd128.h"

enum {
    TILE = 16,       /* tokens of a table row */
    LANES = 8,       /* tokens of a vector, and of the last tile if no more are left */
    TABLE_ROWS = 81, /* 3^4 */
    ROW_BYTES = TILE * 2,
    TABLE_BYTES = TABLE_ROWS * ROW_BYTES,
    BLOCK_QUADS = 5,         /* of a block of codes */
    QUADS = 2 * BLOCK_QUADS, /* whose tables, 26 kB, stay in the cache together */
    PASS_INPUTS = 2 * (int)VIT158_BLOCK_INPUTS, /* inputs of a pass over the outputs */
    ACCUMULATOR_BYTES = 2048 * 1024, /* int16 sums of a token block: in the second or third cache */
    MIN_TILES = 4,                   /* that share the work of finding rows */
    CARRY_SHIFT = 10,                /* of what moves from a sum into its carry */
    SLACK = 256                      /* rows that codes above 242 would reach */
};

/* What a tile's int16 sums hold: all but their low bits move into carries before the magnitudes of
 * a token's inputs, which bound its sums, could add up to 2^15. Rows of real layers rarely get
 * there. 127 n_in / 2^10 fits a carry for every n_in that kernels.h allows. */
typedef struct tile_state {
    uint16_t magnitude[TILE];
    uint32_t carried; /* there are carries */
} tile_state;

typedef struct workspace {
    uint8_t *tables;    /* [QUADS][TABLE_ROWS][TILE] int16 */
    uintptr_t *rows;    /* [n_out][QUADS]: address of the table row of an output and quad */
    int16_t *sums;      /* [tile][n_out][TILE], tiles tile_stride apart */
    int16_t *carries;   /* as sums, unless all are 0: worth 2^CARRY_SHIFT each */
    tile_state *states; /* [tile] */
} workspace;

/* A cache line more than the sums take: at a distance of some power of two the sums of one output,
 * which finish_output reads side by side, would push each other out of the cache. */
static size_t tile_stride(uint32_t n_out)
{
    return (size_t)n_out * TILE + 32;
}

/* ---- Tables ---- */

/* All sums (d0 - 1) a + (d1 - 1) b, [d0 + 3 d1]. */
VIT158_TEMPLATE void nine_sums(v128_t out[9], v128_t a, v128_t b)
{
    const v128_t zero = wasm_i16x8_splat(0);
    out[4] = zero;
    out[5] = a;
    out[3] = wasm_i16x8_sub(zero, a);
    out[7] = b;
    out[8] = wasm_i16x8_add(b, a);
    out[6] = wasm_i16x8_sub(b, a);
    out[1] = wasm_i16x8_sub(zero, b);
    out[2] = wasm_i16x8_sub(a, b);
    out[0] = wasm_i16x8_sub(out[1], a);
}

/* The table of four inputs of eight tokens. Pinning keeps the stores in order, line by line. */
static VIT158_INNER void build_table(uint8_t *table, v128_t x0, v128_t x1, v128_t x2, v128_t x3)
{
    v128_t low[9], high[9];
    nine_sums(low, x0, x1);
    nine_sums(high, x2, x3);
    for (int j = 0; j < 9; j++, table += 9 * ROW_BYTES) {
        VIT158_PIN(table);
        for (ptrdiff_t i = 0; i < 9; i++)
            wasm_v128_store(table + i * ROW_BYTES, wasm_i16x8_add(high[j], low[i]));
    }
}

static inline v128_t load_input(const int8_t *q, size_t ldq, uint32_t k, uint32_t n_in)
{
    return k < n_in ? wasm_i16x8_load8x8(q + k * ldq) : wasm_i16x8_splat(0);
}

/* One table for eight tokens from q on; inputs past n_in are zero. Adds to `magnitude`. */
static inline v128_t add_table(uint8_t *table, const int8_t *q, size_t ldq, uint32_t k,
                               uint32_t n_in, v128_t magnitude)
{
    const v128_t x0 = load_input(q, ldq, k, n_in), x1 = load_input(q, ldq, k + 1, n_in);
    const v128_t x2 = load_input(q, ldq, k + 2, n_in), x3 = load_input(q, ldq, k + 3, n_in);
    const v128_t x01 = wasm_i16x8_add(wasm_i16x8_abs(x0), wasm_i16x8_abs(x1));
    const v128_t x23 = wasm_i16x8_add(wasm_i16x8_abs(x2), wasm_i16x8_abs(x3));
    build_table(table, x0, x1, x2, x3);
    return wasm_i16x8_add(magnitude, wasm_i16x8_add(x01, x23));
}

/* Tables of `quads` quads of inputs from k on, for a tile's tokens from q on. Returns the sums of
 * the inputs' magnitudes. */
static void build_tables(v128_t magnitude[2], uint8_t *tables, const int8_t *q, size_t ldq,
                         uint32_t k, uint32_t n_in, uint32_t quads, uint32_t halves)
{
    v128_t lo = wasm_i16x8_splat(0), hi = lo;
    for (uint32_t i = 0; i < quads; i++, k += 4, tables += TABLE_BYTES) {
        lo = add_table(tables, q, ldq, k, n_in, lo);
        if (halves == 2)
            hi = add_table(tables + 16, q + LANES, ldq, k, n_in, hi);
    }
    magnitude[0] = lo;
    magnitude[1] = hi;
}

/* ---- Row addresses ---- */

/* Addresses of four table rows, from their offsets in the tables of a block that begin at `base`.
 */
static inline void store_addresses(uintptr_t *out, const uint8_t *base, v128_t offsets)
{
#if UINTPTR_MAX == UINT32_MAX
    const v128_t tables = wasm_i32x4_const(0, TABLE_BYTES, 2 * TABLE_BYTES, 3 * TABLE_BYTES);
    const v128_t first = wasm_i32x4_add(wasm_i32x4_splat((int32_t)(uintptr_t)base), tables);
    wasm_v128_store(out, wasm_i32x4_add(offsets, first));
#else
    uint32_t offset[4];
    wasm_v128_store(offset, offsets);
    for (uint32_t i = 0; i < 4; i++)
        out[i] = (uintptr_t)base + i * TABLE_BYTES + offset[i];
#endif
}

/* The same for the fifth quads of two outputs: the low halves of 64-bit lanes. */
static inline void store_fifth(uintptr_t *out, const uint8_t *base, v128_t offsets)
{
    const uint8_t *table = base + (ptrdiff_t)4 * TABLE_BYTES;
#if UINTPTR_MAX == UINT32_MAX
    const v128_t rows = wasm_i32x4_add(offsets, wasm_i32x4_splat((int32_t)(uintptr_t)table));
    wasm_v128_store32_lane(out + 4, rows, 0);
    wasm_v128_store32_lane(out + QUADS + 4, rows, 2);
#else
    out[4] = (uintptr_t)table + (uint64_t)wasm_i64x2_extract_lane(offsets, 0);
    out[QUADS + 4] = (uintptr_t)table + (uint64_t)wasm_i64x2_extract_lane(offsets, 1);
#endif
}

/* Rows of the five quads of two outputs from their four codes each, in tables from `base` on. With
 * codes c0 .. c3 the quads are c0 % 81, c0 / 81 + 3 (c1 % 27), c1 / 27 + 9 (c2 % 9),
 * c2 / 9 + 27 (c3 % 3), c3 / 3, and 3^k (c % d) = 3^k c - 81 (c / d) with d = 81 / 3^k. All times
 * the bytes of a row, modulo 2^16. */
static inline void two_outputs(uintptr_t *out, const uint8_t *codes, const uint8_t *base)
{
    const v128_t c = wasm_u16x8_load8x8(codes);
    const v128_t quotient =
        vit158_divide_codes(c, wasm_i16x8_const(40, 13, 4, 1, 40, 13, 4, 1),
                            wasm_i16x8_const(405, 1214, 3641, 10923, 405, 1214, 3641, 10923));
    const v128_t scaled = wasm_i16x8_mul(
        c, wasm_i16x8_const(ROW_BYTES, 3 * ROW_BYTES, 9 * ROW_BYTES, 27 * ROW_BYTES, ROW_BYTES,
                            3 * ROW_BYTES, 9 * ROW_BYTES, 27 * ROW_BYTES));
    const v128_t rest =
        wasm_i16x8_sub(scaled, wasm_i16x8_mul(quotient, wasm_i16x8_splat(TABLE_BYTES)));
    /* Quotients, times ROW_BYTES = 2^5, one lane up within each output. */
    const v128_t carried = wasm_i64x2_shl(quotient, 16 + 5);
    const v128_t four = wasm_i16x8_add(rest, carried);
    store_addresses(out, base, wasm_u32x4_extend_low_u16x8(four));
    store_addresses(out + QUADS, base, wasm_u32x4_extend_high_u16x8(four));
    store_fifth(out, base, wasm_i64x2_shl(wasm_u64x2_shr(quotient, 48), 5));
}

/* rows[o][0 .. 4] from block b of the codes of outputs o0 + o, for tables from `base` on. */
static VIT158_INNER void find_rows(uintptr_t *rows, const uint8_t *base, const vit158_gemm_q8 *p,
                                   uint32_t b, uint32_t o0, uint32_t n_out)
{
    const uint8_t *codes = (const uint8_t *)p->w + (size_t)4 * b * p->n_out + (size_t)4 * o0;
    const uint32_t whole = 4 * b + 4 <= (p->n_in + 4) / 5 ? n_out / 2 * 2 : 0;
    uint32_t o = 0;
    for (; o < whole; o += 2, codes += 8, rows += (size_t)2 * QUADS)
        two_outputs(rows, codes, base);
    for (; o < n_out; o += 2, rows += (size_t)2 * QUADS) {
        uint8_t copy[8];
        vit158_copy_codes(copy, p, b, o0 + o, 2, n_out - o < 2 ? n_out - o : 2);
        two_outputs(rows, copy, base);
    }
}

/* ---- Look-ups ---- */

typedef struct row_sums {
    v128_t v[2];
} row_sums;

VIT158_TEMPLATE void add_row(row_sums *s, const uint8_t *row, uint32_t halves)
{
    VIT158_PIN(row);
    s->v[0] = wasm_i16x8_add(s->v[0], wasm_v128_load(row));
    VIT158_PIN(s->v[0]);
    if (halves == 2) {
        s->v[1] = wasm_i16x8_add(s->v[1], wasm_v128_load(row + 16));
        VIT158_PIN(s->v[1]);
    }
}

/* Two rows; in wasm one load gets both addresses, because loads are what limits the loop. */
VIT158_TEMPLATE void add_two(row_sums *s, const uintptr_t *rows, uint32_t halves)
{
#if UINTPTR_MAX == UINT32_MAX
    uint64_t both;
    memcpy(&both, rows, sizeof both);
    add_row(s, (const uint8_t *)(uintptr_t)(uint32_t)both, halves);
    add_row(s, (const uint8_t *)(uintptr_t)(uint32_t)(both >> 32), halves);
#else
    add_row(s, (const uint8_t *)rows[0], halves);
    add_row(s, (const uint8_t *)rows[1], halves);
#endif
}

/* One output: sums[:] += 2, 5, 8 or 10 table rows; = if first. */
VIT158_TEMPLATE void add_output(int16_t *sums, const uintptr_t *rows, uint32_t quads, bool first,
                                uint32_t halves)
{
    row_sums s;
    s.v[0] = first ? wasm_i16x8_splat(0) : wasm_v128_load(sums);
    if (halves == 2)
        s.v[1] = first ? wasm_i16x8_splat(0) : wasm_v128_load(sums + 8);
    add_two(&s, rows, halves);
    VIT158_PIN(quads);
    if (quads > 2) {
        add_two(&s, rows + 2, halves);
        add_row(&s, (const uint8_t *)rows[4], halves);
        VIT158_PIN(quads);
        if (quads > 5) {
            add_row(&s, (const uint8_t *)rows[5], halves);
            add_two(&s, rows + 6, halves);
            VIT158_PIN(quads);
            if (quads > 8)
                add_two(&s, rows + 8, halves);
        }
    }
    wasm_v128_store(sums, s.v[0]);
    if (halves == 2)
        wasm_v128_store(sums + 8, s.v[1]);
}

/* The same for n_out outputs. */
VIT158_TEMPLATE void look_up(int16_t *sums, const uintptr_t *rows, uint32_t n_out, uint32_t quads,
                             bool first, uint32_t halves)
{
    for (;;) {
        add_output(sums, rows, quads, first, halves);
        if (n_out == 1)
            break;
        add_output(sums + TILE, rows + QUADS, quads, first, halves);
        if (n_out == 2)
            break;
        n_out -= 2, sums += 2 * TILE, rows += 2 * QUADS;
    }
}

static VIT158_INNER void look_up_half(int16_t *sums, const uintptr_t *rows, uint32_t n_out,
                                      uint32_t quads)
{
    look_up(sums, rows, n_out, quads, false, 1);
}

static VIT158_INNER void look_up_whole(int16_t *sums, const uintptr_t *rows, uint32_t n_out,
                                       uint32_t quads)
{
    look_up(sums, rows, n_out, quads, false, 2);
}

static VIT158_INNER void look_up_first(int16_t *sums, const uintptr_t *rows, uint32_t n_out,
                                       uint32_t quads)
{
    look_up(sums, rows, n_out, quads, true, 2);
}

/* ---- Sums ---- */

/* Moves what exceeds the low bits of `count` sums, a multiple of 8, into their carries. */
static VIT158_INNER void carry(int16_t *carries, int16_t *sums, size_t count, int first)
{
    const v128_t low_bits = wasm_i16x8_splat((1 << CARRY_SHIFT) - 1);
    for (size_t i = 0; i < count; i += 8, carries += 8, sums += 8) {
        const v128_t s = wasm_v128_load(sums);
        v128_t c = wasm_i16x8_shr(s, CARRY_SHIFT);
        if (!first)
            c = wasm_i16x8_add(c, wasm_v128_load(carries));
        wasm_v128_store(carries, c);
        wasm_v128_store(sums, wasm_v128_and(s, low_bits));
    }
}

/* Notes that inputs of these magnitudes (at most 127 * 40) are about to be added to a tile's sums,
 * and makes room if the sums might not fit. */
static void make_room(const workspace *ws, uint32_t tile, uint32_t n_out, const v128_t magnitude[2])
{
    tile_state *state = &ws->states[tile];
    const v128_t lo = wasm_i16x8_add(wasm_v128_load(state->magnitude), magnitude[0]);
    const v128_t hi = wasm_i16x8_add(wasm_v128_load(state->magnitude + LANES), magnitude[1]);
    const bool full = wasm_i16x8_bitmask(wasm_v128_or(lo, hi)) != 0;
    if (full) {
        const size_t first = tile * tile_stride(n_out);
        carry(ws->carries + first, ws->sums + first, (size_t)n_out * TILE, !state->carried);
        state->carried = 1;
    }
    const v128_t left = wasm_i16x8_splat(1 << CARRY_SHIFT);
    wasm_v128_store(state->magnitude, full ? wasm_i16x8_add(left, magnitude[0]) : lo);
    wasm_v128_store(state->magnitude + LANES, full ? wasm_i16x8_add(left, magnitude[1]) : hi);
}

/* Eight sums to eight results; r: the tokens' dequantization steps, bias may be NULL. */
VIT158_TEMPLATE void finish_eight(float *y, const int16_t *sums, const int16_t *carries,
                                  const float *r, v128_t scale, const float *bias, bool residual)
{
    const v128_t s = wasm_v128_load(sums);
    v128_t lo = wasm_i32x4_extend_low_i16x8(s), hi = wasm_i32x4_extend_high_i16x8(s);
    if (carries) {
        const v128_t c = wasm_v128_load(carries);
        lo = wasm_i32x4_add(lo, wasm_i32x4_shl(wasm_i32x4_extend_low_i16x8(c), CARRY_SHIFT));
        hi = wasm_i32x4_add(hi, wasm_i32x4_shl(wasm_i32x4_extend_high_i16x8(c), CARRY_SHIFT));
    }
    v128_t y0 = vit158_dequantize_x4(lo, wasm_f32x4_mul(scale, wasm_v128_load(r)));
    v128_t y1 = vit158_dequantize_x4(hi, wasm_f32x4_mul(scale, wasm_v128_load(r + 4)));
    if (bias) {
        y0 = wasm_f32x4_add(y0, wasm_v128_load32_splat(bias));
        y1 = wasm_f32x4_add(y1, wasm_v128_load32_splat(bias));
    }
    if (residual) {
        y0 = wasm_f32x4_add(wasm_v128_load(y), y0);
        y1 = wasm_f32x4_add(wasm_v128_load(y + 4), y1);
    }
    wasm_v128_store(y, y0);
    wasm_v128_store(y + 4, y1);
}

/* Results of tokens t0 .. t1 - 1 of output o, whose sums lie at the same place of every tile. */
static VIT158_INNER void finish_output(const vit158_gemm_q8 *p, const workspace *ws, uint32_t t0,
                                       uint32_t t1, uint32_t o, size_t place, size_t stride)
{
    const v128_t scale = wasm_v128_load32_splat(p->scale + (size_t)o * p->scale_step);
    const float *bias = p->bias ? p->bias + o : NULL, *r = p->r + t0;
    const bool residual = p->epilogue == VIT158_ADD;
    const tile_state *state = ws->states;
    float *y = p->y + o * p->ldy + t0;
    for (uint32_t left = t1 - t0;; left -= TILE, y += TILE, r += TILE, place += stride) {
        const int16_t *carries = state++->carried ? ws->carries + place : NULL;
        finish_eight(y, ws->sums + place, carries, r, scale, bias, residual);
        if (left <= LANES)
            break;
        finish_eight(y + LANES, ws->sums + place + LANES, carries ? carries + LANES : NULL,
                     r + LANES, scale, bias, residual);
        if (left <= TILE)
            break;
    }
}

/* ---- Driver ---- */

static size_t sum_bytes(uint32_t n_out, uint32_t tiles)
{
    return tiles * tile_stride(n_out) * sizeof(int16_t);
}

/* Tiles of a token block: as many as keep its sums in a cache, in blocks of equal size. */
static uint32_t block_tiles(uint32_t n_out, uint32_t tiles)
{
    const uint32_t fit = (uint32_t)(ACCUMULATOR_BYTES / sum_bytes(n_out, 1));
    const uint32_t most = fit < MIN_TILES ? MIN_TILES : fit;
    const uint32_t blocks = (tiles + most - 1) / most;
    return (tiles + blocks - 1) / blocks;
}

static size_t align_bytes(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static size_t table_bytes(void)
{
    return align_bytes((size_t)QUADS * TABLE_BYTES + SLACK);
}

static size_t state_bytes(uint32_t tiles)
{
    return align_bytes(tiles * sizeof(tile_state));
}

static size_t row_address_bytes(uint32_t n_out)
{
    return align_bytes(((size_t)n_out + 1) * QUADS * sizeof(uintptr_t));
}

/* Quads to look up for `inputs` inputs, as add_output takes them. */
static uint32_t quads_of_pass(uint32_t inputs)
{
    return inputs <= 8 ? 2 : inputs <= 20 ? 5 : inputs <= 32 ? 8 : QUADS;
}

/* One pass over the outputs for one tile of tokens from t on: inputs k .. k + 39. */
static void run_tile(const vit158_gemm_q8 *p, const workspace *ws, uint32_t tile, uint32_t t,
                     uint32_t halves, uint32_t k, uint32_t n_out)
{
    const uint32_t quads = quads_of_pass(p->n_in - k);
    int16_t *sums = ws->sums + tile * tile_stride(n_out);
    v128_t magnitude[2];
    build_tables(magnitude, ws->tables, p->q + t, p->ldq, k, p->n_in, quads, halves);
    if (halves == 1 && k == 0)
        memset(sums, 0, (size_t)n_out * TILE * sizeof *sums);
    make_room(ws, tile, n_out, magnitude);
    if (halves == 1)
        look_up_half(sums, ws->rows, n_out, quads);
    else
        (k == 0 ? look_up_first : look_up_whole)(sums, ws->rows, n_out, quads);
}

static void run_block(const vit158_gemm_q8 *p, uint32_t t0, uint32_t t1, uint32_t o0, uint32_t o1,
                      const workspace *ws)
{
    const uint32_t n_out = o1 - o0;
    const size_t stride = tile_stride(n_out);
    const uint32_t tiles = (t1 - t0 + TILE - 1) / TILE;
    memset(ws->states, 0, tiles * sizeof *ws->states);
    if (p->n_in == 0)
        memset(ws->sums, 0, tiles * stride * sizeof *ws->sums);
    for (uint32_t k = 0; k < p->n_in; k += PASS_INPUTS) {
        for (uint32_t i = 0; i < 2 && k + i * VIT158_BLOCK_INPUTS < p->n_in; i++)
            find_rows(ws->rows + (size_t)i * BLOCK_QUADS,
                      ws->tables + (size_t)i * BLOCK_QUADS * TABLE_BYTES, p,
                      k / VIT158_BLOCK_INPUTS + i, o0, n_out);
        for (uint32_t i = 0; i < tiles; i++) {
            const uint32_t t = t0 + i * TILE;
            run_tile(p, ws, i, t, t1 - t > LANES ? 2 : 1, k, n_out);
        }
    }
    for (uint32_t i = 0; i < n_out; i++) {
        finish_output(p, ws, t0, t1, o0 + i, (size_t)i * TILE, stride);
        if (p->epilogue == VIT158_GELU)
            vit158_gelu_simd128(p->y + (o0 + i) * p->ldy + t0, vit158_token_stride(t1 - t0));
    }
}

void vit158_gemm_trit_table_simd128(const vit158_gemm_q8 *p, uint32_t t0, uint32_t t1, uint32_t o0,
                                    uint32_t o1, void *scratch)
{
    if (t0 >= t1 || o0 >= o1)
        return;
    const uint32_t n_out = o1 - o0;
    const uint32_t tiles = block_tiles(n_out, (t1 - t0 + TILE - 1) / TILE);
    uint8_t *at = scratch;
    workspace ws;
    ws.tables = at;
    ws.states = (tile_state *)(void *)(at += table_bytes());
    ws.rows = (uintptr_t *)(void *)(at += state_bytes(tiles));
    ws.sums = (int16_t *)(void *)(at += row_address_bytes(n_out));
    ws.carries = (int16_t *)(void *)(at + sum_bytes(n_out, tiles));
    for (uint32_t t = t0; t < t1; t += tiles * TILE)
        run_block(p, t, t1 - t < tiles * TILE ? t1 : t + tiles * TILE, o0, o1, &ws);
}

size_t vit158_gemm_trit_table_scratch_simd128(uint32_t n_in, uint32_t n_out, uint32_t n_tokens)
{
    const uint32_t tiles = (n_tokens + TILE - 1) / TILE;
    /* Covers every smaller range of tokens and outputs too, see block_tiles. */
    const size_t all = sum_bytes(n_out, tiles);
    const size_t least = sum_bytes(n_out, tiles < MIN_TILES ? tiles : MIN_TILES);
    const size_t cached = all < ACCUMULATOR_BYTES ? all : ACCUMULATOR_BYTES;
    const size_t sums = least > cached ? least : cached;
    const size_t carries = n_in * 128ULL < 32768 ? 0 : sums; /* so few inputs never need them */
    return table_bytes() + state_bytes(tiles) + row_address_bytes(n_out) + sums + carries;
}
