/* SPDX-License-Identifier: MIT */
#include "compress/shadow.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/numerics.h"
#include "compress/arithmetic.h"

vit158_status vit158_shadow_check(const vit158_model *model, vit158_error *error)
{
    const vit158_model_info *const info = &model->info;
    for (uint32_t block = 0; block < info->depth; block++) {
        const uint32_t mlp_dim = model->blocks[block].fc1.n_out;
        if (info->dim % 16 != 0 || mlp_dim % 16 != 0 || info->head_dim % 16 != 0)
            return vit158_fail(error, VIT158_E_UNSUPPORTED,
                               "dim, mlp_dim and head_dim must be multiples of 16, but are %u, %u "
                               "and %u",
                               info->dim, mlp_dim, info->head_dim);
        for (uint32_t kind = 0; kind < VIT158_BLOCK_LINEARS; kind++)
            if (vit158_block_linear(&model->blocks[block], kind)->encoding != VIT158_ENCODING_F32)
                return vit158_fail(error, VIT158_E_UNSUPPORTED,
                                   "blocks.%u.%s is packed already: start from the float model",
                                   block, vit158_linear_name(kind));
    }
    return VIT158_OK;
}

static void plan(vit158_shadow *shadow, vit158_arena *arena)
{
    const vit158_model *const model = shadow->model;
    const uint32_t count = model->info.depth * VIT158_BLOCK_LINEARS;
    shadow->layers = vit158_arena_take(arena, count, sizeof *shadow->layers);
    shadow->head = vit158_arena_take(
        arena, vit158_train_panel_words(model->info.dim, model->info.classes), sizeof(float));
    for (uint32_t i = 0; i < count; i++) {
        vit158_block *const block = &model->blocks[i / VIT158_BLOCK_LINEARS];
        const vit158_linear *const linear = vit158_block_linear(block, i % VIT158_BLOCK_LINEARS);
        float *const panels = vit158_arena_take(
            arena, vit158_train_panel_words(linear->n_in, linear->n_out), sizeof(float));
        if (shadow->layers != NULL)
            shadow->layers[i] =
                (vit158_shadow_layer){.linear = linear, .panels = panels, .bias = linear->bias};
    }
}

