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

#include "kernels/table_sums.h"
#include "kernels/trits_simd128.h"

enum {
    TILE = VIT158_TILE,
    LANES = VIT158_TILE_LANES,
    TABLE_ROWS = 81, /* 3^4 */
    ROW_BYTES = TILE * 2,
    TABLE_BYTES = TABLE_ROWS * ROW_BYTES,
    BLOCK_QUADS = 5,         /* of a block of codes */
    QUADS = 2 * BLOCK_QUADS, /* whose tables, 26 kB, stay in the cache together */
    PASS_INPUTS = 2 * (int)VIT158_BLOCK_INPUTS, /* inputs of a pass over the outputs */
    SLACK = 256                                 /* rows that codes above 242 would reach */
};

/* How long the blocks of tokens are whose sums are kept at a time: tiles share the work of finding
 * table rows, but their sums should stay in the second or third cache. */
typedef struct block_rule {
    uint32_t bytes; /* of int16 sums at most, */
    uint32_t tiles; /* unless these are fewer tiles */
} block_rule;

static const block_rule one_worker = {.bytes = 2048 * 1024, .tiles = 4};
/* Every worker keeps sums of its own. */
static const block_rule many_workers = {.bytes = 704 * 1024, .tiles = 7};

/* A worker's scratch. */
typedef struct workspace {
    uint8_t *tables; /* [QUADS][TABLE_ROWS][TILE] int16 */
    uintptr_t *rows; /* [n_rows][QUADS]: address of the table row of a row and quad */
    vit158_table_sums sums;
} workspace;

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

