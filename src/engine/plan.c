/* SPDX-License-Identifier: MIT
 *
 * The memory of a session, planned once from the model's geometry and encodings.
 */
#include "engine/attention.h"
#include "engine/linear.h"
#include "engine/rollout.h"

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

typedef struct needs {
    size_t scratch; /* of one worker */
    bool quantized; /* some block layer takes int8 input */
    bool dense;     /* some block layer takes float input */
    bool integer;   /* some block's attention is int16 */
} needs;

static void need_layer(needs *n, const vit158_forward *f, const vit158_linear *layer)
{
    if (vit158_linear_is_quantized(layer))
        n->quantized = true;
    else
        n->dense = true;
    /* The last block asks for one token, which may choose another kernel. */
    n->scratch = larger(n->scratch, vit158_linear_scratch(f, layer, f->n_tokens));
    n->scratch = larger(n->scratch, vit158_linear_scratch(f, layer, 1));
}

static needs sum_up(const vit158_forward *f, bool explain)
{
    const vit158_model *m = f->model;
    const uint32_t n = f->n_tokens;
    needs total = {.scratch = vit158_attention_scratch(f->kernels, n, m->info.dim / m->info.heads)};
    total.scratch = larger(total.scratch, vit158_linear_scratch(f, &m->patch, n));
    total.scratch = larger(total.scratch, vit158_norm_scratch(m->info.dim));
    if (explain)
        total.scratch = larger(total.scratch, f->kernels->f32.scratch(n, n, n));
    for (uint32_t i = 0; i < m->info.depth; i++) {
        const vit158_block *b = &m->blocks[i];
        total.integer = total.integer || vit158_attention_is_int(m, i);
        need_layer(&total, f, &b->qkv);
        need_layer(&total, f, &b->proj);
        need_layer(&total, f, &b->fc1);
        need_layer(&total, f, &b->fc2);
    }
    total.scratch = (total.scratch + VIT158_ARENA_ALIGN - 1) & ~(size_t)(VIT158_ARENA_ALIGN - 1);
    return total;
}

void vit158_forward_plan(vit158_forward *f, vit158_arena *arena, const vit158_model *model,
                         const vit158_kernels *kernels, vit158_pool *pool, vit158_gemm gemm,
                         bool explain)
{
    const vit158_model_info *info = &model->info;
    const size_t side = info->image_size;
    const size_t d = info->dim;
    *f = (vit158_forward){.model = model,
                          .kernels = kernels,
                          .pool = pool,
                          .gemm = gemm,
                          .n_tokens = info->tokens,
                          .ld = vit158_token_stride(info->tokens)};
    const needs n = sum_up(f, explain);
    const size_t widest_input = larger(d, info->mlp_dim);
    const size_t wide_rows = larger(larger(4 * d, info->mlp_dim), model->patch.n_in);
    const size_t row = f->ld * sizeof(float);
    f->x = vit158_arena_take(arena, d, row);
    f->wide = vit158_arena_take(arena, wide_rows, row);
    f->attended = f->wide != NULL ? f->wide + 3 * d * f->ld : NULL;
    /* Where every layer is quantized only the head's norm writes floats, long after attention. */
    f->normed = n.dense ? vit158_arena_take(arena, widest_input, row) : f->attended;
    /* The picture is gone when the first layer quantizes its input, and that input is gone when its
     * product, the queries, keys and values, becomes int16. */
    vit158_overlay overlay = vit158_overlay_begin(arena);
    f->tensor = vit158_arena_take(arena, info->channels * side * side, sizeof(float));
    vit158_overlay_next(&overlay, arena);
    f->q = n.quantized ? vit158_arena_take(arena, widest_input, f->ld) : NULL;
    vit158_overlay_next(&overlay, arena);
    if (n.integer)
        f->heads = vit158_int_heads_plan(arena, model);
    vit158_overlay_end(&overlay, arena);
    f->r = n.quantized ? vit158_arena_take(arena, 1, row) : NULL;
    f->embedding = vit158_arena_take(arena, d, sizeof(float));
    f->logits = vit158_arena_take(arena, info->classes, sizeof(float));
    f->scratch_bytes = n.scratch;
    f->scratch = vit158_arena_take(arena, pool->workers, n.scratch);
    f->explain = explain ? vit158_explain_plan(arena, model) : NULL;
}
