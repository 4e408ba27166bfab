/* SPDX-License-Identifier: MIT
 *
 * The state of a forward pass (METHODS.md 1.1-1.2) that its steps share: model, program, kernels,
 * pool and buffers. plan.h makes it, forward.h runs it, steps.h lists the steps.
 *
 * All activations are channel-major with row stride ld (kernels.h). N tokens, d width, F hidden.
 */
#ifndef VIT158_ENGINE_CONTEXT_H
#define VIT158_ENGINE_CONTEXT_H

#include <stdbool.h>

#include "base/parallel.h"
#include "engine/program.h"
#include "kernels/kernels.h"
#include "model/model.h"

typedef struct vit158_explain vit158_explain; /* rollout.h */
typedef struct vit158_watch vit158_watch;     /* watch.h */
typedef struct vit158_merging vit158_merging; /* merge.h */

/* Where int16 attention (attention_int.h) keeps a block's heads; hd = head_dim, pairs =
 * ceil(hd / 2). */
typedef struct vit158_int_heads {
    int16_t *q;     /* [H][pairs][ld][2] */
    int16_t *k;     /* [H][pairs][ld][2] */
    int16_t *v;     /* [H][hd][ld] */
    float *q_scale; /* [H][ld] */
    float *k_scale; /* [H][ld] */
    float *v_scale; /* [H][hd] */
    float *doubt;   /* [H][2]: of the steps of queries and keys, 0 or NaN */
} vit158_int_heads;

struct vit158_forward {
    const vit158_model *model;
    vit158_program program; /* owned by who made the session */
    const vit158_kernels *kernels;
    vit158_pool *pool;
    vit158_gemm gemm;
    uint32_t ld;
    float *tensor;   /* [channels][S][S]: the input, filled by the caller; gone after step 0 */
    float *x;        /* [d][ld] residual stream */
    float *wide;     /* [max(4d, F, patch inputs)][ld]: patch columns; q k v, attended; hidden */
    float *attended; /* [d][ld] attention output, heads concatenated; inside wide */
    float *normed;   /* [max(d, F)][ld] input of float layers, at least [d][ld] for norms */
    int8_t *q;       /* [max(d, F)][ld] input of quantized layers; NULL if no layer needs it */
    float *r;        /* [ld] its dequantization steps */
    vit158_int_heads heads;  /* int16 queries, keys, values; NULLs if no block uses them */
    float *sizes;            /* [ld] patches that a token stands for */
    const float *log_sizes;  /* [ld] their logarithms, NULL while all are 1 */
    vit158_merging *merging; /* NULL if no step merges */
    float *embedding;        /* [info.embedding] what the head multiplies */
    float *logits;           /* [C] */
    uint8_t *scratch;        /* [workers][scratch_bytes] */
    size_t scratch_bytes;
    vit158_explain *explain; /* NULL unless asked for */
    vit158_watch *watch;     /* NULL unless observed */
    uint32_t next_step;
};

/* Scratch memory of one worker. */
static inline void *vit158_scratch(const vit158_forward *f, uint32_t worker)
{
    return f->scratch + worker * f->scratch_bytes;
}

static inline vit158_layernorm vit158_layernorm_of(vit158_norm norm, float eps)
{
    return (vit158_layernorm){.weight = norm.weight, .bias = norm.bias, .eps = eps};
}

#endif