/* One table for eight tokens from q on; inputs past n_in are zero. Adds to `magnitude`. */
static inline v128_t add_table(uint8_t *table, const int8_t *q, size_t ldq, uint32_t k,
                               uint32_t n_in, v128_t magnitude)
{
    const v128_t x0 = vit158_load_input(q, ldq, k, n_in),
                 x1 = vit158_load_input(q, ldq, k + 1, n_in);
    const v128_t x2 = vit158_load_input(q, ldq, k + 2, n_in),
                 x3 = vit158_load_input(q, ldq, k + 3, n_in);
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

/* rows[o][0 .. 4] from block b of the codes of rows o0 + o, for tables from `base` on. May write
 * for one more. */
static VIT158_INNER void find_rows(uintptr_t *rows, const uint8_t *base, const vit158_gemm_q8 *p,
                                   uint32_t b, uint32_t o0, uint32_t n_out)
{
    const uint8_t *codes =
        (const uint8_t *)p->w + (size_t)4 * b * vit158_q8_rows(p) + (size_t)4 * o0;
    const uint32_t whole = 4 * b + 4 <= vit158_trit_groups(p->n_in) ? n_out / 2 * 2 : 0;
    uint32_t o = 0;
    for (; o < whole; o += 2, codes += 8, rows += (size_t)2 * QUADS)
        two_outputs(rows, codes, base);
    for (; o < n_out; o += 2, rows += (size_t)2 * QUADS) {
        uint8_t copy[8];
        vit158_copy_codes(copy, p, b, o0 + o, 2, n_out - o < 2 ? n_out - o : 2);
        two_outputs(rows, copy, base);
    }
}

/* The same for the rows of outputs o0 .. o1 - 1 in all planes, one plane after the other. */
static void find_planes(uintptr_t *rows, const uint8_t *base, const vit158_gemm_q8 *p, uint32_t b,
                        uint32_t o0, uint32_t o1)
{
    for (uint32_t plane = 0; plane < vit158_plane_count(&p->planes); plane++) {
        const uint32_t first = vit158_plane_row(&p->planes, p->n_out, plane, o0);
        const uint32_t count = vit158_plane_row(&p->planes, p->n_out, plane, o1) - first;
        find_rows(rows, base, p, b, first, count);
        rows += (size_t)count * QUADS;
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

/* ---- Memory ---- */

static size_t align_bytes(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static size_t sum_bytes(uint32_t n_rows, uint32_t tiles)
{
    return tiles * vit158_tile_stride(n_rows) * sizeof(int16_t);
}

static size_t table_bytes(void)
{
    return align_bytes((size_t)QUADS * TABLE_BYTES + SLACK);
}

static size_t state_bytes(uint32_t tiles)
{
    return align_bytes(tiles * sizeof(vit158_tile_state));
}

static size_t row_address_bytes(uint32_t n_rows)
{
    return align_bytes(((size_t)n_rows + 1) * QUADS * sizeof(uintptr_t));
}

static uint32_t tiles_of(uint32_t tokens)
{
    return (tokens + TILE - 1) / TILE;
}

/* Tiles of a token block, in blocks of equal size. */
static uint32_t block_tiles(uint32_t n_rows, uint32_t tokens, block_rule rule)
{
    const uint32_t tiles = tiles_of(tokens);
    const uint32_t fit = (uint32_t)(rule.bytes / sum_bytes(n_rows, 1));
    const uint32_t most = fit < rule.tiles ? rule.tiles : fit;
    const uint32_t blocks = (tiles + most - 1) / most;
    return (tiles + blocks - 1) / blocks;
}

static VIT158_INNER workspace lay_out(void *scratch, uint32_t n_rows, uint32_t tiles)
{
    uint8_t *at = scratch;
    workspace ws = {.tables = at, .sums.n_rows = n_rows};
    ws.sums.states = (vit158_tile_state *)(void *)(at += table_bytes());
    ws.rows = (uintptr_t *)(void *)(at += state_bytes(tiles));
    ws.sums.sums = (int16_t *)(void *)(at += row_address_bytes(n_rows));
    ws.sums.carries = (int16_t *)(void *)(at + sum_bytes(n_rows, tiles));
    return ws;
}

/* Covers every smaller range of tokens and outputs too. */
static size_t workspace_bytes(uint32_t n_in, uint32_t n_rows, uint32_t tokens, block_rule rule)
{
    const uint32_t tiles = tiles_of(tokens);
    const size_t all = sum_bytes(n_rows, tiles);
    const size_t least = sum_bytes(n_rows, tiles < rule.tiles ? tiles : rule.tiles);
    const size_t cached = all < rule.bytes ? all : rule.bytes;
    const size_t sums = least > cached ? least : cached;
    return table_bytes() + state_bytes(tiles) + row_address_bytes(n_rows) + sums +
           (vit158_needs_carries(n_in) ? sums : 0);
}

/* ---- Passes ---- */

/* Quads to look up for `inputs` inputs, as add_output takes them. */
static uint32_t quads_of_pass(uint32_t inputs)
{
    return inputs <= 8 ? 2 : inputs <= 20 ? 5 : inputs <= 32 ? 8 : QUADS;
}

static void begin(const workspace *ws, vit158_gemm_range block)
{
    memset(ws->sums.states, 0, tiles_of(block.t1 - block.t0) * sizeof *ws->sums.states);
}

/* One tile of tokens from t on: adds inputs k .. k + inputs - 1 to the sums of all rows. */
static void run_tile(const vit158_gemm_q8 *p, const workspace *ws, uint32_t tile, uint32_t t,
                     uint32_t halves, uint32_t k, uint32_t quads)
{
    const uint32_t n_rows = ws->sums.n_rows;
    int16_t *sums = vit158_tile_sums(&ws->sums, tile);
    vit158_tile_state *state = &ws->sums.states[tile];
    v128_t magnitude[2];
    build_tables(magnitude, ws->tables, p->q + t, p->ldq, k, p->n_in, quads, halves);
    if (halves == 1 && !state->begun)
        memset(sums, 0, (size_t)n_rows * TILE * sizeof *sums);
    vit158_make_room(&ws->sums, tile, magnitude);
    if (halves == 1)
        look_up_half(sums, ws->rows, n_rows, quads);
    else
        (state->begun ? look_up_whole : look_up_first)(sums, ws->rows, n_rows, quads);
    state->begun = 1;
}

/* Adds inputs k .. k + inputs - 1 (as far as there are so many; k is a multiple of a block's,
 * inputs one or two blocks) to the sums of a block. */
static VIT158_INNER void run_pass(const vit158_gemm_q8 *p, const workspace *ws,
                                  vit158_gemm_range block, uint32_t k, uint32_t inputs)
{
    const uint32_t left = p->n_in - k;
    const uint32_t quads = quads_of_pass(left < inputs ? left : inputs);
    for (uint32_t i = 0; i * BLOCK_QUADS < quads; i++)
        find_planes(ws->rows + (size_t)i * BLOCK_QUADS,
                    ws->tables + (size_t)i * BLOCK_QUADS * TABLE_BYTES, p,
                    k / VIT158_BLOCK_INPUTS + i, block.o0, block.o1);
    for (uint32_t t = block.t0, tile = 0; t < block.t1; t += TILE, tile++)
        run_tile(p, ws, tile, t, block.t1 - t > LANES ? 2 : 1, k, quads);
}

/* ---- The product, and the product in parts ---- */

void vit158_gemm_trit_table_simd128(const vit158_gemm_q8 *p, uint32_t t0, uint32_t t1, uint32_t o0,
                                    uint32_t o1, void *scratch)
{
    if (t0 >= t1 || o0 >= o1)
        return;
    const uint32_t n_rows = vit158_plane_rows(&p->planes, p->n_out, o0, o1);
    const uint32_t tiles = block_tiles(n_rows, t1 - t0, one_worker);
    const workspace ws = lay_out(scratch, n_rows, tiles);
    for (uint32_t t = t0; t < t1; t += tiles * TILE) {
        const vit158_gemm_range block = {t, t1 - t < tiles * TILE ? t1 : t + tiles * TILE, o0, o1};
        begin(&ws, block);
        for (uint32_t k = 0; k < p->n_in; k += PASS_INPUTS)
            run_pass(p, &ws, block, k, PASS_INPUTS);
        if (p->n_in == 0)
            memset(ws.sums.sums, 0, sum_bytes(n_rows, tiles));
        vit158_table_results(p, &ws.sums, block);
    }
}

size_t vit158_gemm_trit_table_scratch_simd128(const vit158_gemm_q8 *p, uint32_t n_out,
                                              uint32_t n_tokens)
{
    return workspace_bytes(p->n_in, vit158_q8_most_rows(p, n_out), n_tokens, one_worker);
}

/* Parts of two blocks of inputs, and of one in the end, so that all workers finish together. */
typedef struct part_sizes {
    uint32_t twos;
    uint32_t ones;
} part_sizes;

static part_sizes sizes_of_parts(uint32_t n_in)
{
    const uint32_t blocks = (n_in + VIT158_BLOCK_INPUTS - 1) / VIT158_BLOCK_INPUTS;
    const uint32_t ones = blocks < 4 ? blocks : 4 + blocks % 2;
    return (part_sizes){.twos = (blocks - ones) / 2, .ones = ones};
}

static uint32_t count_parts(uint32_t n_in)
{
    const part_sizes sizes = sizes_of_parts(n_in);
    return sizes.twos + sizes.ones;
}

static uint32_t tokens_of_block(const vit158_gemm_q8 *p, uint32_t o0, uint32_t o1,
                                uint32_t n_tokens)
{
    const uint32_t n_rows = vit158_plane_rows(&p->planes, p->n_out, o0, o1);
    return block_tiles(n_rows, n_tokens, many_workers) * TILE;
}

static workspace workspace_of(const vit158_gemm_q8 *p, vit158_gemm_range block, void *scratch)
{
    const uint32_t n_rows = vit158_plane_rows(&p->planes, p->n_out, block.o0, block.o1);
    return lay_out(scratch, n_rows, tiles_of(block.t1 - block.t0));
}

static void begin_parts(const vit158_gemm_q8 *p, vit158_gemm_range block, void *scratch)
{
    const workspace ws = workspace_of(p, block, scratch);
    begin(&ws, block);
}

static void add_part(const vit158_gemm_q8 *p, vit158_gemm_range block, uint32_t part, void *scratch)
{
    const workspace ws = workspace_of(p, block, scratch);
    const uint32_t twos = sizes_of_parts(p->n_in).twos;
    const bool two = part < twos;
    const uint32_t first = two ? 2 * part : part + twos;
    run_pass(p, &ws, block, first * VIT158_BLOCK_INPUTS,
             two ? 2 * VIT158_BLOCK_INPUTS : VIT158_BLOCK_INPUTS);
}

static void results_of_parts(const vit158_gemm_q8 *p, vit158_gemm_range block, uint32_t o0,
                             uint32_t o1, const vit158_parts_scratch *scratch)
{
    vit158_table_sums sums[VIT158_MAX_PARTNERS];
    for (uint32_t i = 0; i < scratch->workers; i++)
        sums[i] = workspace_of(p, block, scratch->memory + i * scratch->bytes).sums;
    vit158_table_results_of_all(p, sums, scratch->workers, block, o0, o1);
}

static size_t parts_scratch(const vit158_gemm_q8 *p, uint32_t n_out, uint32_t n_tokens)
{
    return workspace_bytes(p->n_in, vit158_q8_most_rows(p, n_out), n_tokens, many_workers);
}

const vit158_product_parts vit158_table_parts_simd128 = {.count = count_parts,
                                                         .block_tokens = tokens_of_block,
                                                         .begin = begin_parts,
                                                         .add = add_part,
                                                         .results = results_of_parts,
                                                         .scratch = parts_scratch};
