/* SPDX-License-Identifier: MIT
 *
 * The network being trained: geometry, where each tensor lies in one flat array of parameters, the
 * weights prepared for products, and one worker's activations of a microbatch.
 *
 * Letters: T rows of a microbatch = images * tokens, d width, H heads, F hidden, C classes.
 */
#ifndef VIT158_TRAIN_NET_H
#define VIT158_TRAIN_NET_H

#include "base/arena.h"
#include "model/names.h"
#include "train/compute.h"
#include "vit158.h"

#define VIT158_TRAIN_NO_TENSOR SIZE_MAX

typedef struct vit158_train_net_config {
    uint32_t image_size, patch_size, channels;
    uint32_t dim, depth, heads, mlp_dim, classes;
    uint32_t ternary;     /* 1 = BitLinear in the blocks, 0 = float */
    uint32_t outer_norms; /* norm1, norm2 present */
    uint32_t inner_norms; /* BitLinear's norms present */
    uint32_t row_scales;  /* 1 = a scale for each output of a ternary matrix, 0 = one for all */
    uint32_t conv;        /* 1 = convolutional (conv_net.h): no heads, mlp_dim, ternary or norms */
    uint32_t head_only;   /* 1 = the final norm and the head learn, all before them stays */
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
    uint32_t matrix; /* 1 = a block's weight matrix */
    uint32_t pieces; /* square matrices stacked in it that Muon treats apart: 3 for qkv, else 1 */
} vit158_train_tensor;

typedef struct vit158_train_conv vit158_train_conv; /* conv_net.h */
typedef struct vit158_train_conv_work vit158_train_conv_work;

typedef struct vit158_train_net {
    vit158_train_net_config config;
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

/* Checks the geometry and lays the parameters out. */
vit158_status vit158_train_net_create(vit158_train_net *net, const vit158_train_net_config *config,
                                      vit158_error *error);
void vit158_train_net_free(vit158_train_net *net);

/* Initial values (METHODS.md 1.1): normal .02, patches uniform, norms 1 and 0. */
void vit158_train_net_initialise(const vit158_train_net *net, float *parameters, uint64_t seed);
/* Makes of these values ones whose attention begins among neighbours (mimetic.c). */
void vit158_train_net_mimetic(const vit158_train_net *net, float *parameters);

/* Weights as products want them. */
typedef struct vit158_train_ready_layer {
    vit158_train_trits trits; /* ternary */
    float *forward;           /* float: panels [n_in][n_out] */
    float *backward;          /* float: panels [n_out][n_in] */
} vit158_train_ready_layer;

typedef struct vit158_train_ready {
    const float *parameters;
    vit158_train_ready_layer *layers; /* [depth * 4] */
    float *patch;                     /* panels [patch_inputs][d] */
    float *head;                      /* panels [d][C] */
    int8_t **codes;                   /* [depth * 4]: u of each ternary matrix */
} vit158_train_ready;

/* Codes u and scales [n_out] of a layer's latent weights w, by the packer's functions. */
void vit158_train_ternarize(int8_t *u, float *scales, const float *w,
                            const vit158_train_layer *layer, bool row_scales);

/* Takes the memory of `ready`; NULL pieces while measuring. gradient_bits: 8 or 16. */
void vit158_train_ready_plan(vit158_train_ready *ready, const vit158_train_net *net,
                             uint32_t gradient_bits, vit158_arena *arena);
/* Task `index` < vit158_train_ready_tasks(net) of preparing ready->parameters, which the caller has
 * set; tasks are independent and may run at once. */
uint32_t vit158_train_ready_tasks(const vit158_train_net *net);
void vit158_train_ready_make(vit158_train_ready *ready, const vit158_train_net *net,
                             const vit158_train_compute *compute, uint32_t index);

/* What one layer keeps of its input for the backward pass. */
typedef struct vit158_train_kept_input {
    vit158_train_quantized q; /* ternary */
    float *y;                 /* float */
    float *stats;
} vit158_train_kept_input;

typedef struct vit158_train_kept_block {
    float *x;   /* [T][d] input of the block */
    float *qkv; /* [T][3d] */
    float *p;   /* attention probabilities of all images */
    float *att; /* [T2][d], T2 = T, or one row an image in the last block */
    float *x2;  /* [T2][d] after attention */
    float *h;   /* [T2][F] before GELU */
    vit158_train_kept_input in[VIT158_BLOCK_LINEARS];
    float attn_factor, mlp_factor; /* of the residual branches; 0 = left out */
} vit158_train_kept_block;

/* One worker's memory for microbatches of up to max_images images. */
typedef struct vit158_train_work {
    uint32_t max_images;
    uint32_t images;  /* of the current microbatch */
    uint32_t tokens;  /* of each image: 1 + kept patches */
    float *patches;   /* [images * (tokens - 1)][patch_ld], in (c, y, x) order */
    size_t patch_ld;  /* patch_inputs rounded up to 16 */
    uint32_t *places; /* [images][tokens - 1]: patch number in the grid, for its position */
    vit158_train_kept_block *blocks;
    vit158_train_conv_work *conv; /* of a convolutional net */
    float *last; /* [images][d] output of the last block, or the mean over places */
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
    float *gradient;  /* [parameters], summed over this worker's microbatches */
} vit158_train_work;

/* rows x cols floats with the spare rows that products want (compute.h). */
static inline float *vit158_train_take_rows(vit158_arena *arena, size_t rows, size_t cols)
{
    return vit158_arena_take(arena, (rows + VIT158_TRAIN_TILE_ROWS) * cols, sizeof(float));
}

/* Makes what blocks `first` and later ones add to the tokens next to nothing, so that a network
 * with them computes what it did without: for growing a trained one. */
void vit158_train_net_quiet(const vit158_train_net *net, float *parameters, uint32_t first);

/* with_gradient 0: forward passes only (teacher, evaluation). */
void vit158_train_work_plan(vit158_train_work *work, const vit158_train_net *net,
                            uint32_t max_images, bool with_gradient, vit158_arena *arena);

/* The next pass takes so many images, all of their patches, and leaves no branch out. */
void vit158_train_work_whole(vit158_train_work *work, const vit158_train_net *net, uint32_t images);

typedef struct vit158_train_pass {
    const vit158_train_net *net;
    const vit158_train_ready *ready;
    const vit158_train_compute *compute;
    vit158_train_work *work;
    bool half;                              /* a float net's block products on bfloat16 */
    const struct vit158_train_hints *hints; /* hints.h; NULL = none */
} vit158_train_pass;

/* From work->patches and work->places to work->logits. */
void vit158_train_forward(const vit158_train_pass *pass);
/* From work->dlogits into work->gradient. */
void vit158_train_backward(const vit158_train_pass *pass);

/* The steps of both, one file a pair. */
void vit158_train_embed_forward(const vit158_train_pass *pass);
void vit158_train_embed_backward(const vit158_train_pass *pass);
void vit158_train_block_forward(const vit158_train_pass *pass, uint32_t block);
void vit158_train_block_backward(const vit158_train_pass *pass, uint32_t block);
void vit158_train_head_forward(const vit158_train_pass *pass);
void vit158_train_head_backward(const vit158_train_pass *pass);

#endif
