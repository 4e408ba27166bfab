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

#include "kernels/ops_simd128.h"
#include "kernels/table_rows.h"

enum {
    TILE = VIT158_TILE,
    LANES = VIT158_TILE_LANES,
    REGISTERS = TILE / VIT158_VI16_LANES, /* of a table row */
    ROW_BYTES = VIT158_ROW_BYTES,
    TABLE_BYTES = VIT158_TABLE_BYTES,
    BLOCK_QUADS = VIT158_BLOCK_QUADS,
    QUADS = VIT158_QUADS,
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
    uint8_t *tables;        /* [QUADS][TABLE_ROWS][TILE] int16 */
    vit158_row_place *rows; /* [n_rows][QUADS]: where the table row of a row and quad is */
    vit158_table_sums sums;
} workspace;

/* ---- Tables ---- */

/* All sums (d0 - 1) a + (d1 - 1) b, [d0 + 3 d1]. */
VIT158_TEMPLATE void nine_sums(vit158_vi out[9], vit158_vi a, vit158_vi b)
{
    const vit158_vi zero = vit158_splat_i16_vi(0);
    out[4] = zero;
    out[5] = a;
    out[3] = vit158_sub_i16_vi(zero, a);
    out[7] = b;
    out[8] = vit158_add_i16_vi(b, a);
    out[6] = vit158_sub_i16_vi(b, a);
    out[1] = vit158_sub_i16_vi(zero, b);
    out[2] = vit158_sub_i16_vi(a, b);
    out[0] = vit158_sub_i16_vi(out[1], a);
}

/* The table of four inputs of a register's tokens. Pinning keeps the stores in order, line by line.
 */
static VIT158_INNER void build_table(uint8_t *table, vit158_vi x0, vit158_vi x1, vit158_vi x2,
                                     vit158_vi x3)
{
    vit158_vi low[9], high[9];
    nine_sums(low, x0, x1);
    nine_sums(high, x2, x3);
    for (int j = 0; j < 9; j++, table += 9 * ROW_BYTES) {
        VIT158_PIN(table);
        for (ptrdiff_t i = 0; i < 9; i++)
            vit158_store_vi(table + i * ROW_BYTES, vit158_add_i16_vi(high[j], low[i]));
    }
}

/* A register's tokens of input k, of which `halves` times eight exist; zero past n_in. */
static inline vit158_vi load_input(const int8_t *q, size_t ldq, uint32_t k, uint32_t n_in,
                                   uint32_t halves)
{
    return k < n_in ? vit158_load_i8_vi(q + k * ldq, halves) : vit158_splat_i16_vi(0);
}

/* One table for a register's tokens from q on; inputs past n_in are zero. Adds to `magnitude`. */
static inline vit158_vi add_table(uint8_t *table, const int8_t *q, size_t ldq, uint32_t k,
                                  uint32_t n_in, uint32_t halves, vit158_vi magnitude)
{
    const vit158_vi x0 = load_input(q, ldq, k, n_in, halves);
    const vit158_vi x1 = load_input(q, ldq, k + 1, n_in, halves);
    const vit158_vi x2 = load_input(q, ldq, k + 2, n_in, halves);
    const vit158_vi x3 = load_input(q, ldq, k + 3, n_in, halves);
    const vit158_vi x01 = vit158_add_i16_vi(vit158_abs_i16_vi(x0), vit158_abs_i16_vi(x1));
    const vit158_vi x23 = vit158_add_i16_vi(vit158_abs_i16_vi(x2), vit158_abs_i16_vi(x3));
    build_table(table, x0, x1, x2, x3);
    return vit158_add_i16_vi(magnitude, vit158_add_i16_vi(x01, x23));
}

/* Tables of `quads` quads of inputs from k on, for a tile's tokens from q on, of which `halves`
 * times eight exist. Returns the sums of the inputs' magnitudes. */
static void build_tables(uint16_t magnitude[TILE], uint8_t *tables, const int8_t *q, size_t ldq,
                         uint32_t k, uint32_t n_in, uint32_t quads, uint32_t halves)
{
    vit158_vi sums[REGISTERS];
    for (uint32_t i = 0; i < REGISTERS; i++)
        sums[i] = vit158_splat_i16_vi(0);
    for (uint32_t i = 0; i < quads; i++, k += 4, tables += TABLE_BYTES) {
        sums[0] = add_table(tables, q, ldq, k, n_in, halves, sums[0]);
        if (REGISTERS == 2 && halves == 2)
            sums[REGISTERS - 1] =
                add_table(tables + 16, q + LANES, ldq, k, n_in, 1, sums[REGISTERS - 1]);
    }
    for (uint32_t i = 0; i < REGISTERS; i++)
        vit158_store_vi(magnitude + (size_t)i * VIT158_VI16_LANES, sums[i]);
}

/* ---- Look-ups ---- */

typedef struct row_sums {
    vit158_vi v[REGISTERS];
} row_sums;

VIT158_TEMPLATE void add_row(row_sums *s, const uint8_t *row, uint32_t registers)
{
    VIT158_PIN(row);
    s->v[0] = vit158_add_i16_vi(s->v[0], vit158_load_vi(row));
    VIT158_PIN(s->v[0]);
    if (registers == 2) {
        s->v[REGISTERS - 1] = vit158_add_i16_vi(s->v[REGISTERS - 1], vit158_load_vi(row + 16));
        VIT158_PIN(s->v[REGISTERS - 1]);
    }
}

