/* SPDX-License-Identifier: MIT */
#include "train/step.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "train/hints.h"
#include "train/loss.h"
#include "train/soft_labels.h"

#define PI 3.14159265358979323846

static double clamp01(double x)
{
    return x < 0.0 ? 0.0 : x > 1.0 ? 1.0 : x;
}

double vit158_train_progress(const vit158_trainer *t)
{
    const vit158_train_recipe *r = &t->recipe;
    if (r->minutes > 0.0F)
        return clamp01(t->state.seconds / (60.0 * r->minutes));
    const uint64_t steps = t->train.count / r->batch;
    return clamp01((double)t->state.step / ((double)steps * r->epochs));
}

double vit158_train_rate(const vit158_trainer *t)
{
    const vit158_train_recipe *r = &t->recipe;
    const double p = vit158_train_progress(t), low = r->final_lr;
    if (t->state.step < r->warmup_steps)
        return (double)(t->state.step + 1) / r->warmup_steps;
    double rate;
    if (r->wsd)
        rate = r->cooldown > 0.0F ? clamp01((1.0 - p) / r->cooldown) : 1.0;
    else
        rate = 0.5 * (1.0 + cos(PI * p));
    if (t->state.finish_start >= 0.0)
        rate *=
            clamp01(1.0 - (t->state.seconds - t->state.finish_start) / (60.0 * r->finish_minutes));
    return low + (1.0 - low) * rate;
}

typedef struct batch_job {
    vit158_trainer *t;
    double progress;
} batch_job;

static void microbatch_task(void *context, uint32_t task, uint32_t worker, vit158_train_slot *slot)
{
    const batch_job *job = context;
    vit158_trainer *t = job->t;
    const vit158_train_recipe *r = &t->recipe;
    vit158_train_workspace *workspace = &t->workspace[worker];
    vit158_train_feed *feed = &t->feed[worker];
    const vit158_train_place place = {.epoch = t->state.epoch,
                                      .first = t->state.position + (uint64_t)task * r->microbatch,
                                      .count = r->microbatch,
                                      .progress = job->progress};
    workspace->gradient = slot->gradient;
    vit158_train_feed_microbatch(&t->feeder, feed, workspace, &place);
    const vit158_train_hints hints = {
        .teacher = t->teachers != NULL ? &t->teachers->first->workspace[worker] : NULL,
        .tokens = r->hint_tokens,
        .attention = r->hint_attention,
        .batch = r->batch,
        .channels = feed->channels};
    const vit158_train_pass pass = {.net = &t->net,
                                    .packed = &t->packed,
                                    .compute = t->compute,
                                    .workspace = workspace,
                                    .half = vit158_train_half(t->half, &t->net),
                                    .hints = vit158_train_hinted(r) ? &hints : NULL};
    vit158_train_forward(&pass);
    if (t->soft_labels != NULL)
        vit158_train_soft_labels_give(t->soft_labels, worker, feed, workspace, &place);
    const uint32_t classes = t->train.classes;
    for (uint32_t i = 0; i < workspace->images; i++) {
        const float *z = workspace->logits + i * workspace->logit_ld;
        const vit158_train_loss loss = {
            .logits = z,
            .target = feed->targets + (size_t)i * classes,
            .teacher = t->soft_labels != NULL ? feed->soft_labels + (size_t)i * classes : NULL,
            .classes = classes,
            .teacher_weight = r->teacher_weight,
            .temperature = r->temperature};
        slot->loss += vit158_train_loss_gradient(workspace->dlogits + i * workspace->logit_ld,
                                                 &loss, 1.0F / (float)r->batch);
        slot->correct += vit158_train_largest_logit(z, classes) == feed->labels[i];
    }
    workspace->hint_loss = 0.0;
    vit158_train_backward(&pass);
    slot->loss += workspace->hint_loss * r->batch;
}

static void chunk_of(const vit158_trainer *t, uint32_t task, size_t *at, size_t *count)
{
    *at = (size_t)task * VIT158_TRAIN_GRADIENT_CHUNK;
    const size_t left = t->net.parameters - *at;
    *count = left < VIT158_TRAIN_GRADIENT_CHUNK ? left : VIT158_TRAIN_GRADIENT_CHUNK;
}

typedef struct chunk_sum {
    const vit158_trainer *t;
    size_t at, count;
} chunk_sum;

static void add_chunk(void *context, uint32_t s, uint32_t other)
{
    const chunk_sum *c = context;
    const vit158_train_slot *slot = c->t->slots.slot;
    c->t->compute->combine(slot[s].gradient + c->at, slot[other].gradient + c->at, c->count, 1.0F,
                           1.0F);
}

