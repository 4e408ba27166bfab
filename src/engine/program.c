/* SPDX-License-Identifier: MIT */
#include "engine/program.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/text.h"
#include "engine/steps.h"

typedef struct operation {
    const char *name;
    void (*run)(vit158_forward *f, const vit158_step *step);
    bool mixes; /* whatever is needed of its result, it reads all tokens */
    bool links; /* it reads more than the residual stream, and leaves more to those behind it */
} operation;

static const operation operations[] = {
    [VIT158_STEP_EMBED] = {"embed", vit158_embed, false, false},
    [VIT158_STEP_ATTENTION] = {"attn", vit158_attention_half, true, false},
    [VIT158_STEP_MERGE] = {"merge", vit158_merge, true, true},
    [VIT158_STEP_MLP] = {"mlp", vit158_mlp_half, false, false},
    [VIT158_STEP_HEAD] = {"head", vit158_head, false, false},
};

/* Tokens that the head step leaves: its result is one vector. */
#define RESULT_TOKENS 1U

/* Adds a step to a list that has room. */
static void add(vit158_program *p, vit158_step_kind kind, uint32_t block, uint32_t tokens_out)
{
    const uint32_t before = p->count > 0 ? p->steps[p->count - 1].tokens_out : 0;
    p->steps[p->count++] =
        (vit158_step){.kind = kind, .block = block, .tokens_in = before, .tokens_out = tokens_out};
    if (tokens_out > p->max_tokens)
        p->max_tokens = tokens_out;
}

vit158_status vit158_program_make(vit158_program *out, const vit158_model *model,
                                  const vit158_merge_schedule *merges, vit158_error *error)
{
    uint32_t n = model->info.tokens;
    const size_t most = 3 * (size_t)model->info.depth + 2;
    *out = (vit158_program){.steps = malloc(most * sizeof *out->steps)};
    if (out->steps == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for a list of %zu steps", most);
    add(out, VIT158_STEP_EMBED, VIT158_NO_BLOCK, n);
    for (uint32_t i = 0; i < model->info.depth; i++) {
        add(out, VIT158_STEP_ATTENTION, i, n);
        if (merges->counts[i] > 0) {
            n -= merges->counts[i];
            add(out, VIT158_STEP_MERGE, i, n);
        }
        add(out, VIT158_STEP_MLP, i, n);
    }
    add(out, VIT158_STEP_HEAD, VIT158_NO_BLOCK, RESULT_TOKENS);
    out->head_tokens =
        model->variant.pooling == VIT158_POOLING_AVG ? n : model->variant.head_tokens;
    vit158_program_set_needs(out, false);
    return VIT158_OK;
}

void vit158_program_free(vit158_program *program)
{
    free(program->steps);
    *program = (vit158_program){0};
}

void vit158_program_set_needs(vit158_program *program, bool whole)
{
    uint32_t read = RESULT_TOKENS;
    for (uint32_t i = program->count; i-- > 0;) {
        vit158_step *step = &program->steps[i];
        step->needed = whole ? step->tokens_out : read;
        if (step->kind == VIT158_STEP_HEAD)
            read = program->head_tokens;
        if (operations[step->kind].mixes)
            read = step->tokens_in;
    }
}

uint32_t vit158_program_free_steps(const vit158_program *program)
{
    uint32_t i = 0;
    while (i < program->count && !operations[program->steps[i].kind].links)
        i++;
    return i;
}

void vit158_program_step_name(char name[VIT158_STEP_NAME_BYTES], const vit158_step *step)
{
    const char *own = operations[step->kind].name;
    if (step->block == VIT158_NO_BLOCK)
        vit158_format(name, VIT158_STEP_NAME_BYTES, "%s", own);
    else
        vit158_format(name, VIT158_STEP_NAME_BYTES, "blocks.%u.%s", step->block, own);
}

void vit158_program_run_step(vit158_forward *f, const vit158_step *step)
{
    operations[step->kind].run(f, step);
}
