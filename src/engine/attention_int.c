/* SPDX-License-Identifier: MIT
 *
 * Attention in int16: see attention.h for when and kernels.h for the arithmetic.
 */
#include "base/numerics.h"
#include "engine/attention.h"
#include "engine/linear.h"

bool vit158_attention_is_int(const vit158_model *model, uint32_t block)
{
    return model->info.tokens >= VIT158_INT_ATTENTION_TOKENS &&
           model->info.dim / model->info.heads <= VIT158_I16_MAX_HEAD &&
           vit158_linear_is_quantized(&model->blocks[block].qkv);
}

static size_t pairs_of(const vit158_model *model)
{
    return (model->info.dim / model->info.heads + 1) / 2;
}

vit158_int_heads vit158_int_heads_plan(vit158_arena *arena, const vit158_model *model)
{
    const size_t ld = vit158_token_stride(model->info.tokens);
    const size_t n_heads = model->info.heads;
    const size_t d = model->info.dim;
    return (vit158_int_heads){
        .q = vit158_arena_take(arena, n_heads * pairs_of(model), ld * 2 * sizeof(int16_t)),
        .k = vit158_arena_take(arena, n_heads * pairs_of(model), ld * 2 * sizeof(int16_t)),
        .v = vit158_arena_take(arena, d, ld * sizeof(int16_t)),
        .q_scale = vit158_arena_take(arena, n_heads, ld * sizeof(float)),
        .k_scale = vit158_arena_take(arena, n_heads, ld * sizeof(float)),
        .v_scale = vit158_arena_take(arena, d, sizeof(float)),
    };
}

/* 0, or NaN if one of them is not finite. */
static float not_finite(const float *values, uint32_t count)
{
    float sum = 0.0F;
    for (uint32_t i = 0; i < count; i++)
        sum += values[i] - values[i];
    return sum;
}

static void fill_head(void *context, uint32_t head, uint32_t worker)
{
    const vit158_forward *f = context;
    const vit158_int_heads *heads = &f->heads;
    const size_t ld = f->ld;
    const size_t d = f->model->info.dim;
    const uint32_t hd = f->model->info.dim / f->model->info.heads;
    const size_t pair_matrix = pairs_of(f->model) * ld * 2;
    const float *x = f->wide + (size_t)head * hd * ld;
    (void)worker;

    const vit158_quantize_tokens q = {.y = heads->q + head * pair_matrix,
                                      .r = heads->q_scale + head * ld,
                                      .x = x,
                                      .ld = ld,
                                      .n = hd};
    f->kernels->quantize_tokens(&q, 0, f->n_tokens);
    const vit158_quantize_tokens k = {.y = heads->k + head * pair_matrix,
                                      .r = heads->k_scale + head * ld,
                                      .x = x + d * ld,
                                      .ld = ld,
                                      .n = hd};
    f->kernels->quantize_tokens(&k, 0, f->n_tokens);
    const vit158_quantize_channels v = {.y = heads->v + (size_t)head * hd * ld,
                                        .r = heads->v_scale + (size_t)head * hd,
                                        .x = x + 2 * d * ld,
                                        .ld = ld,
                                        .n = hd,
                                        .n_tokens = f->n_tokens};
    f->kernels->quantize_channels(&v);

    /* Softmax may hide a score that is not a number, so values carry it on. */
    const float doubt = not_finite(q.r, f->n_tokens) + not_finite(k.r, f->n_tokens);
    for (uint32_t c = 0; c < hd; c++)
        v.r[c] += doubt;
}

void vit158_int_heads_fill(vit158_forward *f)
{
    f->pool->run(f->pool, fill_head, f, f->model->info.heads);
}

/* The probabilities that the integers stand for, [N][VIT158_QUERY_TILE]. */
static void expand_probabilities(float *out, const int16_t *p, uint32_t n_keys)
{
    const float step = 1.0F / VIT158_I16_LEVELS;
    for (size_t j = 0; j < n_keys; j++)
        for (size_t t = 0; t < VIT158_QUERY_TILE; t++)
            out[j * VIT158_QUERY_TILE + t] =
                (float)p[(j / 2 * VIT158_QUERY_TILE + t) * 2 + j % 2] * step;
}

void vit158_int_attend_tile(const vit158_forward *f, uint32_t head, uint32_t first,
                            uint32_t queries, float factor, void *scratch)
{
    const vit158_kernels *kernels = f->kernels;
    const vit158_int_heads *heads = &f->heads;
    const size_t ld = f->ld;
    const uint32_t n = f->n_tokens;
    const uint32_t hd = f->model->info.dim / f->model->info.heads;
    const size_t pair_matrix = pairs_of(f->model) * ld * 2;
    const size_t row = (size_t)head * hd;
    float *scores = scratch;
    int16_t *probabilities = (int16_t *)(void *)((uint8_t *)scratch + vit158_score_bytes(n));

    const vit158_gemm_i16 score_product = {.y = scores,
                                           .ldy = VIT158_QUERY_TILE,
                                           .a = heads->k + head * pair_matrix,
                                           .a_row = 2,
                                           .a_pair = 2 * ld,
                                           .b = heads->q + head * pair_matrix + (size_t)2 * first,
                                           .ldb = ld,
                                           .row_scale = heads->k_scale + head * ld,
                                           .column_scale = heads->q_scale + head * ld + first,
                                           .row_step = 1,
                                           .column_step = 1,
                                           .n_in = hd,
                                           .n_out = n};
    kernels->i16(&score_product, 0, queries);
    const vit158_softmax_i16 softmax = {
        .p = probabilities, .s = scores, .ld = VIT158_QUERY_TILE, .n_rows = n, .factor = factor};
    kernels->softmax_i16(&softmax, 0, queries);
    static const float probability_step = 1.0F / VIT158_I16_LEVELS;
    const vit158_gemm_i16 value_product = {.y = f->attended + row * ld + first,
                                           .ldy = ld,
                                           .a = heads->v + row * ld,
                                           .a_row = ld,
                                           .a_pair = 2,
                                           .b = probabilities,
                                           .ldb = VIT158_QUERY_TILE,
                                           .row_scale = heads->v_scale + row,
                                           .column_scale = &probability_step,
                                           .row_step = 1,
                                           .column_step = 0,
                                           .n_in = n,
                                           .n_out = hd};
    kernels->i16(&value_product, 0, queries);
    if (f->explain != NULL)
        expand_probabilities(scores, probabilities, n);
}
