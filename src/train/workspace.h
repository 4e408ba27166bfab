/* SPDX-License-Identifier: MIT
 *
 * One worker's workspace for microbatches: the activations saved for the backward pass, gradients
 * of rows, and scratch.
 *
 * Letters: T rows of a microbatch = images * tokens, d width, H heads, F hidden, C classes.
 */
#ifndef VIT158_TRAIN_WORKSPACE_H
#define VIT158_TRAIN_WORKSPACE_H

#include "base/arena.h"
#include "train/compute.h"
#include "train/net.h"

#define VIT158_TRAIN_MAX_WORKERS 16U

typedef struct vit158_train_conv_workspace vit158_train_conv_workspace; /* conv_net.h */

/* What one layer saves of its input for the backward pass. */
typedef struct vit158_train_saved_input {
    vit158_train_quantized q; /* ternary */
    float *y;                 /* float */
    float *stats;
} vit158_train_saved_input;

typedef struct vit158_train_saved_block {
    float *x;   /* [T][d] input of the block */
    float *qkv; /* [T][3d] */
    float *p;   /* attention probabilities of all images */
    float *att; /* [T2][d], T2 = T, or one row an image in the last block */
    float *x2;  /* [T2][d] after attention */
    float *h;   /* [T2][F] before GELU */
    vit158_train_saved_input in[VIT158_BLOCK_LINEARS];
    float attn_factor, mlp_factor; /* of the residual branches; 0 = left out */
} vit158_train_saved_block;

/* One worker's memory for microbatches of up to max_images images. */
typedef struct vit158_train_workspace {
    uint32_t max_images;
    uint32_t images;  /* of the current microbatch */
    uint32_t tokens;  /* of each image: 1 + kept patches */
    float *patches;   /* [images * (tokens - 1)][patch_ld], in (c, y, x) order */
    size_t patch_ld;  /* patch_inputs rounded up to 16 */
    uint32_t *places; /* [images][tokens - 1]: patch number in the grid, for its position */
    vit158_train_saved_block *blocks;
    vit158_train_conv_workspace *conv; /* of a convolutional net */
    float *last; /* [images][d] output of the last block, or the mean over places; all tokens with
                    whole_output */
    float *last_stats;
    float *features; /* [images][d] final norm */
    float *logits;   /* [images][C] */
    float *dlogits;  /* [images][logit_ld] */
    size_t logit_ld;
    float *g, *g2;    /* gradients of rows [T][d] */
    float *wide;      /* [T][max(3d, F)] */
    float *narrow;    /* [T][max(d, F)] */
    float *rows;      /* scratch of norms */
    float *attention; /* scratch of attention */
    void *products;   /* scratch of trit_gradient, or of half_product */
    double hint_loss; /* of all hints since last cleared */
    float *gradient;  /* [parameters], the caller's: what backward passes add to; NULL for a float
                         net whose gradients of inputs are all that is wanted */
} vit158_train_workspace;

/* rows x cols floats with the spare rows that products want (compute.h). */
static inline float *vit158_train_take_rows(vit158_arena *arena, size_t rows, size_t cols)
{
    return vit158_arena_take(arena, (rows + VIT158_TRAIN_TILE_ROWS) * cols, sizeof(float));
}

/* with_gradient 0: forward passes only (teacher, evaluation); else the caller gives `gradient` its
 * memory. */
void vit158_train_workspace_plan(vit158_train_workspace *workspace, const vit158_train_net *net,
                                 uint32_t max_images, bool with_gradient, vit158_arena *arena);

/* The next pass takes so many images, all of their patches, and leaves no branch out. */
void vit158_train_workspace_whole(vit158_train_workspace *workspace, const vit158_train_net *net,
                                  uint32_t images);

#endif
