/* SPDX-License-Identifier: MIT */
#include "kernels/table_sums.h"

#include "kernels/ops_simd128.h"

/* Of what moves from a sum into its carry. 127 n_in / 2^10 fits a carry for every n_in that
 * kernels.h allows. */
enum { CARRY_SHIFT = 10, TILE = VIT158_TILE, LANES = VIT158_TILE_LANES };

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

void VIT158_KERNEL(make_room)(const vit158_table_sums *s, uint32_t tile,
                              const uint16_t magnitude[TILE])
{
    vit158_tile_state *state = &s->states[tile];
    const v128_t more0 = wasm_v128_load(magnitude), more1 = wasm_v128_load(magnitude + LANES);
    const v128_t lo = wasm_i16x8_add(wasm_v128_load(state->magnitude), more0);
    const v128_t hi = wasm_i16x8_add(wasm_v128_load(state->magnitude + LANES), more1);
    const bool full = wasm_i16x8_bitmask(wasm_v128_or(lo, hi)) != 0;
    if (full) {
        const size_t first = tile * vit158_tile_stride(s->n_rows);
        carry(s->carries + first, s->sums + first, (size_t)s->n_rows * TILE, !state->carried);
        state->carried = 1;
    }
    const v128_t left = wasm_i16x8_splat(1 << CARRY_SHIFT);
    wasm_v128_store(state->magnitude, full ? wasm_i16x8_add(left, more0) : lo);
    wasm_v128_store(state->magnitude + LANES, full ? wasm_i16x8_add(left, more1) : hi);
}

/* Eight whole sums; carries NULL = none. */
VIT158_TEMPLATE vit158_n8 eight_sums(const int16_t *sums, const int16_t *carries)
{
    const vit158_n8 low = vit158_widen_n8(wasm_v128_load(sums), 0);
    if (carries == NULL)
        return low;
    return vit158_add_n8(low, vit158_widen_n8(wasm_v128_load(carries), CARRY_SHIFT));
}

/* The same, of all workers who have any. */
VIT158_TEMPLATE vit158_n8 total_sums(const vit158_table_sums *sums, uint32_t count, uint32_t tile,
                                     size_t place)
{
    vit158_n8 total = vit158_zero_n8();
    for (const vit158_table_sums *s = sums; s < sums + count; s++) {
        const vit158_tile_state *state = &s->states[tile];
        if (state->begun)
            total = vit158_add_n8(
                total, eight_sums(s->sums + place, state->carried ? s->carries + place : NULL));
    }
    return total;
}

/* Eight sums of a row; r: the tokens' dequantization steps. */
VIT158_TEMPLATE vit158_x8 dequantize_eight(vit158_n8 s, const float *r, vit158_x8 scale)
{
    return vit158_dequantize_x8(s, vit158_mul_x8(scale, vit158_load_x8(r)));
}

/* Eight results of an output; bias may be NULL. */
VIT158_TEMPLATE void finish_eight(float *y, vit158_x8 x, const float *bias, bool residual)
{
    if (bias != NULL)
        x = vit158_add_x8(x, vit158_splat_x8(*bias));
    if (residual)
        x = vit158_add_x8(vit158_load_x8(y), x);
    vit158_store_x8(y, x);
}

/* Results of output o, which has one row, from one worker's sums, all set. */
static VIT158_INNER void finish_one(const vit158_gemm_q8 *p, const vit158_table_sums *sums,
                                    vit158_gemm_range block, uint32_t o)
{
    const vit158_x8 scale = vit158_splat_x8(p->scale[(size_t)o * p->scale_step]);
    const float *bias = p->bias != NULL ? p->bias + o : NULL, *r = p->r + block.t0;
    const bool residual = p->epilogue == VIT158_ADD;
    const vit158_table_sums s = *sums;
    const size_t stride = vit158_tile_stride(s.n_rows);
    const vit158_tile_state *state = s.states;
    size_t place = (size_t)(o - block.o0) * TILE;
    float *y = p->y + o * p->ldy + block.t0;
    for (uint32_t left = block.t1 - block.t0;;
         left -= TILE, y += TILE, r += TILE, place += stride) {
        const int16_t *carries = state++->carried ? s.carries + place : NULL;
        finish_eight(y, dequantize_eight(eight_sums(s.sums + place, carries), r, scale), bias,
                     residual);
        if (left <= LANES)
            break;
        const vit158_n8 second =
            eight_sums(s.sums + place + LANES, carries != NULL ? carries + LANES : NULL);
        finish_eight(y + LANES, dequantize_eight(second, r + LANES, scale), bias, residual);
        if (left <= TILE)
            break;
    }
}

/* The rows of an output: where their sums begin in a tile, and what they are worth. */
typedef struct output_rows {
    uint32_t count;
    size_t place[VIT158_MAX_PLANES];
    float scale[VIT158_MAX_PLANES];
} output_rows;

