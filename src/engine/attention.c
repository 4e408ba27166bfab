/* SPDX-License-Identifier: MIT */
#include "engine/attention.h"

#include <math.h>

#include "engine/rollout.h"

typedef struct attention_job {
    vit158_forward *f;
    uint32_t block;
    uint32_t n_queries;
    uint32_t tiles;
    uint32_t head_dim;
    float factor; /* 1 / sqrt(head_dim) */
    bool integer;
} attention_job;

static void float_attend_tile(const attention_job *job, uint32_t head, uint32_t first,
                              uint32_t queries, float *scores)
{
    const vit158_forward *f = job->f;
    const vit158_kernels *kernels = f->kernels;
    const size_t d = f->model->info.dim;
    const size_t ld = f->ld;
    const uint32_t n = f->n_tokens;
    const size_t row = (size_t)head * job->head_dim;
    const float *q = f->wide + row * ld;
    const float *k = f->wide + (d + row) * ld;
    const float *v = f->wide + (2 * d + row) * ld;
    void *scratch = (uint8_t *)scores + vit158_score_bytes(n);

    const vit158_gemm_f32 score_product = {.y = scores,
                                           .ldy = VIT158_QUERY_TILE,
                                           .a = k,
                                           .a_row = 1,
                                           .a_col = ld,
                                           .b = q + first,
                                           .ldb = ld,
                                           .n_in = job->head_dim,
                                           .n_out = n,
                                           .epilogue = VIT158_STORE};
    kernels->f32.run(&score_product, 0, queries, 0, n, scratch);
    const vit158_softmax softmax = {
        .s = scores, .ld = VIT158_QUERY_TILE, .n_rows = n, .factor = job->factor};
    kernels->softmax(&softmax, 0, queries);
    const vit158_gemm_f32 value_product = {.y = f->attended + row * ld + first,
                                           .ldy = ld,
                                           .a = v,
                                           .a_row = ld,
                                           .a_col = 1,
                                           .b = scores,
                                           .ldb = VIT158_QUERY_TILE,
                                           .n_in = n,
                                           .n_out = job->head_dim,
                                           .epilogue = VIT158_STORE};
    kernels->f32.run(&value_product, 0, queries, 0, job->head_dim, scratch);
}

/* One tile of queries of one head; leaves the tile's probabilities in the worker's scratch (of
 * int16 attention only when explaining). */
static const float *attend_tile(const attention_job *job, uint32_t head, uint32_t tile,
                                uint32_t worker)
{
    const uint32_t first = tile * VIT158_QUERY_TILE;
    const uint32_t left = job->n_queries - first;
    const uint32_t queries = left < VIT158_QUERY_TILE ? left : VIT158_QUERY_TILE;
    void *scratch = vit158_scratch(job->f, worker);
    if (job->integer)
        vit158_int_attend_tile(job->f, head, first, queries, job->factor, scratch);
    else
        float_attend_tile(job, head, first, queries, scratch);
    return scratch;
}

static void attend_task(void *context, uint32_t task, uint32_t worker)
{
    const attention_job *job = context;
    attend_tile(job, task / job->tiles, task % job->tiles, worker);
}

/* When explaining, a task is a tile with all its heads: heads add into the same mean. */
static void explain_task(void *context, uint32_t task, uint32_t worker)
{
    const attention_job *job = context;
    const uint32_t heads = job->f->model->info.heads;
    for (uint32_t head = 0; head < heads; head++) {
        const float *scores = attend_tile(job, head, task, worker);
        vit158_explain_tile(job->f, job->block, head, task * VIT158_QUERY_TILE, job->n_queries,
                            scores);
    }
}

void vit158_attend(vit158_forward *f, uint32_t block, uint32_t n_queries)
{
    const vit158_model_info *info = &f->model->info;
    const uint32_t head_dim = info->dim / info->heads;
    attention_job job = {.f = f,
                         .block = block,
                         .n_queries = n_queries,
                         .tiles = (n_queries + VIT158_QUERY_TILE - 1) / VIT158_QUERY_TILE,
                         .head_dim = head_dim,
                         .factor = 1.0F / sqrtf((float)head_dim),
                         .integer = vit158_attention_is_int(f->model, block)};
    if (job.integer)
        vit158_int_heads_fill(f);
    if (f->explain != NULL) {
        f->pool->run(f->pool, explain_task, &job, job.tiles);
        vit158_explain_block(f, block);
    } else {
        f->pool->run(f->pool, attend_task, &job, job.tiles * info->heads);
    }
}

size_t vit158_attention_scratch(const vit158_kernels *kernels, uint32_t n_tokens, uint32_t head_dim)
{
    const size_t scores = kernels->f32.scratch(head_dim, n_tokens, VIT158_QUERY_TILE);
    const size_t values = kernels->f32.scratch(n_tokens, head_dim, VIT158_QUERY_TILE);
    const size_t products = scores > values ? scores : values;
    /* Int16 probabilities take the place of the products' scratch. */
    const size_t pairs = (size_t)(n_tokens + 1) / 2 * VIT158_QUERY_TILE * 2 * sizeof(int16_t);
    return vit158_score_bytes(n_tokens) + (products > pairs ? products : pairs);
}
