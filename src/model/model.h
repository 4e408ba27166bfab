/* SPDX-License-Identifier: MIT
 *
 * An opened model: geometry, recipe, labels and typed views of its weights, all in memory the model
 * owns. Made by the loader (loader.h), read by the engine.
 */
#ifndef VIT158_MODEL_MODEL_H
#define VIT158_MODEL_MODEL_H

#include <stdbool.h>

#include "base/coding.h"
#include "base/planes.h"
#include "base/recipe.h"
#include "model/header.h"
#include "model/names.h"
#include "model/variant.h"
#include "vit158_observe.h"

typedef struct vit158_norm {
    const float *weight; /* [n], NULL if the norm is absent */
    const float *bias;   /* [n] */
} vit158_norm;

/* y = W x + b, with BitLinear's inner norm of x if present. */
typedef struct vit158_linear {
    vit158_norm norm; /* over n_in; absent in plain layers */
    vit158_encoding encoding;
    vit158_layer layer; /* its place in the model */
    uint32_t block;     /* or VIT158_NO_BLOCK */
    uint32_t n_in;
    uint32_t n_out;
    const void *weight;
    vit158_planes planes;     /* the rows that add up to an output */
    const float *scale;       /* [scale_count]; NULL for F32 */
    uint32_t scale_count;     /* 1 or one a row; 0 for F32 */
    vit158_input_rule inputs; /* how they are quantized, unless the weights are F32 */
    const float *bias;        /* [n_out] or NULL */
} vit158_linear;

typedef struct vit158_block {
    vit158_norm norm1; /* outer norms; absent or present independently of the inner ones */
    vit158_norm norm2;
    /* d -> 3a, a = heads * head_dim: outputs s * a + head * head_dim + i, s = 0 q, 1 k, 2 v */
    vit158_linear qkv;
    vit158_linear proj; /* a -> d */
    vit158_linear fc1;  /* d -> F, the block's own */
    vit158_linear fc2;  /* F -> d */
    uint32_t heads;
} vit158_block;

/* Matrix `kind` (VIT158_QKV ...) of a block. */
static inline vit158_linear *vit158_block_linear(vit158_block *block, uint32_t kind)
{
    vit158_linear *const linears[VIT158_BLOCK_LINEARS] = {&block->qkv, &block->proj, &block->fc1,
                                                          &block->fc2};
    return linears[kind];
}

struct vit158_model {
    vit158_model_info info;
    vit158_variant variant;    /* pooling, tokens before the patches, activation, norms */
    vit158_recipe recipe;      /* resize, crop and normalisation */
    float norm_eps;            /* norm1, norm2, final norm, norm_pre, fc_norm */
    float inner_norm_eps;      /* BitLinear norms */
    vit158_linear patch;       /* F32, n_in = channels * patch^2 in (c, y, x) order, n_out = d */
    const float *cls;          /* [prefix tokens][d], NULL without any */
    const float *pos;          /* [N][d] */
    vit158_norm norm_pre;      /* of all tokens, before the first block; may be absent */
    vit158_norm norm;          /* final, over d; may be absent where fc_norm is there */
    vit158_norm fc_norm;       /* of the patches' mean; may be absent */
    vit158_linear head;        /* embedding -> C; weight NULL if there is none */
    vit158_block *blocks;      /* [depth] */
    vit158_header header;      /* metadata and tensor entries of the file */
    const char *const *labels; /* [classes] or NULL */
    /* Owned memory that the views point into. */
    char *labels_text;
    size_t labels_bytes; /* of labels and labels_text */
    uint16_t *planes;    /* which rows belong to which output, for all matrices */
    size_t planes_bytes;
    void **pieces; /* the weights */
    uint32_t piece_count;
};

#endif
