/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "train/loss.h"
#include "train/teacher.h"

/* Those that the student has. */
static void take_patches(vit158_train_work *work, const vit158_train_work *student)
{
    const size_t count = (size_t)student->images * (student->tokens - 1);
    work->tokens = student->tokens;
    memcpy(work->places, student->places, count * sizeof *work->places);
    memcpy(work->patches, student->patches, count * work->patch_ld * sizeof *work->patches);
}

const vit158_train_work *vit158_train_teachers_work(const vit158_trainer *t, uint32_t worker)
{
    return &t->teachers->work[worker];
}

static void run(vit158_trainer *t, vit158_train_teacher *teacher, uint32_t worker, uint32_t images,
                bool same_patches)
{
    vit158_train_work *work = &teacher->work[worker];
    const size_t size = vit158_train_dataset_image(&t->train);
    vit158_train_work_whole(work, &teacher->net, images);
    if (same_patches)
        take_patches(work, &t->work[worker]);
    for (uint32_t i = 0; i < images && !same_patches; i++)
        vit158_train_feed_patches(&teacher->net, work, i, t->feed[worker].mixed + i * size);
    const vit158_train_pass pass = {.net = &teacher->net,
                                    .ready = &teacher->ready,
                                    .compute = t->compute,
                                    .work = work,
                                    .half = vit158_train_half(t, &teacher->net)};
    vit158_train_forward(&pass);
}

static void run_all(vit158_trainer *t, uint32_t worker, uint32_t images, bool same_patches)
{
    const uint32_t classes = t->train.classes;
    float *taught = t->feed[worker].taught, count = 0.0F;
    for (vit158_train_teacher *teacher = t->teachers; teacher; teacher = teacher->next)
        count += 1.0F;
    memset(taught, 0, (size_t)images * classes * sizeof *taught);
    for (vit158_train_teacher *teacher = t->teachers; teacher; teacher = teacher->next) {
        run(t, teacher, worker, images, same_patches);
        const vit158_train_work *work = &teacher->work[worker];
        for (uint32_t i = 0; i < images; i++)
            for (uint32_t c = 0; c < classes; c++)
                taught[i * classes + c] += work->logits[i * work->logit_ld + c] / count;
    }
}

void vit158_train_teachers_run(vit158_trainer *t, uint32_t worker, uint32_t images)
{
    run_all(t, worker, images, vit158_train_hinted(&t->recipe));
}

static void accuracy_task(void *context, uint32_t task, uint32_t worker)
{
    vit158_trainer *t = context;
    vit158_train_feed *feed = &t->feed[worker];
    const size_t size = vit158_train_dataset_image(&t->val);
    const uint32_t first = task * t->recipe.microbatch, left = t->val.count - first;
    const uint32_t images = left < t->recipe.microbatch ? left : t->recipe.microbatch;
    for (uint32_t i = 0; i < images; i++)
        vit158_train_feed_normalise(t, feed->mixed + i * size, t->val.pixels + (first + i) * size);
    run_all(t, worker, images, false);
    for (uint32_t i = 0; i < images; i++)
        feed->right += vit158_train_largest_logit(feed->taught + (size_t)i * t->val.classes,
                                                  t->val.classes) == t->val.labels[first + i];
}

double vit158_train_teachers_accuracy(vit158_trainer *t)
{
    if (!t->val.count)
        return 0.0;
    uint64_t right = 0;
    vit158_train_feed_clear(t);
    t->pool->run(t->pool, accuracy_task, t,
                 (t->val.count + t->recipe.microbatch - 1) / t->recipe.microbatch);
    for (uint32_t w = 0; w < t->recipe.threads; w++)
        right += t->feed[w].right;
    return (double)right / t->val.count;
}
