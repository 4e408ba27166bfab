/* SPDX-License-Identifier: MIT
 *
 * Memory of a run, its schedule, and evaluation.
 */
#include "train/trainer.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "train/answers.h"
#include "train/loss.h"
#include "train/teacher.h"

static void plan_feed(vit158_train_feed *feed, const vit158_trainer *t, vit158_arena *arena)
{
    const size_t size = vit158_train_dataset_image(&t->train), n = t->recipe.microbatch;
    feed->bytes = vit158_arena_take(arena, 3 * size, 1);
    feed->pixels = vit158_arena_take(arena, n * size, sizeof(float));
    feed->mixed = vit158_arena_take(arena, n * size, sizeof(float));
    feed->targets = vit158_arena_take(arena, n * t->train.classes, sizeof(float));
    feed->taught = vit158_arena_take(arena, n * t->train.classes, sizeof(float));
    feed->channels = vit158_arena_take(arena, t->net.config.dim, sizeof(float));
    feed->labels = vit158_arena_take(arena, n, sizeof(uint16_t));
    feed->order = vit158_arena_take(arena, t->net.tokens, sizeof(uint32_t));
}

static void plan(vit158_trainer *t, vit158_arena *arena)
{
    const size_t count = t->net.parameters;
    t->parameters = vit158_arena_take(arena, count, sizeof(float));
    t->average = vit158_arena_take(arena, count, sizeof(float));
    t->optimiser.m = vit158_arena_take(arena, count, sizeof(float));
    t->optimiser.v = vit158_arena_take(arena, count, sizeof(float));
    t->partial = vit158_arena_take(arena, vit158_train_gradient_chunks(&t->net), sizeof(double));
    t->order = vit158_arena_take(arena, t->train.count, sizeof(uint32_t));
    vit158_train_ready_plan(&t->ready, &t->net, t->recipe.gradient_bits, arena);
    for (uint32_t w = 0; w < t->recipe.threads; w++) {
        vit158_train_work_plan(&t->work[w], &t->net, t->recipe.microbatch, true, arena);
        plan_feed(&t->feed[w], t, arena);
        t->optimiser.scratch[w] =
            vit158_arena_take(arena, vit158_train_muon_scratch(&t->net), sizeof(float));
    }
}

static vit158_status check_data(const vit158_trainer *t, vit158_error *error)
{
    const vit158_train_net_config *c = &t->net.config;
    if (t->train.side != c->image_size || t->train.channels != c->channels)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "training pictures have %u channels and %u pixels a side, the recipe "
                           "says %u and %u",
                           t->train.channels, t->train.side, c->channels, c->image_size);
    if (t->train.count < t->recipe.batch)
        return vit158_fail(error, VIT158_E_ARGUMENT, "%u training pictures are less than a batch",
                           t->train.count);
    if (t->val.count && (t->val.side != t->train.side || t->val.channels != t->train.channels ||
                         t->val.classes != t->train.classes))
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "validation pictures differ from training pictures in shape or classes");
    if (!c->conv && t->recipe.microbatch * t->net.tokens > VIT158_TRAIN_MAX_ROWS)
        return vit158_fail(error, VIT158_E_LIMIT,
                           "microbatch %u times %u tokens is more than %u rows",
                           t->recipe.microbatch, t->net.tokens, VIT158_TRAIN_MAX_ROWS);
    return VIT158_OK;
}

static vit158_status allocate(vit158_trainer *t, vit158_error *error)
{
    vit158_arena arena = {0};
    plan(t, &arena);
    if (arena.overflow)
        return vit158_fail(error, VIT158_E_LIMIT, "the run needs more memory than can be counted");
    t->memory_bytes = arena.used;
    t->block = aligned_alloc(VIT158_ARENA_ALIGN, arena.used);
    if (!t->block)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for a run of %zu bytes", arena.used);
    memset(t->block, 0, arena.used);
    arena = vit158_arena_over(t->block, arena.used);
    plan(t, &arena);
    return VIT158_OK;
}

static vit158_status build(vit158_trainer *t, vit158_error *error)
{
    vit158_train_net_config config = t->recipe.net;
    config.classes = t->train.classes;
    VIT158_RETURN_IF_ERROR(vit158_train_net_create(&t->net, &config, error));
    VIT158_RETURN_IF_ERROR(check_data(t, error));
    t->compute = vit158_train_compute_choose(NULL);
    t->optimiser.net = &t->net;
    t->half = t->recipe.float_bits == 16 && t->compute->half_product;
    t->optimiser.compute = t->compute;
    t->optimiser.half = t->half;
    t->optimiser.muon = t->recipe.muon;
    VIT158_RETURN_IF_ERROR(allocate(t, error));
    VIT158_RETURN_IF_ERROR(vit158_train_workers_create(&t->workers, t->recipe.threads,
                                                       t->recipe.deterministic != 0, error));
    t->pool = vit158_train_workers_pool(t->workers);
    for (uint32_t c = 0; c < t->train.channels; c++)
        for (int i = 0; i < 256; i++)
            t->byte_values[c][i] = ((float)i / 255.0F - t->recipe.mean[c]) / t->recipe.std[c];
    vit158_train_net_initialise(&t->net, t->parameters, t->recipe.seed);
    if (t->recipe.mimetic)
        vit158_train_net_mimetic(&t->net, t->parameters);
    memcpy(t->average, t->parameters, t->net.parameters * sizeof(float));
    t->order_epoch = UINT64_MAX;
    t->state = (vit158_train_state){.finish_start = -1.0, .best = -1.0};
    return VIT158_OK;
}

