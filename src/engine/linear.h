/* SPDX-License-Identifier: MIT
 *
 * Linear layers of every kind: (norms, quantize, integer product) for ternary and int8 weights,
 * (norms, float product) for float ones. Two calls, so that one prepared input can serve several
 * products.
 */
#ifndef VIT158_ENGINE_LINEAR_H
#define VIT158_ENGINE_LINEAR_H

#include "engine/context.h"

/* Which part of a product to compute: outputs [o0, o1) of tokens [0, tokens). */
typedef struct vit158_part {
    uint32_t tokens;
    uint32_t o0;
    uint32_t o1;
} vit158_part;

/* The input of a layer after its norms: float or quantized, as the layer needs it. */
typedef struct vit158_prepared {
    const float *x; /* float layers: [n_in][ld]; NULL for quantized ones */
} vit158_prepared;

/* Applies `outer` (if present) and the layer's own norm to x [n_in][ld], and quantizes for
 * quantized layers, into f->q, f->r or f->normed. Valid until the next call. */
vit158_prepared vit158_linear_prepare(vit158_forward *f, const vit158_linear *layer,
                                      vit158_norm outer, const float *x, uint32_t tokens);

/* y [n][ld] = norm(x [n][ld]), of the first `tokens`; y may not overlap x. */
void vit158_normalise(const vit158_forward *f, float *y, const float *x, vit158_norm norm,
                      uint32_t n, uint32_t tokens);

/* y [n_out][ld] = epilogue(W input + b) for `part`. */
void vit158_linear_apply(vit158_forward *f, const vit158_linear *layer, vit158_prepared input,
                         float *y, vit158_epilogue epilogue, vit158_part part);

/* Scratch bytes a worker of f->pool needs for this layer at `tokens` tokens, norms included. */
size_t vit158_linear_scratch(const vit158_forward *f, const vit158_linear *layer, uint32_t tokens);

/* Rows of its weights, as many as outputs or more. */
static inline uint32_t vit158_linear_rows(const vit158_linear *layer)
{
    return vit158_plane_rows(&layer->planes, layer->n_out, 0, layer->n_out);
}

static inline bool vit158_linear_is_quantized(const vit158_linear *layer)
{
    return layer->encoding != VIT158_ENCODING_F32;
}

#endif