/* Two rows; one load gets both places, because loads are what limits the loop. */
VIT158_TEMPLATE void add_two(row_sums *s, const uint8_t *tables, const vit158_row_place *rows,
                             uint32_t registers)
{
    uint64_t both;
    memcpy(&both, rows, sizeof both);
    add_row(s, vit158_row_at(tables, (vit158_row_place)both), registers);
    add_row(s, vit158_row_at(tables, (vit158_row_place)(both >> 32)), registers);
}

/* One output: sums[:] += 2, 5, 8 or 10 table rows; = if first. */
VIT158_TEMPLATE void add_output(int16_t *sums, const uint8_t *tables, const vit158_row_place *rows,
                                uint32_t quads, bool first, uint32_t registers)
{
    row_sums s;
    for (uint32_t i = 0; i < registers; i++)
        s.v[i] =
            first ? vit158_splat_i16_vi(0) : vit158_load_vi(sums + (size_t)i * VIT158_VI16_LANES);
    add_two(&s, tables, rows, registers);
    VIT158_PIN(quads);
    if (quads > 2) {
        add_two(&s, tables, rows + 2, registers);
        add_row(&s, vit158_row_at(tables, rows[4]), registers);
        VIT158_PIN(quads);
        if (quads > 5) {
            add_row(&s, vit158_row_at(tables, rows[5]), registers);
            add_two(&s, tables, rows + 6, registers);
            VIT158_PIN(quads);
            if (quads > 8)
                add_two(&s, tables, rows + 8, registers);
        }
    }
    for (uint32_t i = 0; i < registers; i++)
        vit158_store_vi(sums + (size_t)i * VIT158_VI16_LANES, s.v[i]);
}

/* The same for n_out outputs. */
VIT158_TEMPLATE void look_up(int16_t *sums, const uint8_t *tables, const vit158_row_place *rows,
                             uint32_t n_out, uint32_t quads, bool first, uint32_t registers)
{
    for (;;) {
        add_output(sums, tables, rows, quads, first, registers);
        if (n_out == 1)
            break;
        add_output(sums + TILE, tables, rows + QUADS, quads, first, registers);
        if (n_out == 2)
            break;
        n_out -= 2, sums += 2 * TILE, rows += 2 * QUADS;
    }
}

static VIT158_INNER void look_up_half(int16_t *sums, const workspace *ws, uint32_t quads)
{
    look_up(sums, ws->tables, ws->rows, ws->sums.n_rows, quads, false, 1);
}

static VIT158_INNER void look_up_whole(int16_t *sums, const workspace *ws, uint32_t quads)
{
    look_up(sums, ws->tables, ws->rows, ws->sums.n_rows, quads, false, REGISTERS);
}

static VIT158_INNER void look_up_first(int16_t *sums, const workspace *ws, uint32_t quads)
{
    look_up(sums, ws->tables, ws->rows, ws->sums.n_rows, quads, true, REGISTERS);
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
    return align_bytes(((size_t)n_rows + 1) * QUADS * sizeof(vit158_row_place));
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
    ws.rows = (vit158_row_place *)(void *)(at += state_bytes(tiles));
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
    uint16_t magnitude[TILE];
    build_tables(magnitude, ws->tables, p->q + t, p->ldq, k, p->n_in, quads, halves);
    if (halves == 1 && !state->begun)
        memset(sums, 0, (size_t)n_rows * TILE * sizeof *sums);
    VIT158_KERNEL(make_room)(&ws->sums, tile, magnitude);
    if (halves == 1)
        look_up_half(sums, ws, quads);
    else
        (state->begun ? look_up_whole : look_up_first)(sums, ws, quads);
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
        VIT158_KERNEL(find_planes)
    (ws->rows + (size_t)i * BLOCK_QUADS,
     vit158_first_place(ws->tables) + i * BLOCK_QUADS * TABLE_BYTES, p, k / VIT158_BLOCK_INPUTS + i,
     block.o0, block.o1);
    for (uint32_t t = block.t0, tile = 0; t < block.t1; t += TILE, tile++)
        run_tile(p, ws, tile, t, block.t1 - t > LANES ? 2 : 1, k, quads);
}

/* ---- The product, and the product in parts ---- */

void VIT158_KERNEL(gemm_trit_table)(const vit158_gemm_q8 *p, uint32_t t0, uint32_t t1, uint32_t o0,
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
        VIT158_KERNEL(table_results)(p, &ws.sums, block);
    }
}

size_t VIT158_KERNEL(gemm_trit_table_scratch)(const vit158_gemm_q8 *p, uint32_t n_out,
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
    VIT158_KERNEL(table_results_of_all)(p, sums, scratch->workers, block, o0, o1);
}

static size_t parts_scratch(const vit158_gemm_q8 *p, uint32_t n_out, uint32_t n_tokens)
{
    return workspace_bytes(p->n_in, vit158_q8_most_rows(p, n_out), n_tokens, many_workers);
}

const vit158_product_parts VIT158_KERNEL(table_parts) = {.count = count_parts,
                                                         .block_tokens = tokens_of_block,
                                                         .begin = begin_parts,
                                                         .add = add_part,
                                                         .results = results_of_parts,
                                                         .scratch = parts_scratch};
