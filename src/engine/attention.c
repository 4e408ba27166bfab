/* SPDX-License-Identifier: MIT */
#include "engine/attention.h"

#include <math.h>

#include "base/sizes.h"
#include "engine/attention_int.h"
#include "engine/rollout.h"
#include "engine/watch.h"

/* ---- Float arithmetic ----------------------------------------------------------------------- */

/* Row of q (part 0), k (1) or v (2) of the tile's head in f->wide. */
static const float *rows_of(const vit158_forward *f, const vit158_tile *tile, uint32_t part)
{
    const size_t row = (size_t)part * tile->width + (size_t)tile->head * f->model->info.head_dim;
    return f->wide + row * f->ld;
}

static void float_scores(const vit158_forward *f, const vit158_tile *tile)
{
    const vit158_gemm_f32 product = {.y = tile->scores,
                                     .ldy = tile->ld,
                                     .a = rows_of(f, tile, 1),
                                     .a_row = 1,
                                     .a_col = f->ld,
                                     .b = rows_of(f, tile, 0) + tile->first,
                                     .ldb = f->ld,
                                     .n_in = f->model->info.head_dim,
                                     .n_out = tile->n_keys,
                                     .epilogue = VIT158_STORE};
    f->kernels->f32.run(&product, 0, tile->queries, 0, tile->n_keys, tile->scratch);
}

static void float_softmax(const vit158_forward *f, const vit158_tile *tile, float factor)
{
    const vit158_softmax softmax = {.s = tile->scores,
                                    .ld = tile->ld,
                                    .n_rows = tile->n_keys,
                                    .factor = factor,
                                    .bias = f->log_sizes};
    f->kernels->softmax(&softmax, 0, tile->queries);
}

static void float_values(const vit158_forward *f, const vit158_tile *tile)
{
    const uint32_t hd = f->model->info.head_dim;
    const vit158_gemm_f32 product = {.y = f->attended + (size_t)tile->head * hd * f->ld +
                                          tile->first,
                                     .ldy = f->ld,
                                     .a = rows_of(f, tile, 2),
                                     .a_row = f->ld,
                                     .a_col = 1,
                                     .b = tile->scores,
                                     .ldb = tile->ld,
                                     .n_in = tile->n_keys,
                                     .n_out = hd,
                                     .epilogue = VIT158_STORE};
    f->kernels->f32.run(&product, 0, tile->queries, 0, hd, tile->scratch);
}

static const vit158_attention_kind attention_float = {float_scores, float_softmax, float_values};

/* ---- A head in tiles ------------------------------------------------------------------------ */

typedef struct attention_job {
    vit158_forward *f;
    const vit158_step *step;
    const vit158_attention_kind *kind;
    uint32_t heads; /* of the block */
    uint32_t tiles;
    float factor; /* 1 / sqrt(head_dim) */
    bool integer;
    uint32_t watched_head;
} attention_job;

/* Bytes of a tile's float scores, [N][VIT158_QUERY_TILE]; they lie first in scratch. */
static size_t score_bytes(uint32_t n_tokens)
{
    return (size_t)n_tokens * VIT158_QUERY_TILE * sizeof(float);
}

static vit158_tile tile_at(const attention_job *job, uint32_t head, uint32_t tile, uint32_t worker,
                           float steps[VIT158_QUERY_TILE])
{
    const uint32_t n = job->step->tokens_in;
    const uint32_t first = tile * VIT158_QUERY_TILE;
    const uint32_t left = job->step->needed - first;
    uint8_t *scratch = vit158_scratch(job->f, worker);
    /* Int16 probabilities take the place of the products' scratch. */
    uint8_t *rest = scratch + score_bytes(n);
    return (vit158_tile){.head = head,
                         .width = job->heads * job->f->model->info.head_dim,
                         .first = first,
                         .queries = left < VIT158_QUERY_TILE ? left : VIT158_QUERY_TILE,
                         .n_keys = n,
                         .ld = VIT158_QUERY_TILE,
                         .scores = (float *)(void *)scratch,
                         .pairs = (int16_t *)(void *)rest,
                         .steps = steps,
                         .scratch = rest};
}

static void attend_tile(const attention_job *job, const vit158_tile *tile)
{
    job->kind->scores(job->f, tile);
    job->kind->softmax(job->f, tile, job->factor);
    job->kind->values(job->f, tile);
}

static void attend_task(void *context, uint32_t task, uint32_t worker)
{
    const attention_job *job = context;
    float steps[VIT158_QUERY_TILE];
    const vit158_tile tile = tile_at(job, task / job->tiles, task % job->tiles, worker, steps);
    attend_tile(job, &tile);
}

