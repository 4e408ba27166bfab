/* SPDX-License-Identifier: MIT
 *
 * See head_fit.h. The regression starts at 0, so it needs no seed but for the order of batches.
 */
#include "train/head_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/rng.h"
#include "train/loss.h"
#include "train/pass.h"

#define BATCH 64U
#define PEAK_LR 5e-3F
#define DECAY 1e-2F
#define HALF_TURN 3.14159265358979323846

void vit158_train_embeddings_free(vit158_train_embeddings *e)
{
    free(e->rows);
    free(e->labels);
    *e = (vit158_train_embeddings){0};
}

typedef struct embed_job {
    vit158_trainer *t;
    vit158_train_embeddings *out;
    uint32_t copy;
    const volatile int *stop;
} embed_job;

static void embed_task(void *context, uint32_t task, uint32_t worker)
{
    const embed_job *job = context;
    vit158_trainer *t = job->t;
    vit158_train_workspace *workspace = &t->workspace[worker];
    const uint32_t first = task * t->recipe.microbatch, left = t->train.count - first;
    const vit158_train_place place = {.epoch = job->copy,
                                      .first = first,
                                      .count = left < t->recipe.microbatch ? left
                                                                           : t->recipe.microbatch};
    if (job->stop != NULL && *job->stop)
        return;
    vit158_train_feed_microbatch(&t->feeder, &t->feed[worker], workspace, &place);
    const vit158_train_pass pass = {.net = &t->net,
                                    .packed = &t->packed,
                                    .compute = t->compute,
                                    .workspace = workspace,
                                    .half = vit158_train_half(t->half, &t->net)};
    vit158_train_forward(&pass);
    const uint32_t d = job->out->dim, row = job->copy * t->train.count + first, n = place.count;
    memcpy(job->out->rows + (size_t)row * d, workspace->features, (size_t)n * d * sizeof(float));
    memcpy(job->out->labels + row, t->feed[worker].labels, n * sizeof(uint16_t));
}

vit158_status vit158_train_embed(vit158_train_embeddings *out, vit158_trainer *t, uint32_t copies,
                                 const volatile int *stop, vit158_error *error)
{
    const vit158_train_augment augment = t->recipe.augment;
    const uint32_t count = t->train.count;
    *out = (vit158_train_embeddings){.count = copies * count, .dim = t->net.config.dim};
    out->rows = calloc(((size_t)out->count + VIT158_TRAIN_TILE_ROWS) * out->dim, sizeof *out->rows);
    out->labels = calloc(out->count, sizeof *out->labels);
    if (out->rows == NULL || out->labels == NULL) {
        vit158_train_embeddings_free(out);
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for the embeddings of %u images",
                           copies * count);
    }
    for (uint32_t copy = 0; copy < copies; copy++) {
        embed_job job = {t, out, copy, stop};
        t->recipe.augment = copy == 0 ? (vit158_train_augment){.mixup_alpha = 1.0F} : augment;
        t->recipe.augment.mix = 0.0F;
        vit158_train_feed_order(&t->feeder, copy);
        t->pool->run(t->pool, embed_task, &job,
                     (count + t->recipe.microbatch - 1) / t->recipe.microbatch);
    }
    t->recipe.augment = augment;
    return VIT158_OK;
}

/* ---- The regression ---- */

typedef struct fit {
    vit158_trainer *t;
    const vit158_train_embeddings *e;
    uint32_t *order;
    size_t ld;          /* of logits */
    float *rows;        /* [BATCH + spare][dim] */
    float *logits;      /* [BATCH + spare][ld] */
    float *d_logits;    /* the same */
    float *target;      /* [classes] */
    float *panels;      /* of the head */
    float *d_weight;    /* [classes + spare][dim] */
    float *d_bias;      /* [ld] */
    float *m[2], *v[2]; /* of weight and bias */
} fit;

static bool plan(fit *f, vit158_arena *arena)
{
    const uint32_t d = f->e->dim, classes = f->t->net.config.classes;
    f->ld = vit158_train_round_up(classes, 16);
    f->order = vit158_arena_take(arena, f->e->count, sizeof *f->order);
    f->rows = vit158_train_take_rows(arena, BATCH, d);
    f->logits = vit158_train_take_rows(arena, BATCH, f->ld);
    f->d_logits = vit158_train_take_rows(arena, BATCH, f->ld);
    f->target = vit158_arena_take(arena, classes, sizeof(float));
    f->panels = vit158_arena_take(arena, vit158_train_panel_words(d, classes), sizeof(float));
    f->d_weight = vit158_train_take_rows(arena, classes, d);
    f->d_bias = vit158_arena_take(arena, f->ld, sizeof(float));
    for (int i = 0; i < 2; i++) {
        const size_t count = i == 0 ? (size_t)classes * d : f->ld;
        f->m[i] = vit158_arena_take(arena, count, sizeof(float));
        f->v[i] = vit158_arena_take(arena, count, sizeof(float));
    }
    return !arena->overflow;
}

