/* SPDX-License-Identifier: MIT */
#include "train/evaluate.h"

#include "train/loss.h"
#include "train/network.h"

/* Validation images of a microbatch. */
static uint32_t count_of(const vit158_trainer *t, uint32_t task)
{
    const uint32_t left = t->val.count - task * t->recipe.microbatch;
    return left < t->recipe.microbatch ? left : t->recipe.microbatch;
}

static const uint8_t *image_of(const vit158_trainer *t, uint32_t task, uint32_t i)
{
    const size_t at = (size_t)task * t->recipe.microbatch + i;
    return t->val.pixels + at * vit158_train_dataset_image(&t->val);
}

static void evaluate_task(void *context, uint32_t task, uint32_t worker, vit158_train_slot *slot)
{
    vit158_trainer *t = context;
    vit158_train_workspace *workspace = &t->workspace[worker];
    vit158_train_feed *feed = &t->feed[worker];
    vit158_train_workspace_whole(workspace, &t->net, count_of(t, task));
    for (uint32_t i = 0; i < workspace->images; i++)
        vit158_train_feed_plain(&t->feeder, feed, workspace, i, image_of(t, task, i));
    const bool half = t->net.network->half_validation && vit158_train_half(t->half, &t->net);
    const vit158_train_pass pass = {.net = &t->net,
                                    .packed = &t->packed,
                                    .compute = t->compute,
                                    .workspace = workspace,
                                    .half = half};
    vit158_train_forward(&pass);
    for (uint32_t i = 0; i < workspace->images; i++) {
        const float *z = workspace->logits + i * workspace->logit_ld;
        const uint32_t label = t->val.labels[task * t->recipe.microbatch + i];
        slot->loss += vit158_train_cross_entropy(z, t->val.classes, label);
        slot->correct += vit158_train_largest_logit(z, t->val.classes) == label;
    }
}

static void teachers_task(void *context, uint32_t task, uint32_t worker, vit158_train_slot *slot)
{
    vit158_trainer *t = context;
    vit158_train_feed *feed = &t->feed[worker];
    const size_t size = vit158_train_dataset_image(&t->val);
    const uint32_t count = count_of(t, task), classes = t->val.classes;
    for (uint32_t i = 0; i < count; i++)
        vit158_train_feed_normalise(&t->feeder, feed->mixed + i * size, image_of(t, task, i));
    vit158_train_teachers_run(t->teachers, worker, feed->mixed, count, NULL, feed->soft_labels);
    for (uint32_t i = 0; i < count; i++)
        slot->correct +=
            vit158_train_largest_logit(feed->soft_labels + (size_t)i * classes, classes) ==
            t->val.labels[task * t->recipe.microbatch + i];
}

/* A task over all validation images, with the means of what they counted. */
static vit158_train_evaluation over_all(vit158_trainer *t, vit158_train_slot_task task)
{
    vit158_train_slot sum;
    if (t->val.count == 0)
        return (vit158_train_evaluation){0};
    const uint32_t n_tasks = (t->val.count + t->recipe.microbatch - 1) / t->recipe.microbatch;
    vit158_train_slots_run(&t->slots, &sum, t->pool, false, task, t, n_tasks);
    return (vit158_train_evaluation){.loss = sum.loss / t->val.count,
                                     .accuracy = (double)sum.correct / t->val.count};
}

vit158_train_evaluation vit158_train_evaluate(vit158_trainer *t)
{
    return over_all(t, evaluate_task);
}

double vit158_train_evaluate_teachers(vit158_trainer *t)
{
    return over_all(t, teachers_task).accuracy;
}

void vit158_train_zero_share(const vit158_trainer *t, double *low, double *high)
{
    *low = 1.0;
    *high = 0.0;
    for (uint32_t i = 0; i < t->net.block_count * VIT158_BLOCK_LINEARS; i++) {
        const vit158_train_trits *w = &t->packed.layers[i].trits;
        const size_t count = (size_t)w->n_in * w->n_out;
        size_t zeros = 0;
        for (size_t j = 0; j < count; j++)
            zeros += t->packed.codes[i][j] == 0;
        const double share = (double)zeros / (double)count;
        *low = share < *low ? share : *low;
        *high = share > *high ? share : *high;
    }
}