vit158_status vit158_shadow_create(vit158_shadow *shadow, const vit158_model *model, bool rounds,
                                   vit158_error *error)
{
    *shadow = (vit158_shadow){.model = model, .compute = vit158_compress_arithmetic()};
    VIT158_RETURN_IF_ERROR(vit158_shadow_check(model, error));
    vit158_arena arena = {0};
    plan(shadow, &arena);
    shadow->block = arena.overflow ? NULL : aligned_alloc(VIT158_ARENA_ALIGN, arena.used);
    if (shadow->block == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for a copy of the model");
    arena = vit158_arena_over(shadow->block, arena.used);
    plan(shadow, &arena);
    const vit158_model_info *const info = &model->info;
    shadow->compute->pack(shadow->head, model->head.weight, 1, info->dim, info->dim, info->classes);
    for (uint32_t i = 0; i < info->depth * VIT158_BLOCK_LINEARS; i++) {
        shadow->layers[i].rounds = rounds;
        vit158_shadow_set(shadow, i / VIT158_BLOCK_LINEARS, i % VIT158_BLOCK_LINEARS,
                          shadow->layers[i].linear->weight);
    }
    return VIT158_OK;
}

void vit158_shadow_free(vit158_shadow *shadow)
{
    free(shadow->block);
    *shadow = (vit158_shadow){0};
}

static void plan_work(vit158_shadow_workspace *work, const vit158_model *model, vit158_arena *arena)
{
    const vit158_model_info *const info = &model->info;
    const size_t n = info->tokens, rows = n + VIT158_TRAIN_TILE_ROWS;
    const size_t widest = info->mlp_dim > info->dim ? info->mlp_dim : info->dim;
    work->rows = vit158_arena_take(arena, rows * widest, sizeof(float));
    work->codes = vit158_arena_take(arena, rows * vit158_train_round_up(widest, 64), 1);
    work->steps = vit158_arena_take(arena, rows, sizeof(float));
    work->sums = vit158_arena_take(arena, rows, sizeof(int32_t));
    work->stats = vit158_arena_take(arena, rows * 4, sizeof(float));
    work->norms = vit158_arena_take(arena, 4 * widest, sizeof(float));
    work->qkv = vit158_arena_take(arena, rows * 3 * info->dim, sizeof(float));
    work->p =
        vit158_arena_take(arena, info->heads * rows * vit158_train_round_up(n, 16), sizeof(float));
    work->scores =
        vit158_arena_take(arena, vit158_train_attention_scratch(n, info->head_dim), sizeof(float));
    work->hidden = vit158_arena_take(arena, rows * info->mlp_dim, sizeof(float));
}

vit158_status vit158_shadow_workspace_create(vit158_shadow_workspace *work,
                                             const vit158_model *model, vit158_error *error)
{
    *work = (vit158_shadow_workspace){0};
    vit158_arena arena = {0};
    plan_work(work, model, &arena);
    void *const block = arena.overflow ? NULL : aligned_alloc(VIT158_ARENA_ALIGN, arena.used);
    if (block == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for an image's activations");
    memset(block, 0, arena.used); /* spare rows are read, whatever they hold */
    arena = vit158_arena_over(block, arena.used);
    plan_work(work, model, &arena);
    work->block = block;
    return VIT158_OK;
}

void vit158_shadow_workspace_free(vit158_shadow_workspace *work)
{
    free(work->block);
    *work = (vit158_shadow_workspace){0};
}

vit158_shadow_layer *vit158_shadow_at(const vit158_shadow *shadow, uint32_t block, uint32_t kind)
{
    return &shadow->layers[block * VIT158_BLOCK_LINEARS + kind];
}

void vit158_shadow_set(const vit158_shadow *shadow, uint32_t block, uint32_t kind,
                       const float *weight)
{
    const vit158_shadow_layer *const layer = vit158_shadow_at(shadow, block, kind);
    const vit158_linear *const linear = layer->linear;
    shadow->compute->pack(layer->panels, weight, 1, linear->n_in, linear->n_in, linear->n_out);
}

/* Back to floats: what the product of the rounded input amounts to. */
static void restore_rows(vit158_shadow_workspace *work, uint32_t n_tokens, uint32_t n)
{
    const size_t ldq = vit158_train_round_up(n, 64);
    for (uint32_t t = 0; t < n_tokens; t++) {
        const int8_t *const q = work->codes + t * ldq;
        float *const row = work->rows + (size_t)t * n;
        for (uint32_t i = 0; i < n; i++)
            row[i] = (float)q[i] * work->steps[t];
    }
}

/* As the engine does with a stored step. */
static void round_by_step(float *x, size_t count, float step)
{
    const float s = 1.0F / step;
    for (size_t i = 0; i < count; i++)
        x[i] = vit158_rne(fminf(fmaxf(x[i] * s, -127.0F), 127.0F)) * step;
}

/* x through the layer's norms and rounding, into work->rows. */
static void input_rows(const vit158_shadow *shadow, vit158_shadow_workspace *work,
                       const vit158_shadow_layer *layer, const float *x, const vit158_norm *outer,
                       bool gelu)
{
    const uint32_t n_tokens = shadow->model->info.tokens, n = layer->linear->n_in;
    vit158_train_norm_rows rows = {.x = x,
                                   .ldx = n,
                                   .rows = n_tokens,
                                   .n = n,
                                   .gelu = gelu,
                                   .outer_weight = outer != NULL ? outer->weight : NULL,
                                   .outer_bias = outer != NULL ? outer->bias : NULL,
                                   .inner_weight = layer->linear->norm.weight,
                                   .inner_bias = layer->linear->norm.bias,
                                   .outer_eps = shadow->model->norm_eps,
                                   .inner_eps = shadow->model->inner_norm_eps,
                                   .stats = work->stats,
                                   .y = work->rows,
                                   .scratch = work->norms};
    const bool by_token = layer->rounds && !(layer->step > 0);
    if (by_token)
        rows.out = (vit158_train_quantized){.q = work->codes,
                                            .r = work->steps,
                                            .sum = work->sums,
                                            .ldq = vit158_train_round_up(n, 64)};
    shadow->compute->norm_rows(&rows);
    if (by_token)
        restore_rows(work, n_tokens, n);
    else if (layer->rounds)
        round_by_step(work->rows, (size_t)n_tokens * n, layer->step);
}

/* y = base + layer(work->rows). */
static void multiply(const vit158_shadow *shadow, const vit158_shadow_workspace *work,
                     const vit158_shadow_layer *layer, float *y, const float *base)
{
    const vit158_linear *const linear = layer->linear;
    vit158_train_product p = vit158_train_product_of(
        y, work->rows, layer->panels, shadow->model->info.tokens, linear->n_out, linear->n_in);
    p.bias = layer->bias;
    p.base = base;
    p.base_ld = linear->n_out;
    shadow->compute->product(&p);
}

static void attend(const vit158_shadow *shadow, vit158_shadow_workspace *work, uint32_t block,
                   float *out)
{
    const vit158_block *const b = &shadow->model->blocks[block];
    const vit158_model_info *const info = &shadow->model->info;
    const vit158_train_attention a = {.qkv = work->qkv,
                                      .p = work->p,
                                      .out = out,
                                      .n_tokens = info->tokens,
                                      .n_queries = info->tokens,
                                      .heads = b->heads,
                                      .dim = b->proj.n_in,
                                      .scratch = work->scores};
    shadow->compute->attention(&a);
}

const float *vit158_shadow_input(const vit158_shadow *shadow, vit158_shadow_workspace *work,
                                 const float *x, uint32_t block, uint32_t kind)
{
    const vit158_block *const b = &shadow->model->blocks[block];
    const bool mlp = kind == VIT158_FC1 || kind == VIT158_FC2;
    const uint32_t first = mlp ? VIT158_FC1 : VIT158_QKV;
    const vit158_shadow_layer *const layer = vit158_shadow_at(shadow, block, first);
    input_rows(shadow, work, layer, x, mlp ? &b->norm2 : &b->norm1, false);
    if (kind == first)
        return work->rows;
    multiply(shadow, work, layer, mlp ? work->hidden : work->qkv, NULL);
    if (!mlp)
        attend(shadow, work, block, work->hidden);
    input_rows(shadow, work, layer + 1, work->hidden, NULL, mlp);
    return work->rows;
}

void vit158_shadow_add_branch(const vit158_shadow *shadow, vit158_shadow_workspace *work, float *x,
                              uint32_t block, uint32_t half)
{
    const uint32_t kind = half == 0 ? VIT158_PROJ : VIT158_FC2;
    vit158_shadow_input(shadow, work, x, block, kind);
    multiply(shadow, work, vit158_shadow_at(shadow, block, kind), x, x);
}

void vit158_shadow_logits(const vit158_shadow *shadow, vit158_shadow_workspace *work,
                          const float *x, float *logits)
{
    const vit158_model *const model = shadow->model;
    const uint32_t d = model->info.dim;
    const vit158_train_norm_rows rows = {.x = x,
                                         .ldx = d,
                                         .rows = 1,
                                         .n = d,
                                         .outer_weight = model->norm.weight,
                                         .outer_bias = model->norm.bias,
                                         .outer_eps = model->norm_eps,
                                         .stats = work->stats,
                                         .y = work->rows,
                                         .scratch = work->norms};
    shadow->compute->norm_rows(&rows);
    vit158_train_product p =
        vit158_train_product_of(logits, work->rows, shadow->head, 1, model->info.classes, d);
    p.bias = model->head.bias;
    shadow->compute->product(&p);
}
