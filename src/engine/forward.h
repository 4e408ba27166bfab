/* SPDX-License-Identifier: MIT
 *
 * Running the program of a forward pass, step by step.
 */
#ifndef VIT158_ENGINE_FORWARD_H
#define VIT158_ENGINE_FORWARD_H

#include "engine/context.h"

/* Makes `first` the next step of a pass of tokens that stand for one patch each. */
void vit158_forward_start(vit158_forward *f, uint32_t first);

/* Runs step f->next_step (< f->program.count) and moves on. Fails only at the head, with
 * VIT158_E_NUMERIC if a logit is not finite. */
vit158_status vit158_forward_step(vit158_forward *f, vit158_error *error);

#endif
