/* SPDX-License-Identifier: MIT */
#include "train/optimiser.h"

#include <math.h>
#include <string.h>

#include "train/multiply.h"

#define NEWTON_SCHULZ_STEPS 5
/* Jordan's quintic: steep at 0, singular values end within about 0.7 .. 1.2. */
#define QUINTIC_A 3.4445F
#define QUINTIC_B (-4.7750F)
#define QUINTIC_C 2.0315F

static size_t side_scratch(size_t rows, size_t cols)
{
    const size_t small = rows < cols ? rows : cols, large = rows < cols ? cols : rows;
    const size_t square = vit158_train_multiply_scratch(small, small, large);
    const size_t wide = vit158_train_multiply_scratch(small, large, small);
    return 2 * small * large + 2 * small * small + (square > wide ? square : wide) +
           VIT158_TRAIN_TILE_ROWS * (2 * large + 2 * small);
}

size_t vit158_train_muon_scratch(const vit158_train_net *net)
{
    size_t most = 0;
    for (uint32_t i = 0; i < net->tensor_count; i++) {
        const vit158_train_tensor *t = &net->tensors[i];
        const size_t rows = t->rows / t->pieces;
        const size_t need = side_scratch(rows, t->cols) + rows * t->cols;
        if (t->matrix && need > most)
            most = need;
    }
    return most;
}

/* Copies the upper triangle of x [n][n] into the lower one. */
static void mirror(float *x, uint32_t n)
{
    for (uint32_t r = 1; r < n; r++)
        for (uint32_t c = 0; c < r; c++)
            x[(size_t)r * n + c] = x[(size_t)c * n + r];
}

void vit158_train_orthogonalise(const vit158_train_compute *compute, bool half, float *u,
                                uint32_t rows, uint32_t cols, float *scratch)
{
    const uint32_t n = rows < cols ? rows : cols, k = rows < cols ? cols : rows;
    float *x = scratch, *next = x + (n + VIT158_TRAIN_TILE_ROWS) * (size_t)k;
    float *a = next + (n + VIT158_TRAIN_TILE_ROWS) * (size_t)k;
    float *b = a + (n + VIT158_TRAIN_TILE_ROWS) * (size_t)n;
    float *operands = b + (n + VIT158_TRAIN_TILE_ROWS) * (size_t)n;
    const float scale =
        1.0F / ((float)sqrt(compute->sum_of_squares(u, (size_t)rows * cols)) + 1e-7F);
    for (uint32_t r = 0; r < n; r++)
        for (uint32_t c = 0; c < k; c++)
            x[(size_t)r * k + c] =
                scale * (rows <= cols ? u[(size_t)r * cols + c] : u[(size_t)c * cols + r]);
    for (int step = 0; step < NEWTON_SCHULZ_STEPS; step++) {
        vit158_train_product p = {.y = a,
                                  .ldy = n,
                                  .a = x,
                                  .a_row = k,
                                  .a_step = 1,
                                  .rows = n,
                                  .cols = n,
                                  .depth = k,
                                  .factor = 1.0F,
                                  .upper = true};
        vit158_train_multiply(compute, half, &p, x, true, operands); /* a = x x^T */
        mirror(a, n);
        p = (vit158_train_product){.y = b,
                                   .ldy = n,
                                   .a = a,
                                   .a_row = n,
                                   .a_step = 1,
                                   .rows = n,
                                   .cols = n,
                                   .depth = n,
                                   .factor = QUINTIC_C,
                                   .upper = true};
        vit158_train_multiply(compute, half, &p, a, false, operands);
        mirror(b, n);
        compute->combine(b, a, (size_t)n * n, 1.0F, QUINTIC_B); /* b = B a + C a a */
        memcpy(next, x, (size_t)n * k * sizeof *x);
        compute->combine(next, next, (size_t)n * k, 0.0F, QUINTIC_A);
        p = (vit158_train_product){.y = next,
                                   .ldy = k,
                                   .a = b,
                                   .a_row = n,
                                   .a_step = 1,
                                   .rows = n,
                                   .cols = k,
                                   .depth = n,
                                   .factor = 1.0F,
                                   .base = next,
                                   .base_ld = k};
        vit158_train_multiply(compute, half, &p, x, false, operands); /* next = A x + b x */
        float *swap = x;
        x = next;
        next = swap;
    }
    for (uint32_t r = 0; r < n; r++)
        for (uint32_t c = 0; c < k; c++)
            *(rows <= cols ? &u[(size_t)r * cols + c] : &u[(size_t)c * cols + r]) =
                x[(size_t)r * k + c];
}