vit158_status vit158_trainer_create(vit158_trainer **out, const vit158_train_recipe *recipe,
                                    vit158_train_dataset *train, vit158_train_dataset *val,
                                    vit158_error *error)
{
    *out = NULL;
    vit158_trainer *t = calloc(1, sizeof *t);
    if (!t) {
        vit158_train_dataset_free(train);
        vit158_train_dataset_free(val);
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for a run");
    }
    t->recipe = *recipe;
    t->train = *train;
    t->val = *val;
    memset(train, 0, sizeof *train);
    memset(val, 0, sizeof *val);
    const vit158_status status = build(t, error);
    if (status != VIT158_OK) {
        vit158_trainer_close(t);
        return status;
    }
    vit158_trainer_prepare(t, t->parameters);
    *out = t;
    return VIT158_OK;
}

void vit158_trainer_close(vit158_trainer *t)
{
    if (!t)
        return;
    vit158_train_workers_close(t->workers);
    vit158_train_answers_close(t);
    vit158_train_teachers_close(t);
    vit158_train_net_free(&t->net);
    vit158_train_dataset_free(&t->train);
    vit158_train_dataset_free(&t->val);
    free(t->block);
    free(t);
}

static void prepare_task(void *context, uint32_t task, uint32_t worker)
{
    (void)worker;
    vit158_trainer *t = context;
    vit158_train_ready_make(&t->ready, &t->net, t->compute, task);
}

void vit158_trainer_prepare(vit158_trainer *t, const float *parameters)
{
    t->ready.parameters = parameters;
    t->pool->run(t->pool, prepare_task, t, vit158_train_ready_tasks(&t->net));
}

typedef struct evaluate_job {
    vit158_trainer *t;
} evaluate_job;

static void evaluate_task(void *context, uint32_t task, uint32_t worker)
{
    vit158_trainer *t = ((evaluate_job *)context)->t;
    vit158_train_work *work = &t->work[worker];
    vit158_train_feed *feed = &t->feed[worker];
    const uint32_t first = task * t->recipe.microbatch;
    const uint32_t left = t->val.count - first;
    vit158_train_work_whole(work, &t->net,
                            left < t->recipe.microbatch ? left : t->recipe.microbatch);
    for (uint32_t i = 0; i < work->images; i++)
        vit158_train_feed_plain(t, work, i,
                                t->val.pixels + (first + i) * vit158_train_dataset_image(&t->val));
    const vit158_train_pass pass = {.net = &t->net,
                                    .ready = &t->ready,
                                    .compute = t->compute,
                                    .work = work,
                                    .half = t->net.config.conv && vit158_train_half(t, &t->net)};
    vit158_train_forward(&pass);
    for (uint32_t i = 0; i < work->images; i++) {
        const float *z = work->logits + i * work->logit_ld;
        const uint32_t label = t->val.labels[first + i];
        feed->loss += vit158_train_cross_entropy(z, t->val.classes, label);
        feed->right += vit158_train_largest_logit(z, t->val.classes) == label;
    }
}

void vit158_train_feed_clear(vit158_trainer *t)
{
    for (uint32_t w = 0; w < t->recipe.threads; w++) {
        t->feed[w].loss = 0.0;
        t->feed[w].right = t->feed[w].seen = 0;
    }
}

vit158_train_evaluation vit158_trainer_evaluate(vit158_trainer *t)
{
    vit158_train_evaluation e = {0};
    if (!t->val.count)
        return e;
    evaluate_job job = {t};
    vit158_train_feed_clear(t);
    t->pool->run(t->pool, evaluate_task, &job,
                 (t->val.count + t->recipe.microbatch - 1) / t->recipe.microbatch);
    for (uint32_t w = 0; w < t->recipe.threads; w++) {
        e.accuracy += (double)t->feed[w].right;
        e.loss += t->feed[w].loss;
    }
    e.accuracy /= t->val.count;
    e.loss /= t->val.count;
    return e;
}

void vit158_trainer_zero_share(const vit158_trainer *t, double *low, double *high)
{
    *low = 1.0;
    *high = 0.0;
    for (uint32_t i = 0; i < t->net.block_count * VIT158_BLOCK_LINEARS; i++) {
        const vit158_train_trits *w = &t->ready.layers[i].trits;
        const size_t count = (size_t)w->n_in * w->n_out;
        size_t zeros = 0;
        for (size_t j = 0; j < count; j++)
            zeros += t->ready.codes[i][j] == 0;
        const double share = (double)zeros / (double)count;
        *low = share < *low ? share : *low;
        *high = share > *high ? share : *high;
    }
}
