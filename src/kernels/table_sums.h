/* SPDX-License-Identifier: MIT
 *
 * The sums of the table kernel: int16, for a block of tokens in tiles of 16, with carries for what
 * int16 cannot hold. Several workers may each have such sums, of different inputs; the results come
 * from all of them.
 */
#ifndef VIT158_KERNELS_TABLE_SUMS_H
#define VIT158_KERNELS_TABLE_SUMS_H

#include <stdbool.h>

#include "kernels/kernels.h"
#include "kernels/simd128.h"

enum {
    VIT158_TILE = 16,      /* tokens of a table row */
    VIT158_TILE_LANES = 8, /* tokens of a vector, and of the last tile if no more are left */
};

/* What a tile's int16 sums hold: all but their low bits move into carries before the magnitudes of
 * a token's inputs, which bound its sums, could add up to 2^15. Rows of real layers rarely get
 * there. */
typedef struct vit158_tile_state {
    uint16_t magnitude[VIT158_TILE];
    uint32_t begun;   /* there are sums */
    uint32_t carried; /* there are carries */
} vit158_tile_state;

typedef struct vit158_table_sums {
    int16_t *sums;             /* [tile][n_rows][TILE], tiles vit158_tile_stride apart */
    int16_t *carries;          /* as sums, unless all are 0: worth 2^10 each */
    vit158_tile_state *states; /* [tile] */
    uint32_t n_rows;           /* of the block's outputs, one plane after the other */
} vit158_table_sums;

/* In int16s. A cache line more than the sums take: at a distance of some power of two the sums of
 * one output, which are read side by side in the end, would push each other out of the cache. */
static inline size_t vit158_tile_stride(uint32_t n_rows)
{
    return (size_t)n_rows * VIT158_TILE + 32;
}

static inline int16_t *vit158_tile_sums(const vit158_table_sums *s, uint32_t tile)
{
    return s->sums + tile * vit158_tile_stride(s->n_rows);
}

/* Whether a row of n_in inputs can need carries. */
static inline bool vit158_needs_carries(uint32_t n_in)
{
    return n_in * 127ULL >= 32768;
}

/* Notes that inputs of these magnitudes (at most 127 * 40) are about to be added to a tile's sums,
 * and makes room if the sums might not fit. */
void VIT158_KERNEL(make_room)(const vit158_table_sums *s, uint32_t tile,
                              const uint16_t magnitude[VIT158_TILE]);

/* The results of a block from sums that are all set. */
void VIT158_KERNEL(table_results)(const vit158_gemm_q8 *p, const vit158_table_sums *sums,
                                  vit158_gemm_range block);

/* The results of outputs o0 .. o1 - 1 for a block's tokens from the sums of `count` workers, each
 * for all outputs of the block. */
void VIT158_KERNEL(table_results_of_all)(const vit158_gemm_q8 *p, const vit158_table_sums *sums,
                                         uint32_t count, vit158_gemm_range block, uint32_t o0,
                                         uint32_t o1);

#endif
