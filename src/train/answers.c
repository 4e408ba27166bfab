/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "train/answers.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/sha256.h"
#include "model/writer.h"
#include "train/checkpoint.h"
#include "train/teacher.h"

#define TENSOR "answers"
#define KEY "about"

static void make_key(char key[65], const vit158_trainer *t)
{
    const vit158_train_recipe *r = &t->recipe;
    const vit158_train_dataset *d = &t->train;
    const uint64_t numbers[] = {r->seed,     r->teacher_epochs, r->microbatch, d->count,
                                d->channels, d->side,           d->classes,    t->half};
    vit158_sha256 hash = vit158_sha256_start();
    vit158_sha256_add(&hash, numbers, sizeof numbers);
    vit158_sha256_add(&hash, &r->augment, sizeof r->augment);
    vit158_sha256_add(&hash, r->mean, sizeof r->mean);
    vit158_sha256_add(&hash, r->std, sizeof r->std);
    vit158_sha256_add(&hash, d->pixels, d->count * vit158_train_dataset_image(d));
    vit158_sha256_add(&hash, d->labels, d->count * sizeof *d->labels);
    for (const vit158_train_teacher *teacher = t->teachers; teacher; teacher = teacher->next)
        vit158_sha256_add(&hash, teacher->parameters,
                          teacher->net.parameters * sizeof *teacher->parameters);
    vit158_sha256_end_hex(&hash, key);
}

static vit158_status check_and_read(vit158_train_answers *a, const vit158_safetensors *file,
                                    const char *path, vit158_error *error)
{
    const char *key = vit158_header_metadata(vit158_safetensors_header(file), KEY);
    if (!key || strcmp(key, a->key) != 0)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "%s has answers of other teachers or about other pictures than this "
                           "recipe's; name another file",
                           path);
    return vit158_safetensors_get_f32(file, TENSOR, a->logits, a->floats, error);
}

vit158_status vit158_train_answers_open(vit158_trainer *t, vit158_error *error)
{
    const vit158_train_recipe *r = &t->recipe;
    if (!r->teacher_epochs)
        return VIT158_OK;
    vit158_train_answers *a = calloc(1, sizeof *a);
    t->answers = a;
    if (a) {
        a->floats = (uint64_t)r->teacher_epochs * t->train.count * t->train.classes;
        a->logits = malloc(a->floats * sizeof *a->logits);
    }
    if (!a || !a->logits)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for the answers of %u epochs",
                           r->teacher_epochs);
    for (uint64_t i = 0; i < a->floats; i++)
        a->logits[i] = FLT_MAX;
    make_key(a->key, t);
    if (!r->teacher_answers[0] || access(r->teacher_answers, F_OK) != 0)
        return VIT158_OK;
    vit158_safetensors *file;
    VIT158_RETURN_IF_ERROR(vit158_tensors_open(&file, r->teacher_answers, error));
    const vit158_status status = check_and_read(a, file, r->teacher_answers, error);
    vit158_safetensors_close(file);
    return status;
}

void vit158_train_answers_close(vit158_trainer *t)
{
    if (t->answers)
        free(t->answers->logits);
    free(t->answers);
    t->answers = NULL;
}

void vit158_train_answers_give(vit158_trainer *t, uint32_t worker, uint64_t first, uint32_t images,
                               double progress)
{
    const vit158_train_recipe *r = &t->recipe;
    const size_t floats = (size_t)images * t->train.classes;
    float *taught = t->feed[worker].taught;
    /* Past either point the same images are changed less. */
    if (!t->answers || progress >= r->augment_until || progress >= r->mix_until) {
        vit158_train_teachers_run(t, worker, images);
        return;
    }
    const uint64_t place = vit158_train_feed_epoch(t) * t->train.count + first;
    float *known = t->answers->logits + place * t->train.classes;
    if (known[0] != FLT_MAX) {
        memcpy(taught, known, floats * sizeof *taught);
        return;
    }
    vit158_train_teachers_run(t, worker, images);
    memcpy(known, taught, floats * sizeof *taught);
    t->answers->fresh[worker] = true;
}

vit158_status vit158_train_answers_save(vit158_trainer *t, vit158_error *error)
{
    vit158_train_answers *a = t->answers;
    bool fresh = false;
    for (uint32_t w = 0; a && w < t->recipe.threads; w++)
        fresh |= a->fresh[w];
    if (!fresh || !t->recipe.teacher_answers[0])
        return VIT158_OK;
    const vit158_tensor_view view = {
        .name = TENSOR,
        .dtype = VIT158_DTYPE_F32,
        .rank = 3,
        .shape = {t->recipe.teacher_epochs, t->train.count, t->train.classes},
        .data = a->logits};
    const vit158_metadata_pair about = {KEY, a->key};
    const vit158_contents contents = {&view, 1, &about, 1};
    VIT158_RETURN_IF_ERROR(
        vit158_safetensors_write(t->recipe.teacher_answers, &contents, NULL, NULL, error));
    memset(a->fresh, 0, sizeof a->fresh);
    return VIT158_OK;
}
