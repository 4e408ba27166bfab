/* SPDX-License-Identifier: MIT
 *
 * What a block's layers take in and give out in the float network, seen through the observer
 * (vit158_observe.h) for a set of images: inputs of the four matrices, queries, keys and values,
 * attention probabilities. Passes start at the block and stop behind it, so it costs one block.
 */
#ifndef VIT158_COMPRESS_CAPTURE_H
#define VIT158_COMPRESS_CAPTURE_H

#include "base/parallel.h"
#include "compress/quantizer.h"
#include "model/model.h"

/* Tokens of an image on which outputs are compared, the class token and others equally spaced. */
#define VIT158_SAMPLED_TOKENS 64U

/* Of one image in one block; matrices of channels (or keys) with a column a token. */
typedef struct vit158_captured {
    float *input[VIT158_BLOCK_LINEARS];   /* [n_in][ld] */
    float *sampled[VIT158_BLOCK_LINEARS]; /* [n_in][lds] */
    float *qk;                            /* [2 d][lds] queries, then keys, sampled */
    float *v;                             /* [d][ld] */
    float *probabilities;                 /* [H][N][lds] of sampled queries */
    float largest[3];                     /* magnitudes of all queries, keys and probabilities */
} vit158_captured;

typedef struct vit158_capture {
    const vit158_model *model;
    vit158_pool *pool;
    uint32_t images, tokens, sampled;
    size_t ld, lds;            /* round_up(tokens, 16), round_up(sampled, 16); padding is 0 */
    vit158_captured *at;       /* [images] */
    vit158_streams streams;    /* of the images, behind the blocks taken so far */
    struct vit158_seer *seers; /* [pool->workers] */
    float *memory;
} vit158_capture;

/* Copies `images` streams from image `first` on. Model and pool must outlive the capture.
 * Errors: VIT158_E_MEMORY. */
vit158_status vit158_capture_create(vit158_capture *c, const vit158_model *model, vit158_pool *pool,
                                    const vit158_streams *streams, uint32_t first, uint32_t images,
                                    vit158_error *error);
void vit158_capture_free(vit158_capture *c);

/* Takes block `block` of all images; blocks come in order. Errors: those of running a session. */
vit158_status vit158_capture_block(vit158_capture *c, uint32_t block, vit158_error *error);

/* Token of sample s. */
static inline uint32_t vit158_capture_token(const vit158_capture *c, uint32_t s)
{
    return c->sampled == c->tokens ? s : s * (c->tokens - 1) / (c->sampled - 1);
}

#endif
