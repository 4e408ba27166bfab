/* SPDX-License-Identifier: MIT */
#include "engine/merge.h"

#include <string.h>

#include "base/numerics.h"
#include "base/sizes.h"
#include "engine/rollout.h"
#include "engine/steps.h"

/* Even patches of a task, as columns of similarities. */
enum { TILE = 32 };
/* Patches of a task, and rows of one. */
enum { METRIC_PATCHES = 32, TASK_ROWS = 16 };

/* A similarity is at least -1 but for rounding; what is no number comes last. */
#define NO_SIMILARITY (-4.0F)

vit158_merging *vit158_merging_plan(vit158_arena *arena, const vit158_forward *f)
{
    const size_t n = f->ld;
    vit158_merging *m = vit158_arena_take(arena, 1, sizeof *m);
    const vit158_merging planned = {
        .similarity = vit158_arena_take(arena, n, sizeof(float)),
        .best = vit158_arena_take(arena, n, sizeof(uint32_t)),
        .order = vit158_arena_take(arena, n, sizeof(uint32_t)),
        .leaves = vit158_arena_take(arena, n, sizeof(bool)),
        .kept = vit158_arena_take(arena, n, sizeof(uint32_t)),
        .now = vit158_arena_take(arena, n, sizeof(uint32_t)),
        .grow = vit158_arena_take(arena, n, sizeof(uint32_t)),
        .moves = vit158_arena_take(arena, n, sizeof(vit158_merge_move)),
        .totals = vit158_arena_take(arena, n, sizeof(float)),
        .log_sizes = vit158_arena_take(arena, n, sizeof(float)),
    };
    if (m != NULL)
        *m = planned;
    return m;
}

/* ---- Which tokens are alike ----------------------------------------------------------------- */

typedef struct match_job {
    const vit158_forward *f;
    vit158_merge_metric metric;
    uint32_t patches;
    uint32_t n_even;
    uint32_t n_odd;
} match_job;

static uint32_t patches_of(const vit158_forward *f, const vit158_step *step)
{
    return step->tokens_in - f->model->info.prefix_tokens;
}

static match_job match_begin(const vit158_forward *f, const vit158_step *step)
{
    const vit158_model_info *info = &f->model->info;
    const vit158_block *block = &f->model->blocks[step->block];
    const uint32_t patches = patches_of(f, step);
    const size_t matrix = block->proj.n_in * (size_t)f->ld;
    /* Attention has used up the values, and the projection what came of them. */
    return (match_job){.f = f,
                       .metric = {.even = f->wide + 2 * matrix,
                                  .odd = f->attended,
                                  .x = f->wide + matrix + info->prefix_tokens,
                                  .ld = f->ld,
                                  .n = info->head_dim,
                                  .heads = block->heads},
                       .patches = patches,
                       .n_even = patches - patches / 2,
                       .n_odd = patches / 2};
}

static void metric_task(void *context, uint32_t task, uint32_t worker)
{
    const match_job *job = context;
    const uint32_t t0 = task * METRIC_PATCHES;
    (void)worker;
    job->f->kernels->merge_metric(&job->metric, t0,
                                  vit158_smaller(t0 + METRIC_PATCHES, job->patches));
}

static void match_task(void *context, uint32_t task, uint32_t worker)
{
    const match_job *job = context;
    const vit158_kernels *kernels = job->f->kernels;
    const vit158_merging *m = job->f->merging;
    const uint32_t first = task * TILE;
    const uint32_t columns = vit158_smaller(job->n_even - first, TILE);
    float *similarities = vit158_scratch(job->f, worker); /* [n_odd][TILE] */
    const vit158_gemm_f32 product = {.y = similarities,
                                     .ldy = TILE,
                                     .a = job->metric.odd,
                                     .a_row = 1,
                                     .a_col = job->metric.ld,
                                     .b = job->metric.even + first,
                                     .ldb = job->metric.ld,
                                     .n_in = job->metric.n,
                                     .n_out = job->n_odd};
    kernels->f32.run(&product, 0, columns, 0, job->n_odd, similarities + job->n_odd * (size_t)TILE);
    const vit158_best_row best = {.best = m->similarity + first,
                                  .row = m->best + first,
                                  .s = similarities,
                                  .ld = TILE,
                                  .n_rows = job->n_odd};
    kernels->best_row(&best, 0, columns);
}

size_t vit158_merge_scratch(const vit158_forward *f, const vit158_step *step)
{
    const vit158_model_info *info = &f->model->info;
    const uint32_t n_odd = patches_of(f, step) / 2;
    const size_t match =
        n_odd * (size_t)TILE * sizeof(float) + f->kernels->f32.scratch(info->head_dim, n_odd, TILE);
    const size_t row = step->tokens_in * sizeof(float);
    return match > row ? match : row;
}