/* When explaining, a task is a tile with all its heads: heads add into the same mean. */
static void explain_task(void *context, uint32_t task, uint32_t worker)
{
    const attention_job *job = context;
    for (uint32_t head = 0; head < job->heads; head++) {
        float steps[VIT158_QUERY_TILE];
        const vit158_tile tile = tile_at(job, head, task, worker, steps);
        attend_tile(job, &tile);
        if (job->integer)
            vit158_int_expand(&tile);
        vit158_explain_tile(job->f, job->step->block, &tile);
    }
}

/* ---- Observed heads ------------------------------------------------------------------------- */

/* A tile whose scores and probabilities are columns of whole matrices of the observer's. */
static vit158_tile watched_tile(const attention_job *job, uint32_t task, uint32_t worker)
{
    float *steps = job->f->watch->steps + (size_t)task * VIT158_QUERY_TILE;
    vit158_tile tile = tile_at(job, job->watched_head, task, worker, steps);
    tile.ld = job->f->ld;
    tile.scores = job->f->watch->scores + tile.first;
    tile.pairs = job->f->watch->pairs + (size_t)2 * tile.first;
    return tile;
}

static void watched_scores_task(void *context, uint32_t task, uint32_t worker)
{
    const attention_job *job = context;
    const vit158_tile tile = watched_tile(job, task, worker);
    job->kind->scores(job->f, &tile);
    for (size_t j = 0; j < tile.n_keys; j++)
        for (uint32_t t = 0; t < tile.queries; t++)
            tile.scores[j * tile.ld + t] *= job->factor;
}

static void watched_softmax_task(void *context, uint32_t task, uint32_t worker)
{
    const attention_job *job = context;
    const vit158_tile tile = watched_tile(job, task, worker);
    job->kind->softmax(job->f, &tile, 1.0F);
    if (job->integer)
        vit158_int_expand(&tile);
}

static void watched_values_task(void *context, uint32_t task, uint32_t worker)
{
    const attention_job *job = context;
    const vit158_tile tile = watched_tile(job, task, worker);
    if (job->integer)
        vit158_int_take_back(&tile);
    job->kind->values(job->f, &tile);
}

static void show_head(const attention_job *job, vit158_site site)
{
    if (vit158_watches(job->f, site))
        vit158_watch_show(job->f, (vit158_sight){.site = site,
                                                 .layer = VIT158_LAYER_QKV,
                                                 .block = job->step->block,
                                                 .head = job->watched_head,
                                                 .rows = job->step->tokens_in,
                                                 .tokens = job->step->needed,
                                                 .ld = job->f->ld,
                                                 .values = job->f->watch->scores});
}

static void attend_watched(attention_job *job)
{
    vit158_pool *pool = job->f->pool;
    for (job->watched_head = 0; job->watched_head < job->heads; job->watched_head++) {
        pool->run(pool, watched_scores_task, job, job->tiles);
        show_head(job, VIT158_SITE_SCORES);
        pool->run(pool, watched_softmax_task, job, job->tiles);
        show_head(job, VIT158_SITE_PROBABILITIES);
        pool->run(pool, watched_values_task, job, job->tiles);
    }
}

/* ---- All heads ------------------------------------------------------------------------------ */

void vit158_attend(vit158_forward *f, const vit158_step *step)
{
    const bool integer = vit158_attention_is_int(f->model, step->block);
    attention_job job = {.f = f,
                         .step = step,
                         .kind = integer ? &vit158_attention_int : &attention_float,
                         .heads = f->model->blocks[step->block].heads,
                         .tiles = vit158_pieces(step->needed, VIT158_QUERY_TILE),
                         .factor = 1.0F / sqrtf((float)f->model->info.head_dim),
                         .integer = integer};
    if (integer)
        vit158_int_heads_fill(f, step);
    if (vit158_watches(f, VIT158_SITE_SCORES | VIT158_SITE_PROBABILITIES)) {
        attend_watched(&job);
    } else if (f->explain != NULL) {
        if (!vit158_explain_in_order(f->explain))
            f->pool->run(f->pool, explain_task, &job, job.tiles);
        else
            for (uint32_t tile = 0; tile < job.tiles; tile++)
                explain_task(&job, tile, 0);
        vit158_explain_block(f, step);
    } else {
        f->pool->run(f->pool, attend_task, &job, job.tiles * job.heads);
    }
}

size_t vit158_attention_scratch(const vit158_kernels *kernels, uint32_t n_tokens, uint32_t head_dim)
{
    const size_t scores = kernels->f32.scratch(head_dim, n_tokens, VIT158_QUERY_TILE);
    const size_t values = kernels->f32.scratch(n_tokens, head_dim, VIT158_QUERY_TILE);
    const size_t products = scores > values ? scores : values;
    const size_t pairs = (size_t)(n_tokens + 1) / 2 * VIT158_QUERY_TILE * 2 * sizeof(int16_t);
    return score_bytes(n_tokens) + (products > pairs ? products : pairs);
}
