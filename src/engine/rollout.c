/* SPDX-License-Identifier: MIT */
#include "engine/rollout.h"

#include <string.h>
vit158_explain *vit158_explain_plan(vit158_arena *arena, const vit158_model *model)
{
    const vit158_model_info *info = &model->info;
    const bool averages = model->variant.pooling == VIT158_POOLING_AVG;
    const size_t n = info->tokens;
    const size_t square = n * vit158_token_stride(info->tokens);
    vit158_explain *e = vit158_arena_take(arena, 1, sizeof *e);
    const vit158_explain planned = {
        .attention = vit158_arena_take(arena, (size_t)info->depth * info->heads * n, sizeof(float)),
        .first = averages ? info->prefix_tokens : 0,
        .end = averages ? info->tokens : model->variant.head_tokens,
        .rollout = vit158_arena_take(arena, n, sizeof(float)),
        .mixed = vit158_arena_take(arena, square, sizeof(float)),
        .previous = vit158_arena_take(arena, square, sizeof(float)),
        .product = vit158_arena_take(arena, square, sizeof(float)),
    };
    if (e != NULL)
        *e = planned;
    return e;
}

bool vit158_explain_in_order(const vit158_explain *explain)
{
    return explain->end > VIT158_QUERY_TILE;
}

static float *kept_of(const vit158_forward *f, uint32_t block, uint32_t head)
{
    const vit158_model_info *info = &f->model->info;
    return f->explain->attention + ((size_t)block * info->heads + head) * info->tokens;
}

/* Adds the rows of those queries of the tile that the head reads. */
static void keep_attention(const vit158_forward *f, uint32_t block, const vit158_tile *tile)
{
    const vit158_explain *e = f->explain;
    const uint32_t last = tile->first + tile->queries;
    const uint32_t from = e->first > tile->first ? e->first : tile->first;
    const uint32_t to = e->end < last ? e->end : last;
    float *kept = kept_of(f, block, tile->head);
    for (uint32_t j = 0; j < tile->n_keys; j++) {
        float sum = tile->first == 0 ? 0.0F : kept[j];
        for (uint32_t t = from; t < to; t++)
            sum += tile->scores[j * tile->ld + t - tile->first];
        kept[j] = sum;
    }
}

void vit158_explain_tile(vit158_forward *f, uint32_t block, const vit158_tile *tile)
{
    vit158_explain *e = f->explain;
    const vit158_model_info *info = &f->model->info;
    const uint32_t n = tile->n_keys;
    const uint32_t first = tile->first;
    if (first < e->end)
        keep_attention(f, block, tile);
    const float share = 0.5F / (float)info->heads;
    for (uint32_t j = 0; j < n; j++) {
        const float *p = tile->scores + j * tile->ld;
        float *m = e->mixed + (size_t)j * f->ld + first;
        for (uint32_t i = 0; i < tile->queries; i++) {
            const float before = tile->head > 0 ? m[i] : (j == first + i ? 0.5F : 0.0F);
            m[i] = before + share * p[i];
        }
    }
}

/* From sums over the tokens that the head reads to means. */
static void average_attention(const vit158_forward *f, uint32_t block)
{
    const vit158_model_info *info = &f->model->info;
    const float share = 1.0F / (float)(f->explain->end - f->explain->first);
    float *kept = kept_of(f, block, 0);
    for (size_t i = 0; i < (size_t)info->heads * info->tokens; i++)
        kept[i] *= share;
}

/* The mean of the rows of R that the head reads. */
static void finish_rollout(const vit158_forward *f)
{
    const vit158_explain *e = f->explain;
    const float share = 1.0F / (float)(e->end - e->first);
    for (uint32_t j = 0; j < f->model->info.tokens; j++) {
        float sum = 0.0F;
        for (uint32_t t = e->first; t < e->end; t++)
            sum += e->product[(size_t)j * f->ld + t];
        e->rollout[j] = sum * share;
    }
}

void vit158_explain_block(vit158_forward *f, const vit158_step *step)
{
    vit158_explain *e = f->explain;
    const uint32_t n = step->tokens_in;
    const bool last = step->block + 1 == f->model->info.depth;
    /* R^T[o][t] = sum over k of R_before^T[o][k] * mixed[k][t], of the tokens that are needed. */
    if (step->block == 0) {
        memcpy(e->product, e->mixed, (size_t)n * f->ld * sizeof(float));
    } else {
        const vit158_gemm_f32 p = {.y = e->product,
                                   .ldy = f->ld,
                                   .a = e->previous,
                                   .a_row = f->ld,
                                   .a_col = 1,
                                   .b = e->mixed,
                                   .ldb = f->ld,
                                   .n_in = n,
                                   .n_out = n,
                                   .epilogue = VIT158_STORE};
        f->kernels->f32.run(&p, 0, step->needed, 0, n, vit158_scratch(f, 0));
    }
    average_attention(f, step->block);
    if (last)
        finish_rollout(f);
    float *swap = e->previous;
    e->previous = e->product;
    e->product = swap;
}
