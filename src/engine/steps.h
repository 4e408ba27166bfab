/* SPDX-License-Identifier: MIT
 *
 * What each kind of step does. A step reads the residual stream of step->tokens_in tokens and
 * leaves one of step->tokens_out; it need only compute the first step->needed of them.
 */
#ifndef VIT158_ENGINE_STEPS_H
#define VIT158_ENGINE_STEPS_H

#include "engine/context.h"

void vit158_embed(vit158_forward *f, const vit158_step *step);
void vit158_attention_half(vit158_forward *f, const vit158_step *step);
void vit158_merge(vit158_forward *f, const vit158_step *step);
void vit158_mlp_half(vit158_forward *f, const vit158_step *step);
void vit158_head(vit158_forward *f, const vit158_step *step);

#endif