/* ---- Which tokens merge --------------------------------------------------------------------- */

/* Marks the `count` even patches of the largest similarities; 0, or NaN if one is no number. */
static float choose(const vit158_merging *m, uint32_t n_even, uint32_t count)
{
    float doubt = 0.0F;
    for (uint32_t a = 0; a < n_even; a++) {
        doubt += m->similarity[a] - m->similarity[a];
        if (!(m->similarity[a] >= NO_SIMILARITY))
            m->similarity[a] = NO_SIMILARITY;
        /* Among those before it, behind all that are as alike. */
        uint32_t place = 0, end = a;
        while (place < end) {
            const uint32_t middle = (place + end) / 2;
            if (m->similarity[m->order[middle]] >= m->similarity[a])
                place = middle + 1;
            else
                end = middle;
        }
        memmove(m->order + place + 1, m->order + place, (a - place) * sizeof *m->order);
        m->order[place] = a;
    }
    for (uint32_t i = 0; i < n_even; i++)
        m->leaves[m->order[i]] = i < count;
    return doubt;
}

/* Where every token goes, and the sizes of those that are left. */
static void arrange(const vit158_forward *f, const vit158_step *step, uint32_t n_even)
{
    vit158_merging *m = f->merging;
    const uint32_t prefix = f->model->info.prefix_tokens;
    vit158_merge_rows *rows = &m->rows;
    *rows = (vit158_merge_rows){.ld = f->ld,
                                .kept = m->kept,
                                .moves = m->moves,
                                .grow = m->grow,
                                .size = f->sizes,
                                .total = m->totals,
                                .n_in = step->tokens_in,
                                .n_out = step->tokens_out,
                                .move_count = step->tokens_in - step->tokens_out};
    uint32_t next = 0;
    for (uint32_t t = 0; t < prefix; t++)
        m->kept[next++] = t;
    for (uint32_t a = 0; a < n_even; a++)
        if (!m->leaves[a])
            m->kept[next++] = prefix + 2 * a;
    const uint32_t first_odd = next;
    for (uint32_t t = prefix + 1; t < step->tokens_in; t += 2)
        m->kept[next++] = t;
    for (uint32_t i = 0; i < next; i++) {
        m->now[m->kept[i]] = i;
        m->totals[i] = f->sizes[m->kept[i]];
    }
    vit158_merge_move *move = m->moves;
    for (uint32_t a = 0; a < n_even; a++) {
        if (!m->leaves[a])
            continue;
        *move = (vit158_merge_move){.from = prefix + 2 * a, .into = first_odd + m->best[a]};
        m->now[move->from] = move->into;
        m->totals[move->into] += f->sizes[move->from];
        move++;
    }
    for (uint32_t i = first_odd; i < next; i++)
        if (m->totals[i] > f->sizes[m->kept[i]])
            m->grow[rows->grow_count++] = i;
}

/* ---- The step ------------------------------------------------------------------------------- */

typedef struct rows_job {
    const vit158_forward *f;
    vit158_merge_rows rows;
    uint32_t row_count;
} rows_job;

static void rows_task(void *context, uint32_t task, uint32_t worker)
{
    const rows_job *job = context;
    const uint32_t row = task * TASK_ROWS;
    job->f->kernels->merge_rows(&job->rows, row, vit158_smaller(row + TASK_ROWS, job->row_count),
                                vit158_scratch(job->f, worker));
}

/* Merges the columns of a matrix [rows][ld]. */
static void merge_matrix(const vit158_forward *f, float *x, uint32_t rows)
{
    rows_job job = {.f = f, .rows = f->merging->rows, .row_count = rows};
    job.rows.x = x;
    f->pool->run(f->pool, rows_task, &job, vit158_pieces(rows, TASK_ROWS));
}

void vit158_merge(vit158_forward *f, const vit158_step *step)
{
    vit158_merging *m = f->merging;
    match_job job = match_begin(f, step);
    f->pool->run(f->pool, metric_task, &job, vit158_pieces(job.patches, METRIC_PATCHES));
    f->pool->run(f->pool, match_task, &job, vit158_pieces(job.n_even, TILE));
    const float doubt = choose(m, job.n_even, step->tokens_in - step->tokens_out);
    arrange(f, step, job.n_even);
    merge_matrix(f, f->x, f->model->info.dim);
    if (f->explain != NULL) {
        merge_matrix(f, f->explain->previous, f->model->info.tokens);
        vit158_explain_move(f, m->now);
    }
    memcpy(f->sizes, m->totals, step->tokens_out * sizeof *f->sizes);
    for (uint32_t t = 0; t < step->tokens_out; t++) {
        m->log_sizes[t] = vit158_log(m->totals[t]);
        f->x[t] += doubt; /* so that it reaches the result */
    }
    f->log_sizes = m->log_sizes;
}
