/* SPDX-License-Identifier: MIT
 *
 * What a pass keeps when asked to explain itself: the class token's attention per head, and
 * attention rollout (Abnar and Zuidema 2020, "Quantifying Attention Flow in Transformers"):
 * R_l = (0.5 mean over heads of A_l + 0.5 I) R_(l-1), R_0 = I; the class token's row of R_L.
 */
#ifndef VIT158_ENGINE_ROLLOUT_H
#define VIT158_ENGINE_ROLLOUT_H

#include "base/arena.h"
#include "engine/attention_tile.h"

struct vit158_explain {
    float *attention; /* [L][H][N] class token's probabilities */
    float *rollout;   /* [N] */
    float *mixed;     /* [N][ld]: 0.5 mean A^T + 0.5 I of the current block, [key][query] */
    float *previous;  /* [N][ld]: R^T of the blocks before, [source][token] */
    float *product;   /* [N][ld]: R^T with the current block; swaps with previous */
};

/* NULL while the arena measures. */
vit158_explain *vit158_explain_plan(vit158_arena *arena, const vit158_model *model);

/* Takes in a tile's probabilities, in tile->scores. Heads of a tile come in order, head 0 first. */
void vit158_explain_tile(vit158_forward *f, uint32_t block, const vit158_tile *tile);

/* Multiplies the finished block into the rollout. */
void vit158_explain_block(vit158_forward *f, const vit158_step *step);

#endif