typedef struct update_job {
    const vit158_train_optimiser *o;
    const vit158_train_optimiser_step *s;
    float *parameters;
    const float *gradient;
} update_job;

static void muon_piece(const update_job *job, const vit158_train_tensor *t, uint32_t piece,
                       uint32_t worker)
{
    const vit158_train_optimiser *o = job->o;
    const vit158_train_optimiser_step *s = job->s;
    const uint32_t rows = t->rows / t->pieces;
    const size_t count = (size_t)rows * t->cols, at = t->offset + piece * count;
    float *m = o->m + at, *u = o->scratch[worker];
    o->compute->combine(m, job->gradient + at, count, s->muon_beta, 1.0F);
    memcpy(u, job->gradient + at, count * sizeof *u);
    o->compute->combine(u, m, count, 1.0F, s->muon_beta);
    vit158_train_orthogonalise(o->compute, o->half, u, rows, t->cols, u + count);
    const float size = 0.2F * sqrtf((float)(rows > t->cols ? rows : t->cols));
    o->compute->combine(job->parameters + at, u, count, 1.0F - s->muon_lr * s->muon_decay,
                        -s->muon_lr * size);
}

static void adamw_tensor(const update_job *job, const vit158_train_tensor *t)
{
    const vit158_train_optimiser_step *s = job->s;
    const bool vector = t->rows == 1 || t->offset == job->o->net->pos;
    const vit158_train_adamw how = {
        .lr = s->lr,
        .beta1 = s->beta1,
        .beta2 = s->beta2,
        .eps = 1e-8F,
        .decay = vector ? 0.0F : s->decay,
        .correct1 = (float)(1.0 / (1.0 - pow(s->beta1, (double)s->step))),
        .correct2 = (float)(1.0 / (1.0 - pow(s->beta2, (double)s->step)))};
    job->o->compute->adamw(job->parameters + t->offset, job->gradient + t->offset,
                           job->o->m + t->offset, job->o->v + t->offset, (size_t)t->rows * t->cols,
                           &how);
}

/* Decay moves weights without a gradient, too: what does not learn is left out. */
static bool learns(const vit158_train_net *net, const vit158_train_tensor *t)
{
    return !net->config.head_only || t->offset == net->norm_weight || t->offset == net->norm_bias ||
           t->offset == net->head_weight || t->offset == net->head_bias;
}

/* Tasks: every piece of every tensor, tensors in order. */
static void update_task(void *context, uint32_t task, uint32_t worker)
{
    const update_job *job = context;
    const vit158_train_net *net = job->o->net;
    for (uint32_t i = 0; i < net->tensor_count; i++) {
        const vit158_train_tensor *t = &net->tensors[i];
        const bool muon = t->matrix && job->o->muon;
        const uint32_t pieces = muon ? t->pieces : 1;
        if (task < pieces) {
            if (!learns(net, t))
                return;
            if (muon)
                muon_piece(job, t, task, worker);
            else
                adamw_tensor(job, t);
            return;
        }
        task -= pieces;
    }
}

void vit158_train_optimiser_update(const vit158_train_optimiser *o,
                                   const vit158_train_optimiser_step *s, float *parameters,
                                   const float *gradient, vit158_pool *pool)
{
    update_job job = {o, s, parameters, gradient};
    uint32_t tasks = 0;
    for (uint32_t i = 0; i < o->net->tensor_count; i++)
        tasks += o->net->tensors[i].matrix && o->muon ? o->net->tensors[i].pieces : 1;
    pool->run(pool, update_task, &job, tasks);
}
