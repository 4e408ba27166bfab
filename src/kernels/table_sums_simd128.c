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
        const size_t first = tile * vit158_tile_stride(s->n_out);
        carry(s->carries + first, s->sums + first, (size_t)s->n_out * TILE, !state->carried);
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
    if (carries) {
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

/* Eight sums to eight results; r: the tokens' dequantization steps, bias may be NULL. */
VIT158_TEMPLATE void finish_eight(float *y, sums_x8 s, const float *r, v128_t scale,
                                  const float *bias, bool residual)
{
    v128_t y0 = vit158_dequantize_x4(s.lo, wasm_f32x4_mul(scale, wasm_v128_load(r)));
    v128_t y1 = vit158_dequantize_x4(s.hi, wasm_f32x4_mul(scale, wasm_v128_load(r + 4)));
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

/* Results of output o from one worker's sums, all set. */
static VIT158_INNER void finish_one(const vit158_gemm_q8 *p, const vit158_table_sums *sums,
                                    vit158_gemm_range block, uint32_t o)
{
    const v128_t scale = wasm_v128_load32_splat(p->scale + (size_t)o * p->scale_step);
    const float *bias = p->bias ? p->bias + o : NULL, *r = p->r + block.t0;
    const bool residual = p->epilogue == VIT158_ADD;
    const vit158_table_sums s = *sums;
    const size_t stride = vit158_tile_stride(s.n_out);
    const vit158_tile_state *state = s.states;
    size_t place = (size_t)(o - block.o0) * TILE;
    float *y = p->y + o * p->ldy + block.t0;
    for (uint32_t left = block.t1 - block.t0;;
         left -= TILE, y += TILE, r += TILE, place += stride) {
        const int16_t *carries = state++->carried ? s.carries + place : NULL;
        finish_eight(y, eight_sums(s.sums + place, carries), r, scale, bias, residual);
        if (left <= LANES)
            break;
        finish_eight(y + LANES,
                     eight_sums(s.sums + place + LANES, carries ? carries + LANES : NULL),
                     r + LANES, scale, bias, residual);
        if (left <= TILE)
            break;
    }
}

/* Results of output o from the sums of `count` workers. */
static VIT158_INNER void finish_all(const vit158_gemm_q8 *p, const vit158_table_sums *sums,
                                    uint32_t count, vit158_gemm_range block, uint32_t o)
{
    const v128_t scale = wasm_v128_load32_splat(p->scale + (size_t)o * p->scale_step);
    const float *bias = p->bias ? p->bias + o : NULL, *r = p->r + block.t0;
    const bool residual = p->epilogue == VIT158_ADD;
    const size_t stride = vit158_tile_stride(sums->n_out);
    const size_t first = (size_t)(o - block.o0) * TILE;
    float *y = p->y + o * p->ldy + block.t0;
    for (uint32_t t = 0; t < block.t1 - block.t0; t += LANES) {
        VIT158_PIN(bias); /* or there would be a loop for each kind of result */
        const size_t place = first + t / TILE * stride + t % TILE;
        finish_eight(y + t, total_sums(sums, count, t / TILE, place), r + t, scale, bias, residual);
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
