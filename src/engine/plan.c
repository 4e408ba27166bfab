/* SPDX-License-Identifier: MIT */
#include "engine/plan.h"

#include "base/sizes.h"
#include "engine/attention.h"
#include "engine/attention_int.h"
#include "engine/linear.h"
#include "engine/merge.h"
#include "engine/rollout.h"

typedef struct needs {
    size_t scratch; /* of one worker */
    bool quantized; /* some block layer takes int8 input */
    bool dense;     /* some block layer takes float input */
    bool integer;   /* some block's attention is int16 */
    bool merges;    /* some step merges tokens */
} needs;

static void need_layer(needs *n, const vit158_forward *f, const vit158_linear *layer,
                       uint32_t tokens)
{
    if (vit158_linear_is_quantized(layer))
        n->quantized = true;
    else
        n->dense = true;
    n->scratch = vit158_larger(n->scratch, vit158_linear_scratch(f, layer, tokens));
}

/* What a step needs of memory if it computes `needed` tokens; products of fewer tokens are cut in
 * another way, which may need more. */
static void need_step(needs *n, const vit158_forward *f, const vit158_step *step, uint32_t needed)
{
    const vit158_model *m = f->model;
    switch (step->kind) {
    case VIT158_STEP_EMBED:
        n->scratch = vit158_larger(n->scratch, vit158_linear_scratch(f, &m->patch, needed));
        break;
    case VIT158_STEP_ATTENTION: {
        const vit158_block *b = &m->blocks[step->block];
        if (vit158_attention_is_int(m, step->block))
            n->integer = true;
        n->scratch = vit158_larger(
            n->scratch, vit158_attention_scratch(f->kernels, step->tokens_in, m->info.head_dim));
        need_layer(n, f, &b->qkv, step->tokens_in);
        need_layer(n, f, &b->qkv, needed);
        need_layer(n, f, &b->proj, needed);
        break;
    }
    case VIT158_STEP_MERGE:
        n->merges = true;
        n->scratch = vit158_larger(n->scratch, vit158_merge_scratch(f, step));
        break;
    case VIT158_STEP_MLP:
        need_layer(n, f, &m->blocks[step->block].fc1, needed);
        need_layer(n, f, &m->blocks[step->block].fc2, needed);
        break;
    default: /* whatever works a token at a time */
        n->scratch = vit158_larger(n->scratch, vit158_norm_scratch(m->info.dim));
        break;
    }
}

static needs sum_up(const vit158_forward *f, bool explain)
{
    const uint32_t n = f->program.max_tokens;
    needs total = {0};
    for (uint32_t i = 0; i < f->program.count; i++) {
        const vit158_step *step = &f->program.steps[i];
        need_step(&total, f, step, step->needed);
        need_step(&total, f, step, step->tokens_out); /* for an observer */
    }
    if (explain)
        total.scratch = vit158_larger(total.scratch, f->kernels->f32.scratch(n, n, n));
    total.scratch = (total.scratch + VIT158_ARENA_ALIGN - 1) & ~(size_t)(VIT158_ARENA_ALIGN - 1);
    return total;
}

void vit158_forward_plan(vit158_forward *f, vit158_arena *arena, const vit158_forward_setup *setup)
{
    const vit158_model *model = setup->model;
    const vit158_model_info *info = &model->info;
    const size_t side = info->image_size;
    const size_t d = info->dim;
    *f = (vit158_forward){.model = model,
                          .program = setup->program,
                          .kernels = setup->kernels,
                          .pool = setup->pool,
                          .gemm = setup->gemm,
                          .ld = vit158_token_stride(setup->program.max_tokens)};
    const needs n = sum_up(f, setup->explain);
    const size_t widest_input = vit158_larger(d, info->mlp_dim);
    const size_t wide_rows = vit158_larger(vit158_larger(4 * d, info->mlp_dim), model->patch.n_in);
    const size_t row = f->ld * sizeof(float);
    f->x = vit158_arena_take(arena, d, row);
    f->wide = vit158_arena_take(arena, wide_rows, row);
    f->attended = f->wide != NULL ? f->wide + 3 * d * f->ld : NULL;
    /* Where every layer is quantized only the head's norm writes floats, long after attention. */
    f->normed = n.dense ? vit158_arena_take(arena, widest_input, row) : f->attended;
    /* The image is gone when the first layer quantizes its input, and that input is gone when its
     * product, the queries, keys and values, becomes int16. */
    vit158_overlay overlay = vit158_overlay_begin(arena);
    f->tensor = vit158_arena_take(arena, info->channels * side * side, sizeof(float));
    vit158_overlay_next(&overlay, arena);
    f->q = n.quantized ? vit158_arena_take(arena, widest_input, f->ld) : NULL;
    vit158_overlay_next(&overlay, arena);
    if (n.integer)
        f->heads = vit158_int_heads_plan(arena, model, setup->program.max_tokens);
    vit158_overlay_end(&overlay, arena);
    f->r = n.quantized ? vit158_arena_take(arena, 1, row) : NULL;
    f->sizes = vit158_arena_take(arena, 1, row);
    f->merging = n.merges ? vit158_merging_plan(arena, f) : NULL;
    f->embedding = vit158_arena_take(arena, info->embedding, sizeof(float));
    f->logits = vit158_arena_take(arena, info->classes, sizeof(float));
    f->scratch_bytes = n.scratch;
    f->scratch = vit158_arena_take(arena, setup->pool->workers, n.scratch);
    f->explain = setup->explain ? vit158_explain_plan(arena, model) : NULL;
}
