/* SPDX-License-Identifier: MIT
 *
 * softmax(q k^T / sqrt(d / H)) v, per head and per tile of queries, transposed: the scores of a
 * tile are s[key][query], so softmax is vertical and both products are the channel-major product
 * of kernels.h without a transpose.
 */
#ifndef VIT158_ENGINE_ATTENTION_H
#define VIT158_ENGINE_ATTENTION_H

#include "engine/forward.h"

/* Queries of a tile; scores of ViT-B (197 keys) then fill 25 kB. */
#define VIT158_QUERY_TILE 32U

/* f->attended [d][ld] from q, k, v in f->wide [3d][ld], for queries [0, n_queries). */
void vit158_attend(vit158_forward *f, uint32_t block, uint32_t n_queries);

/* Scratch bytes of a worker. */
size_t vit158_attention_scratch(const vit158_kernels *kernels, uint32_t n_tokens,
                                uint32_t head_dim);

#endif
