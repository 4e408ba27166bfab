/* SPDX-License-Identifier: MIT
 *
 * The merge step (kernels.h, "Merging tokens"): patches that are alike become one. It reads the
 * keys that the attention before it left in f->wide, and leaves fewer tokens in f->x, their sizes,
 * and the logarithms of these for the attention of later blocks.
 */
#ifndef VIT158_ENGINE_MERGE_H
#define VIT158_ENGINE_MERGE_H

#include "base/arena.h"
#include "engine/context.h"

struct vit158_merging {
    float *similarity;        /* [ld] of an even patch to the odd one it is most alike */
    uint32_t *best;           /* [ld] that odd patch */
    uint32_t *order;          /* [ld] even patches, the most alike first */
    bool *leaves;             /* [ld] whether an even patch merges */
    uint32_t *kept;           /* [ld] token before, of a token after */
    uint32_t *now;            /* [ld] token after, of a token before */
    uint32_t *grow;           /* [ld] tokens after that others move into */
    vit158_merge_move *moves; /* [ld] */
    float *totals;            /* [ld] sizes after */
    float *log_sizes;         /* [ld] */
    vit158_merge_rows rows;   /* what the last merge did, for any matrix of tokens */
};

/* NULL while the arena measures. */
vit158_merging *vit158_merging_plan(vit158_arena *arena, const vit158_forward *f);

/* Scratch bytes of a worker. */
size_t vit158_merge_scratch(const vit158_forward *f, const vit158_step *step);

#endif
