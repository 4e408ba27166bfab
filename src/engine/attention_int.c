/* SPDX-License-Identifier: MIT */
#include "engine/attention_int.h"

#include <math.h>

#include "base/numerics.h"
#include "engine/linear.h"

bool vit158_attention_is_int(const vit158_model *model, uint32_t block)
{
    return model->info.tokens >= VIT158_INT_ATTENTION_TOKENS &&
           model->info.head_dim <= VIT158_I16_MAX_HEAD &&
           vit158_linear_is_quantized(&model->blocks[block].qkv);
}

static size_t pairs_of(const vit158_model *model)
{
    return (model->info.head_dim + 1) / 2;
}

vit158_int_heads vit158_int_heads_plan(vit158_arena *arena, const vit158_model *model,
                                       uint32_t n_tokens)
{
    const size_t ld = vit158_token_stride(n_tokens);
    const size_t n_heads = model->info.heads;
    const size_t d = model->info.dim;
    return (vit158_int_heads){
        .q = vit158_arena_take(arena, n_heads * pairs_of(model), ld * 2 * sizeof(int16_t)),
        .k = vit158_arena_take(arena, n_heads * pairs_of(model), ld * 2 * sizeof(int16_t)),
        .v = vit158_arena_take(arena, d, ld * sizeof(int16_t)),
        .q_scale = vit158_arena_take(arena, n_heads, ld * sizeof(float)),
        .k_scale = vit158_arena_take(arena, n_heads, ld * sizeof(float)),
        .v_scale = vit158_arena_take(arena, d, sizeof(float)),
        .doubt = vit158_arena_take(arena, n_heads, 2 * sizeof(float)),
    };
}

/* The largest step of queries and keys; their values are then below 2.1e24. Larger ones, and what
 * is not finite, end in VIT158_E_NUMERIC: what a query below VIT158_I16_FLOOR loses could matter.
 */
#define LARGEST_STEP 1e21F

/* 0, or NaN if one of the steps is too large or no number. */
static float doubt_of(const float *steps, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!(steps[i] <= LARGEST_STEP))
            return NAN;
    return 0.0F;
}

typedef struct fill_job {
    const vit158_forward *f;
    uint32_t n_tokens;
    uint32_t width; /* channels of queries, keys and values each */
} fill_job;

/* What a task fills of a head. */
enum { FILL_Q, FILL_K, FILL_V, FILLS };

/* Queries or keys of a head, and whether their steps are in doubt. */
static void fill_pairs(const fill_job *job, uint32_t head, uint32_t which)
{
    const vit158_forward *f = job->f;
    const vit158_int_heads *heads = &f->heads;
    const uint32_t hd = f->model->info.head_dim;
    const vit158_quantize_tokens tokens = {
        .y = (which == FILL_Q ? heads->q : heads->k) + head * pairs_of(f->model) * f->ld * 2,
        .r = (which == FILL_Q ? heads->q_scale : heads->k_scale) + head * f->ld,
        .x = f->wide + ((size_t)which * job->width + (size_t)head * hd) * f->ld,
        .ld = f->ld,
        .n = hd};
    f->kernels->quantize_tokens(&tokens, 0, job->n_tokens);
    heads->doubt[head * 2 + which] = doubt_of(tokens.r, job->n_tokens);
}

static void fill_values(const fill_job *job, uint32_t head)
{
    const vit158_forward *f = job->f;
    const uint32_t hd = f->model->info.head_dim;
    const size_t first = (size_t)head * hd;
    const vit158_quantize_channels channels = {.y = f->heads.v + first * f->ld,
                                               .r = f->heads.v_scale + first,
                                               .x = f->wide +
                                                    (2 * (size_t)job->width + first) * f->ld,
                                               .ld = f->ld,
                                               .n = hd,
                                               .n_tokens = job->n_tokens};
    f->kernels->quantize_channels(&channels);
}

static void fill_task(void *context, uint32_t task, uint32_t worker)
{
    const fill_job *job = context;
    (void)worker;
    if (task % FILLS == FILL_V)
        fill_values(job, task / FILLS);
    else
        fill_pairs(job, task / FILLS, task % FILLS);
}

