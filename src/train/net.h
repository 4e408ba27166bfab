/* SPDX-License-Identifier: MIT
 *
 * The network being trained: its geometry, and where each tensor lies in one flat array of
 * parameters. Kinds of networks are rows of a table (network.h).
 */
#ifndef VIT158_TRAIN_NET_H
#define VIT158_TRAIN_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/names.h"
#include "vit158.h"

#define VIT158_TRAIN_NO_TENSOR SIZE_MAX

/* Rows of the table of networks. */
typedef enum vit158_train_kind {
    VIT158_TRAIN_VIT,  /* the transformer that the engine runs (vit_net.h) */
    VIT158_TRAIN_CONV, /* convolutional, a teacher: no heads, mlp_dim, ternary or norms (conv_net.h)
                        */
    VIT158_TRAIN_KINDS
} vit158_train_kind;

/* Heads and hidden width of one block. */
typedef struct vit158_train_block_shape {
    uint32_t heads, mlp_dim;
} vit158_train_block_shape;

typedef struct vit158_train_net_config {
    uint32_t image_size, patch_size, channels;
    uint32_t dim, depth, heads, mlp_dim, classes;
    uint32_t head_dim;                                 /* 0: dim / heads */
    vit158_train_block_shape shapes[VIT158_MAX_DEPTH]; /* of blocks that have less than `heads` and
                                                          `mlp_dim`; zeros: they have these */
    bool ternary;                                      /* BitLinear in the blocks, else float */
    bool outer_norms;                                  /* norm1, norm2 present */
    bool inner_norms;                                  /* BitLinear's norms present */
    bool row_scales;    /* a scale for each output of a ternary matrix, else one for all */
    bool rounds_inputs; /* a float net's layers take their inputs as int8, a step a token */
    bool whole_output;  /* the last block gives all tokens, for a part of a network */
    uint32_t network;   /* a vit158_train_kind */
    bool head_only;     /* the final norm and the head learn, all before them stays */
    float norm_eps, inner_norm_eps;
} vit158_train_net_config;

/* Offsets into the parameter array, in floats. */
typedef struct vit158_train_layer {
    size_t weight, bias, norm_weight, norm_bias;
    uint32_t n_in, n_out;
} vit158_train_layer;

typedef struct vit158_train_net_block {
    size_t norm1_weight, norm1_bias, norm2_weight, norm2_bias;
    vit158_train_layer layers[VIT158_BLOCK_LINEARS];
} vit158_train_net_block;

#define VIT158_TRAIN_MAX_NAME 48

/* One tensor: rows x cols floats (vectors: rows = 1). */
typedef struct vit158_train_tensor {
    char name[VIT158_TRAIN_MAX_NAME]; /* timm's */
    size_t offset;
    uint32_t rows, cols;
    bool matrix;     /* a block's weight matrix */
    uint32_t pieces; /* square matrices stacked in it that Muon treats apart: 3 for qkv, else 1 */
} vit158_train_tensor;

typedef struct vit158_train_conv vit158_train_conv;       /* conv_net.h */
typedef struct vit158_train_network vit158_train_network; /* network.h */

typedef struct vit158_train_net {
    vit158_train_net_config config;
    const vit158_train_network *network; /* its kind */
    uint32_t tokens;       /* with the class token; of a convolutional net places + 1 */
    uint32_t stem_width;   /* columns of the patches' product */
    uint32_t patch_inputs; /* channels * patch^2 */
    size_t parameters;     /* floats in the array, each tensor at a multiple of 16 */
    size_t patch_weight, patch_bias, cls, pos, norm_weight, norm_bias, head_weight, head_bias;
    vit158_train_net_block *blocks;
    uint32_t block_count; /* 0 in a convolutional net */
    vit158_train_conv *convs;
    uint32_t conv_count;
    vit158_train_tensor *tensors;
    uint32_t tensor_count;
} vit158_train_net;

static inline uint32_t vit158_train_head_dim(const vit158_train_net_config *config)
{
    return config->head_dim > 0 ? config->head_dim : config->dim / config->heads;
}

/* What a block has. */
static inline vit158_train_block_shape vit158_train_shape(const vit158_train_net_config *config,
                                                          uint32_t block)
{
    const vit158_train_block_shape own = config->shapes[block];
    return (vit158_train_block_shape){own.heads > 0 ? own.heads : config->heads,
                                      own.mlp_dim > 0 ? own.mlp_dim : config->mlp_dim};
}

/* Whether blocks differ, or heads do not make up the width: files of it need format version 2. */
static inline bool vit158_train_is_uneven(const vit158_train_net_config *config)
{
    bool uneven = vit158_train_head_dim(config) * config->heads != config->dim;
    for (uint32_t i = 0; i < config->depth; i++) {
        const vit158_train_block_shape shape = vit158_train_shape(config, i);
        uneven |= shape.heads != config->heads || shape.mlp_dim != config->mlp_dim;
    }
    return uneven;
}

/* Checks the geometry and lays the parameters out. */
vit158_status vit158_train_net_create(vit158_train_net *net, const vit158_train_net_config *config,
                                      vit158_error *error);
void vit158_train_net_free(vit158_train_net *net);

/* Initial values (METHODS.md 1.1): normal .02, patches uniform, norms 1 and 0. */
void vit158_train_net_initialise(const vit158_train_net *net, float *parameters, uint64_t seed);
/* Makes of these values ones whose attention begins among neighbours (mimetic.c). */
void vit158_train_net_mimetic(const vit158_train_net *net, float *parameters);
/* Makes what blocks `first` and later ones add to the tokens next to nothing, so that a network
 * with them computes what it did without: for growing a trained one. */
void vit158_train_net_quiet(const vit158_train_net *net, float *parameters, uint32_t first);

#endif