static void sum_task(void *context, uint32_t task, uint32_t worker)
{
    (void)worker;
    vit158_trainer *t = context;
    chunk_sum sum = {.t = t};
    chunk_of(t, task, &sum.at, &sum.count);
    vit158_train_slots_tree(&t->slots, add_chunk, &sum);
    t->partial[task] = t->compute->sum_of_squares(t->slots.slot[0].gradient + sum.at, sum.count);
}

/* Of a gradient that is the sum already. */
static void square_task(void *context, uint32_t task, uint32_t worker)
{
    (void)worker;
    vit158_trainer *t = context;
    size_t at, count;
    chunk_of(t, task, &at, &count);
    t->partial[task] = t->compute->sum_of_squares(t->slots.slot[0].gradient + at, count);
}

typedef struct scale_job {
    vit158_trainer *t;
    float factor;
} scale_job;

static void scale_task(void *context, uint32_t task, uint32_t worker)
{
    (void)worker;
    const scale_job *job = context;
    size_t at, count;
    chunk_of(job->t, task, &at, &count);
    float *g = job->t->slots.slot[0].gradient + at;
    job->t->compute->combine(g, g, count, 0.0F, job->factor);
}

static void average_task(void *context, uint32_t task, uint32_t worker)
{
    (void)worker;
    const scale_job *job = context;
    size_t at, count;
    chunk_of(job->t, task, &at, &count);
    job->t->compute->blend(job->t->average + at, job->t->parameters + at, count, job->factor);
}

static double summed_gradient(vit158_trainer *t)
{
    const uint32_t chunks = vit158_train_gradient_chunks(&t->net);
    if (t->slots.ranks.count > 1) {
        vit158_train_slots_add(&t->slots, t->compute, t->pool);
        t->pool->run(t->pool, square_task, t, chunks);
    } else {
        t->pool->run(t->pool, sum_task, t, chunks);
    }
    double total = 0.0;
    for (uint32_t i = 0; i < chunks; i++)
        total += t->partial[i];
    const double norm = sqrt(total);
    if (t->recipe.clip > 0.0F && norm > t->recipe.clip) {
        scale_job job = {t, (float)(t->recipe.clip / norm)};
        t->pool->run(t->pool, scale_task, &job, chunks);
    }
    return norm;
}

static void apply_gradient(vit158_trainer *t, double progress)
{
    const vit158_train_recipe *r = &t->recipe;
    const float rate = (float)vit158_train_rate(t);
    const float decay = progress < r->decay_until ? 1.0F : 0.0F;
    const vit158_train_optimiser_step s = {.lr = r->lr * rate,
                                           .decay = r->weight_decay * decay,
                                           .muon_lr = r->muon_lr * rate,
                                           .muon_decay = r->muon_weight_decay * decay,
                                           .beta1 = r->beta1,
                                           .beta2 = r->beta2,
                                           .muon_beta = r->muon_beta,
                                           .step = t->state.step + 1};
    vit158_train_optimiser_update(&t->optimiser, &s, t->parameters, t->slots.slot[0].gradient,
                                  t->pool);
    const uint32_t chunks = vit158_train_gradient_chunks(&t->net);
    /* Early on the average follows faster, so that it forgets the initial values. */
    const double n = (double)t->state.step;
    const double keep = r->ema < (1.0 + n) / (10.0 + n) ? r->ema : (1.0 + n) / (10.0 + n);
    scale_job job = {t, (float)(r->ema > 0.0F ? 1.0 - keep : 1.0)};
    t->pool->run(t->pool, average_task, &job, chunks);
    vit158_trainer_pack(t, t->parameters);
}

vit158_status vit158_train_step(vit158_trainer *t, vit158_train_step_result *result,
                                vit158_error *error)
{
    const vit158_train_recipe *r = &t->recipe;
    if (t->state.position + r->batch > t->train.count) {
        t->state.epoch++;
        t->state.position = 0;
    }
    vit158_train_feed_order(&t->feeder, t->state.epoch);
    batch_job job = {t, vit158_train_progress(t)};
    vit158_train_slot sum;
    vit158_train_slots_run(&t->slots, &sum, t->pool, true, microbatch_task, &job,
                           r->batch / r->microbatch);
    *result = (vit158_train_step_result){sum.loss / r->batch, (double)sum.correct / r->batch,
                                         summed_gradient(t)};
    if (!isfinite(result->loss) || !isfinite(result->gradient_norm))
        return vit158_fail(error, VIT158_E_NUMERIC,
                           "the loss or a gradient is not finite at step %llu",
                           (unsigned long long)t->state.step);
    apply_gradient(t, job.progress);
    t->state.step++;
    t->state.position += r->batch;
    t->state.images += r->batch;
    return VIT158_OK;
}
