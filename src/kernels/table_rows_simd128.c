/* SPDX-License-Identifier: MIT */
#include "kernels/table_rows.h"

#include "kernels/trits_simd128.h"

enum { ROW_BYTES = VIT158_ROW_BYTES, TABLE_BYTES = VIT158_TABLE_BYTES, QUADS = VIT158_QUADS };

/* Places of four table rows, from their offsets in the tables of a block that begin at `base`. */
static inline void store_places(vit158_row_place *out, vit158_row_place base, v128_t offsets)
{
    const v128_t tables = wasm_i32x4_const(0, TABLE_BYTES, 2 * TABLE_BYTES, 3 * TABLE_BYTES);
    const v128_t first = wasm_i32x4_add(wasm_i32x4_splat((int32_t)base), tables);
    wasm_v128_store(out, wasm_i32x4_add(offsets, first));
}

/* The same for the fifth quads of two outputs: the low halves of 64-bit lanes. */
static inline void store_fifth(vit158_row_place *out, vit158_row_place base, v128_t offsets)
{
    const v128_t table = wasm_i32x4_splat((int32_t)base + 4 * TABLE_BYTES);
    const v128_t rows = wasm_i32x4_add(offsets, table);
    wasm_v128_store32_lane(out + 4, rows, 0);
    wasm_v128_store32_lane(out + QUADS + 4, rows, 2);
}

/* Rows of the five quads of two outputs from their four codes each, in tables from `base` on. With
 * codes c0 .. c3 the quads are c0 % 81, c0 / 81 + 3 (c1 % 27), c1 / 27 + 9 (c2 % 9),
 * c2 / 9 + 27 (c3 % 3), c3 / 3, and 3^k (c % d) = 3^k c - 81 (c / d) with d = 81 / 3^k. All times
 * the bytes of a row, modulo 2^16. */
static inline void two_outputs(vit158_row_place *out, const uint8_t *codes, vit158_row_place base)
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
    store_places(out, base, wasm_u32x4_extend_low_u16x8(four));
    store_places(out + QUADS, base, wasm_u32x4_extend_high_u16x8(four));
    store_fifth(out, base, wasm_i64x2_shl(wasm_u64x2_shr(quotient, 48), 5));
}

/* rows[o][0 .. 4] from block b of the codes of rows o0 + o, for tables from `base` on. May write
 * for one more. */
static VIT158_INNER void find_rows(vit158_row_place *rows, vit158_row_place base,
                                   const vit158_gemm_q8 *p, uint32_t b, uint32_t o0, uint32_t n_out)
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

void VIT158_KERNEL(find_planes)(vit158_row_place *rows, vit158_row_place base,
                                const vit158_gemm_q8 *p, uint32_t b, uint32_t o0, uint32_t o1)
{
    for (uint32_t plane = 0; plane < vit158_plane_count(&p->planes); plane++) {
        const uint32_t first = vit158_plane_row(&p->planes, p->n_out, plane, o0);
        const uint32_t count = vit158_plane_row(&p->planes, p->n_out, plane, o1) - first;
        find_rows(rows, base, p, b, first, count);
        rows += (size_t)count * QUADS;
    }
}
