/* SPDX-License-Identifier: MIT
 *
 * The forward pass of METHODS.md 1.1-1.2 as a loop over steps: embed, the two halves of each block,
 * head. forward.c owns the order, plan.c the memory, the other files one step each.
 *
 * All activations are channel-major with row stride ld (kernels.h). N tokens, d width, F hidden.
 */
#ifndef VIT158_ENGINE_FORWARD_H
#define VIT158_ENGINE_FORWARD_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/parallel.h"
#include "kernels/kernels.h"
#include "model/model.h"

typedef struct vit158_explain vit158_explain; /* rollout.h */

/* Where int16 attention (attention.h) keeps a block's heads; hd = d / H, pairs = ceil(hd / 2). */
typedef struct vit158_int_heads {
    int16_t *q;     /* [H][pairs][ld][2] */
    int16_t *k;     /* [H][pairs][ld][2] */
    int16_t *v;     /* [H][hd][ld] */
    float *q_scale; /* [H][ld] */
    float *k_scale; /* [H][ld] */
    float *v_scale; /* [H][hd] */
} vit158_int_heads;

typedef struct vit158_forward {
    const vit158_model *model;
    const vit158_kernels *kernels;
    vit158_pool *pool;
    vit158_gemm gemm;
    uint32_t n_tokens;
    uint32_t ld;
    float *tensor;   /* [channels][S][S]: the input, filled by the caller; gone after step 0 */
    float *x;        /* [d][ld] residual stream */
    float *wide;     /* [max(4d, F, patch inputs)][ld]: patch columns; q k v, attended; hidden */
    float *attended; /* [d][ld] attention output, heads concatenated; inside wide */
    float *normed;   /* [max(d, F)][ld] input of float layers, at least [d][ld] for the head */
    int8_t *q;       /* [max(d, F)][ld] input of quantized layers; NULL if no layer needs it */
    float *r;        /* [ld] its dequantization steps */
    vit158_int_heads heads; /* int16 queries, keys, values; NULLs if no block uses them */
    float *embedding;       /* [d] final LayerNorm of the class token */
    float *logits;          /* [C] */
    uint8_t *scratch;       /* [workers][scratch_bytes] */
    size_t scratch_bytes;
    vit158_explain *explain; /* NULL unless asked for */
    uint32_t next_step;
} vit158_forward;

/* Fills the struct and takes its buffers from `arena` (which may be measuring). All arguments are
 * kept, not copied. */
void vit158_forward_plan(vit158_forward *f, vit158_arena *arena, const vit158_model *model,
                         const vit158_kernels *kernels, vit158_pool *pool, vit158_gemm gemm,
                         bool explain);

/* 2 * depth + 2. */
uint32_t vit158_forward_step_count(const vit158_forward *f);

/* Runs step f->next_step (< step count) and moves on. Fails only at the head, with
 * VIT158_E_NUMERIC if a logit is not finite. */
vit158_status vit158_forward_step(vit158_forward *f, vit158_error *error);

/* The steps. `last` blocks compute only what the class token's row needs. */
void vit158_embed(vit158_forward *f);
void vit158_attention_half(vit158_forward *f, uint32_t block);
void vit158_mlp_half(vit158_forward *f, uint32_t block);
void vit158_head(vit158_forward *f);

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
