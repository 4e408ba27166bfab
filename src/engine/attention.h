/* SPDX-License-Identifier: MIT
 *
 * softmax(q k^T / sqrt(d / H)) v, per head and per tile of queries, transposed: the scores of a
 * tile are s[key][query], so softmax is vertical and both products are channel-major products of
 * kernels.h without a transpose.
 *
 * Two kinds of arithmetic. Blocks with a float qkv layer, and short sequences, use floats. Blocks
 * with a quantized qkv layer and VIT158_INT_ATTENTION_TOKENS tokens or more use int16 (kernels.h):
 * their products run 2.3 times as fast, and the error is far below that of the int8 activations
 * around them. The rule looks only at the model, so results do not depend on the machine.
 */
#ifndef VIT158_ENGINE_ATTENTION_H
#define VIT158_ENGINE_ATTENTION_H

#include "engine/forward.h"

/* Queries of a tile; scores of ViT-B (197 keys) then fill 25 kB. */
#define VIT158_QUERY_TILE 32U

#define VIT158_INT_ATTENTION_TOKENS 128U

bool vit158_attention_is_int(const vit158_model *model, uint32_t block);

vit158_int_heads vit158_int_heads_plan(vit158_arena *arena, const vit158_model *model);

/* Quantizes q, k and v of f->wide. */
void vit158_int_heads_fill(vit158_forward *f);

/* One tile of queries [first, first + queries) of one head, into f->attended; `scratch` as sized by
 * vit158_attention_scratch. When explaining, leaves the probabilities as floats
 * [N][VIT158_QUERY_TILE] at the start of scratch. */
void vit158_int_attend_tile(const vit158_forward *f, uint32_t head, uint32_t first,
                            uint32_t queries, float factor, void *scratch);

/* f->attended [d][ld] from q, k, v in f->wide [3d][ld], for queries [0, n_queries). */
void vit158_attend(vit158_forward *f, uint32_t block, uint32_t n_queries);

/* Scratch bytes of a worker for either kind of arithmetic. */
size_t vit158_attention_scratch(const vit158_kernels *kernels, uint32_t n_tokens,
                                uint32_t head_dim);

/* Bytes of a tile's float scores, [N][VIT158_QUERY_TILE]; they lie first in scratch. */
static inline size_t vit158_score_bytes(uint32_t n_tokens)
{
    return (size_t)n_tokens * VIT158_QUERY_TILE * sizeof(float);
}

#endif
