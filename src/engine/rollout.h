/* SPDX-License-Identifier: MIT
 *
 * What a pass keeps when asked to explain itself: attention per head of the tokens that the head
 * reads, and attention rollout (Abnar and Zuidema 2020, "Quantifying Attention Flow in
 * Transformers"): R_l = (0.5 mean over heads of A_l + 0.5 I) R_(l-1), R_0 = I; their rows of R_L.
 * Where the head reads several tokens, or averages the patches, it is the mean of their rows.
 *
 * Both are told of the N tokens that the model begins with. Attention to a token that others have
 * merged into is shared out equally among all that it stands for. A merge multiplies R by the
 * matrix that it multiplies the tokens by: a row becomes the mean of the rows by the tokens' sizes.
 */
#ifndef VIT158_ENGINE_ROLLOUT_H
#define VIT158_ENGINE_ROLLOUT_H

#include "base/arena.h"
#include "engine/attention_tile.h"

struct vit158_explain {
    float *attention; /* [L][H][N] probabilities of what the head reads; 0 where a block has fewer
                         heads */
    bool averages;    /* it reads every token from `first` on, else `read` of them */
    uint32_t first;
    uint32_t read;   /* of the model's tokens */
    uint32_t *place; /* [N] the token that stands for one of the model's */
    float *rollout;  /* [N] */
    float *row;      /* [N] attention to the tokens that are left */
    float *mixed;    /* [N][ld]: 0.5 mean A^T + 0.5 I of the current block, [key][query] */
    float *previous; /* [N][ld]: R^T of the blocks before, [source][token] */
    float *product;  /* [N][ld]: R^T with the current block; swaps with previous */
};

/* NULL while the arena measures. */
vit158_explain *vit158_explain_plan(vit158_arena *arena, const vit158_model *model);

/* Whether tiles must be taken in one after the other, because what the head reads spans several. */
bool vit158_explain_in_order(const vit158_explain *explain);

/* Takes in a tile's probabilities, in tile->scores. Heads of a tile come in order, head 0 first. */
void vit158_explain_tile(vit158_forward *f, uint32_t block, const vit158_tile *tile);

/* Multiplies the finished block into the rollout. */
void vit158_explain_block(vit158_forward *f, const vit158_step *step);

/* Tokens have moved: now[t] is where token t went. Whoever moves them merges R^T, e->previous, as
 * it does the tokens. */
void vit158_explain_move(vit158_forward *f, const uint32_t *now);

#endif
