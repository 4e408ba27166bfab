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
        .averages = averages,
        .first = averages ? info->prefix_tokens : 0,
        .read = averages ? info->tokens - info->prefix_tokens : model->variant.head_tokens,
        .place = vit158_arena_take(arena, n, sizeof(uint32_t)),
        .rollout = vit158_arena_take(arena, n, sizeof(float)),
        .row = vit158_arena_take(arena, n, sizeof(float)),
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
    return explain->first + explain->read > VIT158_QUERY_TILE;
}

/* One past the last of `n` tokens that the head reads. */
static uint32_t end_of(const vit158_explain *e, uint32_t n)
{
    return e->averages ? n : e->read;
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
    const uint32_t end = end_of(e, tile->n_keys);
    const uint32_t to = end < last ? end : last;
    float *kept = kept_of(f, block, tile->head);
    for (uint32_t j = 0; j < tile->n_keys; j++) {
        float sum = tile->first == 0 ? 0.0F : kept[j];
        for (uint32_t t = from; t < to; t++)
            sum += f->sizes[t] * tile->scores[j * tile->ld + t - tile->first];
        kept[j] = sum;
    }
}

void vit158_explain_tile(vit158_forward *f, uint32_t block, const vit158_tile *tile)
{
    vit158_explain *e = f->explain;
    const uint32_t n = tile->n_keys;
    const uint32_t first = tile->first;
    if (first < end_of(e, n))
        keep_attention(f, block, tile);
    const float share = 0.5F / (float)f->model->blocks[block].heads;
    for (uint32_t j = 0; j < n; j++) {
        const float *p = tile->scores + j * tile->ld;
        float *m = e->mixed + (size_t)j * f->ld + first;
        for (uint32_t i = 0; i < tile->queries; i++) {
            const float before = tile->head > 0 ? m[i] : (j == first + i ? 0.5F : 0.0F);
            m[i] = before + share * p[i];
        }
    }
}

/* From sums over the tokens that the head reads to means, and from the tokens that are left to the
 * model's. */
static void finish_attention(const vit158_forward *f, uint32_t block)
{
    const vit158_explain *e = f->explain;
    const vit158_model_info *info = &f->model->info;
    const float share = 1.0F / (float)e->read;
    for (uint32_t head = 0; head < f->model->blocks[block].heads; head++) {
        float *kept = kept_of(f, block, head);
        memcpy(e->row, kept, info->tokens * sizeof *kept);
        for (uint32_t j = 0; j < info->tokens; j++)
            kept[j] = e->row[e->place[j]] * share / f->sizes[e->place[j]];
    }
}

/* The mean of the rows of R that the head reads, of n tokens. */
static void finish_rollout(const vit158_forward *f, uint32_t n)
{
    const vit158_explain *e = f->explain;
    const float share = 1.0F / (float)e->read;
    for (uint32_t j = 0; j < f->model->info.tokens; j++) {
        float sum = 0.0F;
        for (uint32_t t = e->first; t < end_of(e, n); t++)
            sum += f->sizes[t] * e->product[(size_t)j * f->ld + t];
        e->rollout[j] = sum * share;
    }
}

void vit158_explain_block(vit158_forward *f, const vit158_step *step)
{
    vit158_explain *e = f->explain;
    const uint32_t n = step->tokens_in, sources = f->model->info.tokens;
    const bool last = step->block + 1 == f->model->info.depth;
    /* R^T[o][t] = sum over k of R_before^T[o][k] * mixed[k][t], of the tokens that are needed. */
    if (step->block == 0) {
        memcpy(e->product, e->mixed, (size_t)n * f->ld * sizeof(float));
        for (uint32_t j = 0; j < n; j++)
            e->place[j] = j;
    } else {
        const vit158_gemm_f32 p = {.y = e->product,
                                   .ldy = f->ld,
                                   .a = e->previous,
                                   .a_row = f->ld,
                                   .a_col = 1,
                                   .b = e->mixed,
                                   .ldb = f->ld,
                                   .n_in = n,
                                   .n_out = sources,
                                   .epilogue = VIT158_STORE};
        f->kernels->f32.run(&p, 0, step->needed, 0, sources, vit158_scratch(f, 0));
    }
    finish_attention(f, step->block);
    if (last)
        finish_rollout(f, n);
    float *swap = e->previous;
    e->previous = e->product;
    e->product = swap;
}

void vit158_explain_move(vit158_forward *f, const uint32_t *now)
{
    vit158_explain *e = f->explain;
    for (uint32_t j = 0; j < f->model->info.tokens; j++)
        e->place[j] = now[e->place[j]];
}