void vit158_int_heads_fill(vit158_forward *f, const vit158_step *step)
{
    const vit158_block *block = &f->model->blocks[step->block];
    const uint32_t hd = f->model->info.head_dim;
    fill_job job = {.f = f, .n_tokens = step->tokens_in, .width = block->proj.n_in};
    f->pool->run(f->pool, fill_task, &job, block->heads * FILLS);

    /* No score shows what was lost before, so values carry it on. */
    for (uint32_t c = 0; c < job.width; c++)
        f->heads.v_scale[c] += f->heads.doubt[c / hd * 2] + f->heads.doubt[c / hd * 2 + 1];
}

/* Probability of key j for the tile's query t. */
static int16_t *pair_entry(const vit158_tile *tile, size_t j, size_t t)
{
    return tile->pairs + (j / 2 * tile->ld + t) * 2 + j % 2;
}

void vit158_int_expand(const vit158_tile *tile)
{
    const float step = 1.0F / VIT158_I16_LEVELS;
    for (size_t j = 0; j < tile->n_keys; j++)
        for (size_t t = 0; t < tile->queries; t++)
            tile->scores[j * tile->ld + t] = (float)*pair_entry(tile, j, t) * step;
}

void vit158_int_take_back(const vit158_tile *tile)
{
    for (size_t j = 0; j < tile->n_keys; j++)
        for (size_t t = 0; t < tile->queries; t++) {
            const float p = tile->scores[j * tile->ld + t];
            *pair_entry(tile, j, t) = vit158_quantize_i16(p, VIT158_I16_LEVELS);
            tile->steps[t] += p - p;
        }
}

static void int_scores(const vit158_forward *f, const vit158_tile *tile)
{
    const vit158_int_heads *heads = &f->heads;
    const size_t ld = f->ld;
    const size_t pair_matrix = pairs_of(f->model) * ld * 2;
    const vit158_gemm_i16 product = {.y = tile->scores,
                                     .ldy = tile->ld,
                                     .a = heads->k + tile->head * pair_matrix,
                                     .a_row = 2,
                                     .a_pair = 2 * ld,
                                     .b = heads->q + tile->head * pair_matrix +
                                          (size_t)2 * tile->first,
                                     .ldb = ld,
                                     .row_scale = heads->k_scale + tile->head * ld,
                                     .column_scale = heads->q_scale + tile->head * ld + tile->first,
                                     .row_step = 1,
                                     .column_step = 1,
                                     .n_in = f->model->info.head_dim,
                                     .n_out = tile->n_keys};
    f->kernels->i16(&product, 0, tile->queries);
}

static void int_softmax(const vit158_forward *f, const vit158_tile *tile, float factor)
{
    const vit158_softmax_i16 softmax = {.p = tile->pairs,
                                        .r = tile->steps,
                                        .s = tile->scores,
                                        .ld = tile->ld,
                                        .n_rows = tile->n_keys,
                                        .factor = factor,
                                        .bias = f->log_sizes};
    f->kernels->softmax_i16(&softmax, 0, tile->queries);
}

static void int_values(const vit158_forward *f, const vit158_tile *tile)
{
    const size_t ld = f->ld;
    const uint32_t hd = f->model->info.head_dim;
    const size_t row = (size_t)tile->head * hd;
    const vit158_gemm_i16 product = {.y = f->attended + row * ld + tile->first,
                                     .ldy = ld,
                                     .a = f->heads.v + row * ld,
                                     .a_row = ld,
                                     .a_pair = 2,
                                     .b = tile->pairs,
                                     .ldb = tile->ld,
                                     .row_scale = f->heads.v_scale + row,
                                     .column_scale = tile->steps,
                                     .row_step = 1,
                                     .column_step = 1,
                                     .n_in = tile->n_keys,
                                     .n_out = hd};
    f->kernels->i16(&product, 0, tile->queries);
}

const vit158_attention_kind vit158_attention_int = {int_scores, int_softmax, int_values};
