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

void vit158_make_room(const vit158_table_sums *s, uint32_t tile, const v128_t magnitude[2])
{
    vit158_tile_state *state = &s->states[tile];
    const v128_t lo = wasm_i16x8_add(wasm_v128_load(state->magnitude), magnitude[0]);
    const v128_t hi = wasm_i16x8_add(wasm_v128_load(state->magnitude + LANES), magnitude[1]);
    const bool full = wasm_i16x8_bitmask(wasm_v128_or(lo, hi)) != 0;
    if (full) {
        const size_t first = tile * vit158_tile_stride(s->n_rows);
        carry(s->carries + first, s->sums + first, (size_t)s->n_rows * TILE, !state->carried);
        state->carried = 1;
    }
    const v128_t left = wasm_i16x8_splat(1 << CARRY_SHIFT);
    wasm_v128_store(state->magnitude, full ? wasm_i16x8_add(left, magnitude[0]) : lo);
    wasm_v128_store(state->magnitude + LANES, full ? wasm_i16x8_add(left, magnitude[1]) : hi);
}

typedef struct sums_x8 {
    v128_t lo;
    v128_t hi;
} sums_x8;

/* Eight whole sums; carries NULL = none. */
VIT158_TEMPLATE sums_x8 eight_sums(const int16_t *sums, const int16_t *carries)
{
    const v128_t low = wasm_v128_load(sums);
    sums_x8 x = {wasm_i32x4_extend_low_i16x8(low), wasm_i32x4_extend_high_i16x8(low)};
    if (carries != NULL) {
        const v128_t c = wasm_v128_load(carries);
        x.lo = wasm_i32x4_add(x.lo, wasm_i32x4_shl(wasm_i32x4_extend_low_i16x8(c), CARRY_SHIFT));
        x.hi = wasm_i32x4_add(x.hi, wasm_i32x4_shl(wasm_i32x4_extend_high_i16x8(c), CARRY_SHIFT));
    }
    return x;
}

/* The same, of all workers who have any. */
VIT158_TEMPLATE sums_x8 total_sums(const vit158_table_sums *sums, uint32_t count, uint32_t tile,
                                   size_t place)
{
    sums_x8 total = {wasm_i32x4_splat(0), wasm_i32x4_splat(0)};
    for (const vit158_table_sums *s = sums; s < sums + count; s++) {
        const vit158_tile_state *state = &s->states[tile];
        if (!state->begun)
            continue;
        const sums_x8 x = eight_sums(s->sums + place, state->carried ? s->carries + place : NULL);
        total.lo = wasm_i32x4_add(total.lo, x.lo);
        total.hi = wasm_i32x4_add(total.hi, x.hi);
    }
    return total;
}

typedef struct results_x8 {
    v128_t lo;
    v128_t hi;
} results_x8;

/* Eight sums of a row; r: the tokens' dequantization steps. */
VIT158_TEMPLATE results_x8 dequantize_eight(sums_x8 s, const float *r, v128_t scale)
{
    return (results_x8){vit158_dequantize_x4(s.lo, wasm_f32x4_mul(scale, wasm_v128_load(r))),
                        vit158_dequantize_x4(s.hi, wasm_f32x4_mul(scale, wasm_v128_load(r + 4)))};
}

/* Eight results of an output; bias may be NULL. */
VIT158_TEMPLATE void finish_eight(float *y, results_x8 x, const float *bias, bool residual)
{
    if (bias != NULL) {
        x.lo = wasm_f32x4_add(x.lo, wasm_v128_load32_splat(bias));
        x.hi = wasm_f32x4_add(x.hi, wasm_v128_load32_splat(bias));
    }
    if (residual) {
        x.lo = wasm_f32x4_add(wasm_v128_load(y), x.lo);
        x.hi = wasm_f32x4_add(wasm_v128_load(y + 4), x.hi);
    }
    wasm_v128_store(y, x.lo);
    wasm_v128_store(y + 4, x.hi);
}

/* Results of output o, which has one row, from one worker's sums, all set. */
static VIT158_INNER void finish_one(const vit158_gemm_q8 *p, const vit158_table_sums *sums,
                                    vit158_gemm_range block, uint32_t o)
{
    const v128_t scale = wasm_v128_load32_splat(p->scale + (size_t)o * p->scale_step);
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
        const sums_x8 second =
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
VIT158_TEMPLATE results_x8 rows_eight(const vit158_table_sums *s, const output_rows *rows,
                                      size_t tile, int carried, const float *r)
{
    const int16_t *const sums = s->sums + tile, *const carries = s->carries + tile;
    results_x8 total = dequantize_eight(
        eight_sums(sums + rows->place[0], carried ? carries + rows->place[0] : NULL), r,
        wasm_v128_load32_splat(rows->scale));
    for (uint32_t i = 1; i < rows->count; i++) {
        const results_x8 more = dequantize_eight(
            eight_sums(sums + rows->place[i], carried ? carries + rows->place[i] : NULL), r,
            wasm_v128_load32_splat(rows->scale + i));
        total.lo = wasm_f32x4_add(total.lo, more.lo);
        total.hi = wasm_f32x4_add(total.hi, more.hi);
    }
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
        results_x8 total = dequantize_eight(total_sums(sums, count, t / TILE, tile + rows.place[0]),
                                            r + t, wasm_f32x4_splat(rows.scale[0]));
        for (uint32_t i = 1; i < rows.count; i++) {
            const results_x8 more =
                dequantize_eight(total_sums(sums, count, t / TILE, tile + rows.place[i]), r + t,
                                 wasm_f32x4_splat(rows.scale[i]));
            total.lo = wasm_f32x4_add(total.lo, more.lo);
            total.hi = wasm_f32x4_add(total.hi, more.hi);
        }
        finish_eight(y + t, total, bias, residual);
    }
}

static void activate(const vit158_gemm_q8 *p, vit158_gemm_range block, uint32_t o)
{
    if (p->epilogue == VIT158_GELU)
        vit158_gelu_simd128(p->y + o * p->ldy + block.t0, vit158_token_stride(block.t1 - block.t0));
}

void vit158_table_results(const vit158_gemm_q8 *p, const vit158_table_sums *sums,
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

void vit158_table_results_of_all(const vit158_gemm_q8 *p, const vit158_table_sums *sums,
                                 uint32_t count, vit158_gemm_range block, uint32_t o0, uint32_t o1)
{
    for (uint32_t o = o0; o < o1; o++) {
        finish_all(p, sums, count, block, o);
        activate(p, block, o);
    }
}
