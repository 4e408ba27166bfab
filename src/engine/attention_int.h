/* SPDX-License-Identifier: MIT
 *
 * Attention in int16 (kernels.h): its products run 2.3 times as fast as float ones, and the error
 * is far below that of the int8 activations around them. Which blocks use it is seen from the model
 * only, so results do not depend on the machine.
 */
#ifndef VIT158_ENGINE_ATTENTION_INT_H
#define VIT158_ENGINE_ATTENTION_INT_H

#include "base/arena.h"
#include "engine/attention_tile.h"

#define VIT158_INT_ATTENTION_TOKENS 128U

/* Whether a block's attention runs in int16: by the model's tokens, however many are left of them
 * in that block. */
bool vit158_attention_is_int(const vit158_model *model, uint32_t block);

vit158_int_heads vit158_int_heads_plan(vit158_arena *arena, const vit158_model *model,
                                       uint32_t n_tokens);

/* Quantizes q, k and v of f->wide. */
void vit158_int_heads_fill(vit158_forward *f, const vit158_step *step);

extern const vit158_attention_kind vit158_attention_int;

/* Between a tile's int16 probabilities and the floats that they stand for, in tile->scores. */
void vit158_int_expand(const vit158_tile *tile);
void vit158_int_take_back(const vit158_tile *tile);

#endif
