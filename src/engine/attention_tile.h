/* SPDX-License-Identifier: MIT
 *
 * A tile of attention: some queries of one head against all keys, in one of the two kinds of
 * arithmetic.
 */
#ifndef VIT158_ENGINE_ATTENTION_TILE_H
#define VIT158_ENGINE_ATTENTION_TILE_H

#include "engine/context.h"

/* Queries of a tile; scores of ViT-B (197 keys) then fill 25 kB. */
#define VIT158_QUERY_TILE 32U

typedef struct vit158_tile {
    uint32_t head;
    uint32_t width;   /* channels of the block's queries: its heads times head_dim */
    uint32_t first;   /* query of column 0, a multiple of VIT158_QUERY_TILE */
    uint32_t queries; /* <= VIT158_QUERY_TILE */
    uint32_t n_keys;
    size_t ld;      /* of scores and pairs, a multiple of VIT158_TOKEN_PAD */
    float *scores;  /* [n_keys][ld]: scores, then (float attention) probabilities */
    int16_t *pairs; /* [ceil(n_keys / 2)][ld][2]: probabilities of int16 attention */
    float *steps;   /* [VIT158_QUERY_TILE]: what they count by, NaN if a score is not finite */
    void *scratch;  /* of the float products */
} vit158_tile;

/* The three steps of a kind of arithmetic. */
typedef struct vit158_attention_kind {
    void (*scores)(const vit158_forward *f, const vit158_tile *tile);
    /* Of scores times `factor` plus the logarithms of the keys' sizes. */
    void (*softmax)(const vit158_forward *f, const vit158_tile *tile, float factor);
    /* Into f->attended. */
    void (*values)(const vit158_forward *f, const vit158_tile *tile);
} vit158_attention_kind;

#endif