/* Gradients of the mean loss over `n` rows; returns how many of them are answered rightly. */
static uint32_t gradient(fit *f, const uint32_t *which, uint32_t n)
{
    const vit158_train_net *net = &f->t->net;
    const vit158_train_compute *compute = f->t->compute;
    const uint32_t d = f->e->dim, classes = net->config.classes;
    const float *weight = f->t->parameters + net->head_weight,
                smoothing = f->t->recipe.label_smoothing;
    uint32_t right = 0;
    for (uint32_t i = 0; i < n; i++)
        memcpy(f->rows + (size_t)i * d, f->e->rows + (size_t)which[i] * d, d * sizeof(float));
    compute->pack(f->panels, weight, 1, d, d, classes);
    vit158_train_product p = {.y = f->logits,
                              .ldy = f->ld,
                              .a = f->rows,
                              .a_row = d,
                              .a_step = 1,
                              .b = f->panels,
                              .rows = n,
                              .cols = classes,
                              .depth = d,
                              .bias = f->t->parameters + net->head_bias,
                              .factor = 1.0F};
    compute->product(&p);
    for (uint32_t i = 0; i < n; i++) {
        const float *z = f->logits + i * f->ld;
        const uint32_t label = f->e->labels[which[i]];
        for (uint32_t c = 0; c < classes; c++)
            f->target[c] = smoothing / (float)classes + (c == label ? 1.0F - smoothing : 0.0F);
        const vit158_train_loss loss = {
            .logits = z, .target = f->target, .classes = classes, .temperature = 1.0F};
        vit158_train_loss_gradient(f->d_logits + i * f->ld, &loss, 1.0F / (float)n);
        right += vit158_train_largest_logit(z, classes) == label;
    }
    p = (vit158_train_product){.y = f->d_weight,
                               .ldy = d,
                               .a = f->d_logits,
                               .a_row = 1,
                               .a_step = f->ld,
                               .b = f->rows,
                               .ldb = d,
                               .rows = classes,
                               .cols = d,
                               .depth = n,
                               .factor = 1.0F};
    compute->product(&p);
    memset(f->d_bias, 0, f->ld * sizeof(float));
    compute->column_sums(f->d_bias, f->d_logits, f->ld, n, classes, 1.0F);
    return right;
}

static void update(fit *f, uint64_t step, double progress)
{
    const vit158_train_net *net = &f->t->net;
    const uint32_t classes = net->config.classes;
    vit158_train_adamw how = {.lr = PEAK_LR * (float)(0.5 * (1.0 + cos(HALF_TURN * progress))),
                              .beta1 = 0.9F,
                              .beta2 = 0.99F,
                              .eps = 1e-8F,
                              .decay = DECAY,
                              .correct1 = (float)(1.0 / (1.0 - pow(0.9, (double)step))),
                              .correct2 = (float)(1.0 / (1.0 - pow(0.99, (double)step)))};
    f->t->compute->adamw(f->t->parameters + net->head_weight, f->d_weight, f->m[0], f->v[0],
                         (size_t)classes * f->e->dim, &how);
    how.decay = 0.0F;
    f->t->compute->adamw(f->t->parameters + net->head_bias, f->d_bias, f->m[1], f->v[1], classes,
                         &how);
}

static double run(fit *f, uint32_t epochs)
{
    const uint32_t count = f->e->count, steps = (count + BATCH - 1) / BATCH;
    vit158_rng rng = vit158_rng_seed(f->t->recipe.seed);
    uint64_t step = 0, right = 0;
    for (uint32_t i = 0; i < count; i++)
        f->order[i] = i;
    for (uint32_t epoch = 0; epoch < epochs; epoch++) {
        right = 0;
        for (uint32_t i = count; i > 1; i--) {
            const uint32_t j = vit158_rng_below(&rng, i), swap = f->order[i - 1];
            f->order[i - 1] = f->order[j];
            f->order[j] = swap;
        }
        for (uint32_t at = 0; at < count; at += BATCH) {
            right += gradient(f, f->order + at, count - at < BATCH ? count - at : BATCH);
            step++;
            update(f, step, (double)step / ((double)steps * epochs));
        }
    }
    return (double)right / count;
}

vit158_status vit158_train_head_fit(double *accuracy, vit158_trainer *t,
                                    const vit158_train_embeddings *e, uint32_t epochs,
                                    vit158_error *error)
{
    const vit158_train_net *net = &t->net;
    fit f = {.t = t, .e = e};
    vit158_arena arena = {0};
    void *block = plan(&f, &arena) ? aligned_alloc(VIT158_ARENA_ALIGN, arena.used) : NULL;
    if (block == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory to fit a head to %u embeddings",
                           e->count);
    memset(block, 0, arena.used);
    arena = vit158_arena_over(block, arena.used);
    plan(&f, &arena);
    memset(t->parameters + net->head_weight, 0,
           (size_t)net->config.classes * e->dim * sizeof(float));
    memset(t->parameters + net->head_bias, 0, net->config.classes * sizeof(float));
    *accuracy = run(&f, epochs);
    memcpy(t->average, t->parameters, net->parameters * sizeof(float));
    vit158_trainer_pack(t, t->parameters);
    free(block);
    return VIT158_OK;
}
