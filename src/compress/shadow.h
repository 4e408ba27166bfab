/* SPDX-License-Identifier: MIT
 *
 * The network being compressed, in the trainer's float arithmetic: a mutable copy of a model's
 * block matrices, whose inputs are rounded to int8 where the engine would round them. It
 * gives a layer's input from the residual stream of one image, adds a branch to the stream and
 * ends in logits, so that half a block costs half a block.
 *
 * Streams are token-major [N][d] with VIT158_TRAIN_TILE_ROWS rows to spare.
 */
#ifndef VIT158_COMPRESS_SHADOW_H
#define VIT158_COMPRESS_SHADOW_H

#include "base/arena.h"
#include "model/model.h"
#include "model/names.h"
#include "train/compute.h"

typedef struct vit158_shadow_layer {
    const vit158_linear *linear; /* of the model: sizes and norm */
    float *panels;               /* what the layer multiplies by now, as products want it */
    const float *bias;           /* [n_out] what it adds: the model's, or another's; or NULL */
    bool rounds;                 /* inputs are rounded to int8 */
    float step;                  /* by this step if it is above 0, else by one a token */
} vit158_shadow_layer;

typedef struct vit158_shadow {
    const vit158_model *model;
    const vit158_train_compute *compute;
    vit158_shadow_layer *layers; /* [depth * VIT158_BLOCK_LINEARS] */
    float *head;                 /* panels [d][C] */
    void *block;                 /* owned memory of all the above */
} vit158_shadow;

/* One worker's memory for one image. */
typedef struct vit158_shadow_workspace {
    float *rows;   /* [N][max(d, F)] input of a layer */
    int8_t *codes; /* the same rounded */
    float *steps;  /* [N] */
    int32_t *sums; /* [N] */
    float *stats;  /* [N][4] */
    float *norms;  /* scratch of the norms */
    float *qkv;    /* [N][3d] */
    float *p;      /* attention probabilities */
    float *scores; /* scratch of attention */
    float *hidden; /* [N][F] */
    void *block;
} vit158_shadow_workspace;

/* Whether there can be a shadow of the model. Errors: VIT158_E_UNSUPPORTED (widths that are no
 * multiples of 16, matrices that are packed already). */
vit158_status vit158_shadow_check(const vit158_model *model, vit158_error *error);

/* Copies the model's matrices, which must be float; `rounds` for all layers.
 * Errors: VIT158_E_UNSUPPORTED (matrices that are packed, widths that are no multiples of 16),
 * VIT158_E_MEMORY. */
vit158_status vit158_shadow_create(vit158_shadow *shadow, const vit158_model *model, bool rounds,
                                   vit158_error *error);
void vit158_shadow_free(vit158_shadow *shadow);

vit158_status vit158_shadow_workspace_create(vit158_shadow_workspace *work,
                                             const vit158_model *model, vit158_error *error);
void vit158_shadow_workspace_free(vit158_shadow_workspace *work);

/* Layer `kind` (VIT158_QKV ...) of a block. */
vit158_shadow_layer *vit158_shadow_at(const vit158_shadow *shadow, uint32_t block, uint32_t kind);

/* The layer multiplies by `weight` [n_out][n_in] from now on. */
void vit158_shadow_set(const vit158_shadow *shadow, uint32_t block, uint32_t kind,
                       const float *weight);

/* Input rows [N][n_in] of a layer, in work->rows, from the stream before its branch. */
const float *vit158_shadow_input(const vit158_shadow *shadow, vit158_shadow_workspace *work,
                                 const float *x, uint32_t block, uint32_t kind);

/* x += attention (half 0) or MLP (half 1) of the block. */
void vit158_shadow_add_branch(const vit158_shadow *shadow, vit158_shadow_workspace *work, float *x,
                              uint32_t block, uint32_t half);

/* Logits [C] of the stream behind the last block; room for C rounded up to 64. */
void vit158_shadow_logits(const vit158_shadow *shadow, vit158_shadow_workspace *work,
                          const float *x, float *logits);

#endif