static output_rows rows_of(const vit158_gemm_q8 *p, vit158_gemm_range block, uint32_t o)
{
    output_rows rows = {.count = 0};
    uint32_t begin = 0; /* of the plane, in a tile */
    for (uint32_t plane = 0; plane < vit158_plane_count(&p->planes); plane++) {
        const uint32_t first = vit158_plane_row(&p->planes, p->n_out, plane, block.o0);
        const uint32_t row = vit158_plane_row(&p->planes, p->n_out, plane, o);
        if (vit158_plane_row(&p->planes, p->n_out, plane, o + 1) > row) {
            rows.place[rows.count] = (size_t)(begin + row - first) * TILE;
            rows.scale[rows.count++] = p->scale[(size_t)row * p->scale_step];
        }
        begin += vit158_plane_row(&p->planes, p->n_out, plane, block.o1) - first;
    }
    return rows;
}

/* Eight results of an output of several rows, from one worker's sums, all set. */
VIT158_TEMPLATE vit158_x8 rows_eight(const vit158_table_sums *s, const output_rows *rows,
                                     size_t tile, int carried, const float *r)
{
    const int16_t *const sums = s->sums + tile, *const carries = s->carries + tile;
    vit158_x8 total = dequantize_eight(
        eight_sums(sums + rows->place[0], carried ? carries + rows->place[0] : NULL), r,
        vit158_splat_x8(rows->scale[0]));
    for (uint32_t i = 1; i < rows->count; i++)
        total = vit158_add_x8(
            total, dequantize_eight(
                       eight_sums(sums + rows->place[i], carried ? carries + rows->place[i] : NULL),
                       r, vit158_splat_x8(rows->scale[i])));
    return total;
}

/* Results of output o, of any number of rows, from one worker's sums, all set. */
static VIT158_INNER void finish_rows(const vit158_gemm_q8 *p, const vit158_table_sums *sums,
                                     vit158_gemm_range block, uint32_t o)
{
    const output_rows rows = rows_of(p, block, o);
    const float *bias = p->bias != NULL ? p->bias + o : NULL, *r = p->r + block.t0;
    const bool residual = p->epilogue == VIT158_ADD;
    const vit158_table_sums s = *sums;
    const size_t stride = vit158_tile_stride(s.n_rows) - TILE; /* after both halves of a tile */
    const vit158_tile_state *state = s.states;
    float *y = p->y + o * p->ldy + block.t0;
    const float *const end = y + (block.t1 - block.t0);
    for (size_t place = 0;; place += stride, state++) {
        for (const size_t next = place + TILE; place < next;
             place += LANES, y += LANES, r += LANES) {
            if (y >= end)
                return;
            VIT158_PIN(bias); /* or there would be a loop for each kind of result */
            finish_eight(y, rows_eight(&s, &rows, place, state->carried != 0, r), bias, residual);
        }
    }
}

/* Results of output o from the sums of `count` workers. */
static VIT158_INNER void finish_all(const vit158_gemm_q8 *p, const vit158_table_sums *sums,
                                    uint32_t count, vit158_gemm_range block, uint32_t o)
{
    const output_rows rows = rows_of(p, block, o);
    const float *bias = p->bias != NULL ? p->bias + o : NULL, *r = p->r + block.t0;
    const bool residual = p->epilogue == VIT158_ADD;
    const size_t stride = vit158_tile_stride(sums->n_rows);
    float *y = p->y + o * p->ldy + block.t0;
    for (uint32_t t = 0; t < block.t1 - block.t0; t += LANES) {
        VIT158_PIN(bias); /* or there would be a loop for each kind of result */
        const size_t tile = t / TILE * stride + t % TILE;
        vit158_x8 total = dequantize_eight(total_sums(sums, count, t / TILE, tile + rows.place[0]),
                                           r + t, vit158_splat_x8(rows.scale[0]));
        for (uint32_t i = 1; i < rows.count; i++)
            total = vit158_add_x8(
                total, dequantize_eight(total_sums(sums, count, t / TILE, tile + rows.place[i]),
                                        r + t, vit158_splat_x8(rows.scale[i])));
        finish_eight(y + t, total, bias, residual);
    }
}

static void activate(const vit158_gemm_q8 *p, vit158_gemm_range block, uint32_t o)
{
    if (p->epilogue == VIT158_GELU)
        VIT158_KERNEL(gelu)(p->y + o * p->ldy + block.t0, vit158_token_stride(block.t1 - block.t0));
}

void VIT158_KERNEL(table_results)(const vit158_gemm_q8 *p, const vit158_table_sums *sums,
                                  vit158_gemm_range block)
{
    for (uint32_t o = block.o0; o < block.o1; o++) {
        if (p->planes.count > 1)
            finish_rows(p, sums, block, o);
        else
            finish_one(p, sums, block, o);
        activate(p, block, o);
    }
}

void VIT158_KERNEL(table_results_of_all)(const vit158_gemm_q8 *p, const vit158_table_sums *sums,
                                         uint32_t count, vit158_gemm_range block, uint32_t o0,
                                         uint32_t o1)
{
    for (uint32_t o = o0; o < o1; o++) {
        finish_all(p, sums, count, block, o);
        activate(p, block, o);
    }
}
