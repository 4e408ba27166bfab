/* SPDX-License-Identifier: MIT
 *
 * softmax(q k^T / sqrt(d / H) + log sizes) v, per head and per tile of queries, transposed: the
 * scores of a tile are s[key][query], so softmax is vertical and both products are channel-major
 * products of kernels.h without a transpose.
 *
 * Two kinds of arithmetic. Blocks with a float qkv layer, and short sequences, use floats. Blocks
 * with a quantized qkv layer and VIT158_INT_ATTENTION_TOKENS tokens or more use int16
 * (attention_int.h).
 */
#ifndef VIT158_ENGINE_ATTENTION_H
#define VIT158_ENGINE_ATTENTION_H

#include "engine/context.h"

/* f->attended [d][ld] from q, k, v in f->wide [3d][ld], for the step's needed queries. */
void vit158_attend(vit158_forward *f, const vit158_step *step);

/* Scratch bytes of a worker for either kind of arithmetic. */
size_t vit158_attention_scratch(const vit158_kernels *kernels, uint32_t n_tokens,
                                uint32_t head_dim);

#endif
