/* SPDX-License-Identifier: MIT
 *
 * Which rows of the look-up tables an output adds: for a block of four codes (five inputs each,
 * FORMAT.md) one of 81 rows in each of five tables, for four inputs each.
 */
#ifndef VIT158_KERNELS_TABLE_ROWS_H
#define VIT158_KERNELS_TABLE_ROWS_H

#include "kernels/table_sums.h"

enum {
    VIT158_TABLE_ROWS = 81,             /* 3^4 */
    VIT158_ROW_BYTES = VIT158_TILE * 2, /* int16 of a tile's tokens */
    VIT158_TABLE_BYTES = VIT158_TABLE_ROWS * VIT158_ROW_BYTES,
    VIT158_BLOCK_QUADS = 5,                /* of a block of codes */
    VIT158_QUADS = 2 * VIT158_BLOCK_QUADS, /* whose tables, 26 kB, stay in the cache together */
};

/* Where a table row is: in wasm its address, natively its distance from the first table, so that
 * both are 32 bits and one load gets two. */
typedef uint32_t vit158_row_place;

#if UINTPTR_MAX == UINT32_MAX
static inline vit158_row_place vit158_first_place(const uint8_t *tables)
{
    return (vit158_row_place)(uintptr_t)tables;
}

static inline const uint8_t *vit158_row_at(const uint8_t *tables, vit158_row_place place)
{
    (void)tables;
    return (const uint8_t *)(uintptr_t)place;
}
#else
static inline vit158_row_place vit158_first_place(const uint8_t *tables)
{
    (void)tables;
    return 0;
}

static inline const uint8_t *vit158_row_at(const uint8_t *tables, vit158_row_place place)
{
    return tables + place;
}
#endif

/* rows[i][0 .. 4], rows VIT158_QUADS apart: places in tables from `base` on for block b of the
 * codes of the rows of outputs o0 .. o1 - 1 in all planes, one plane after the other. May write for
 * one more. */
void VIT158_KERNEL(find_planes)(vit158_row_place *rows, vit158_row_place base,
                                const vit158_gemm_q8 *p, uint32_t b, uint32_t o0, uint32_t o1);

#endif
