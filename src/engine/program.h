/* SPDX-License-Identifier: MIT
 *
 * The forward pass as a program: a list of steps made once from the model. Planning, running,
 * names, state hashes and results read this list, and nothing else knows the order of steps or how
 * many tokens there are at each.
 *
 * A new kind of step is a row of the table in program.c, a function of steps.h, and its place in
 * vit158_program_make.
 */
#ifndef VIT158_ENGINE_PROGRAM_H
#define VIT158_ENGINE_PROGRAM_H

#include <stdbool.h>

#include "engine/merge_schedule.h"
#include "model/model.h"
#include "vit158_observe.h"

typedef struct vit158_forward vit158_forward; /* context.h */

typedef enum vit158_step_kind {
    VIT158_STEP_EMBED,
    VIT158_STEP_ATTENTION,
    VIT158_STEP_MERGE,
    VIT158_STEP_MLP,
    VIT158_STEP_HEAD
} vit158_step_kind;

typedef struct vit158_step {
    vit158_step_kind kind;
    uint32_t block;      /* or VIT158_NO_BLOCK */
    uint32_t tokens_in;  /* tokens of the residual stream before the step; 0: there is none yet */
    uint32_t tokens_out; /* tokens it leaves */
    uint32_t needed;     /* of tokens_out, the first so many that anything later reads */
} vit158_step;

typedef struct vit158_program {
    vit158_step *steps; /* [count], owned */
    uint32_t count;
    uint32_t max_tokens;  /* the most of any step: what buffers must hold */
    uint32_t head_tokens; /* of the residual stream, the first so many that the head reads */
} vit158_program;

/* `merges` has been checked for the model. VIT158_E_MEMORY leaves nothing to free. */
vit158_status vit158_program_make(vit158_program *out, const vit158_model *model,
                                  const vit158_merge_schedule *merges, vit158_error *error);
void vit158_program_free(vit158_program *program);

/* Sets what is needed of each step: all tokens if `whole`, else what later steps read: attention
 * reads every token, the head those that it is given: the class token, or all to average them. */
void vit158_program_set_needs(vit158_program *program, bool whole);

/* How many steps, from the first on, need nothing of those before but the residual stream. */
uint32_t vit158_program_free_steps(const vit158_program *program);

/* "blocks.255.merge" and a NUL fit. */
#define VIT158_STEP_NAME_BYTES 32U

/* "embed", "blocks.3.attn", "blocks.3.merge", "head". */
void vit158_program_step_name(char name[VIT158_STEP_NAME_BYTES], const vit158_step *step);

/* Does what the step is for. */
void vit158_program_run_step(vit158_forward *f, const vit158_step *step);

#endif
