/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "train/soft_labels.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/sha256.h"
#include "model/safetensors.h"
#include "model/writer.h"

#define TENSOR "answers"
#define KEY "about"

static void make_key(char key[65], const vit158_train_teachers *teachers)
{
    const vit158_train_recipe *r = teachers->student.recipe;
    const vit158_train_dataset *d = teachers->student.images;
    const uint64_t numbers[] = {r->seed,    r->teacher_epochs,     r->microbatch,
                                d->count,   d->channels,           d->side,
                                d->classes, teachers->student.half};
    vit158_sha256 hash = vit158_sha256_start();
    vit158_sha256_add(&hash, numbers, sizeof numbers);
    vit158_sha256_add(&hash, &r->augment, sizeof r->augment);
    vit158_sha256_add(&hash, r->mean, sizeof r->mean);
    vit158_sha256_add(&hash, r->std, sizeof r->std);
    vit158_sha256_add(&hash, d->pixels, d->count * vit158_train_dataset_image(d));
    vit158_sha256_add(&hash, d->labels, d->count * sizeof *d->labels);
    for (const vit158_train_teacher *t = teachers->first; t != NULL; t = t->next)
        vit158_sha256_add(&hash, t->parameters, t->net.parameters * sizeof *t->parameters);
    vit158_sha256_end_hex(&hash, key);
}

static vit158_status check_and_read(vit158_train_soft_labels *l, const vit158_safetensors *file,
                                    const char *path, vit158_error *error)
{
    const char *key = vit158_header_metadata(vit158_safetensors_header(file), KEY);
    if (key == NULL || strcmp(key, l->key) != 0)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "%s has soft labels of other teachers or of other images than this "
                           "recipe's; name another file",
                           path);
    return vit158_safetensors_get_f32(file, TENSOR, l->logits, l->floats, error);
}

/* Memory for them, and those of the recipe's file. */
static vit158_status remember(vit158_train_soft_labels *l, vit158_error *error)
{
    const vit158_train_student *s = &l->teachers->student;
    const char *path = s->recipe->teacher_answers;
    l->floats = (uint64_t)s->recipe->teacher_epochs * s->images->count * s->images->classes;
    l->logits = malloc(l->floats * sizeof *l->logits);
    if (l->logits == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for the soft labels of %u epochs",
                           s->recipe->teacher_epochs);
    for (uint64_t i = 0; i < l->floats; i++)
        l->logits[i] = FLT_MAX;
    make_key(l->key, l->teachers);
    if (path[0] == 0 || access(path, F_OK) != 0)
        return VIT158_OK;
    vit158_safetensors *file;
    VIT158_RETURN_IF_ERROR(vit158_tensors_open(&file, path, error));
    const vit158_status status = check_and_read(l, file, path, error);
    vit158_safetensors_close(file);
    return status;
}

vit158_status vit158_train_soft_labels_open(vit158_train_soft_labels **out,
                                            vit158_train_teachers *teachers, vit158_error *error)
{
    *out = NULL;
    vit158_train_soft_labels *l = calloc(1, sizeof *l);
    if (l == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for soft labels");
    l->teachers = teachers;
    const vit158_status status =
        teachers->student.recipe->teacher_epochs > 0 ? remember(l, error) : VIT158_OK;
    if (status == VIT158_OK)
        *out = l;
    else
        vit158_train_soft_labels_close(l);
    return status;
}

void vit158_train_soft_labels_close(vit158_train_soft_labels *l)
{
    if (l != NULL)
        free(l->logits);
    free(l);
}

void vit158_train_soft_labels_give(vit158_train_soft_labels *l, uint32_t worker,
                                   vit158_train_feed *feed, const vit158_train_workspace *workspace,
                                   const vit158_train_place *place)
{
    const vit158_train_recipe *r = l->teachers->student.recipe;
    const vit158_train_dataset *d = l->teachers->student.images;
    const size_t floats = (size_t)place->count * d->classes;
    /* Past either point the same images are changed less. */
    if (l->floats == 0 || place->progress >= r->augment_until || place->progress >= r->mix_until) {
        vit158_train_teachers_run(l->teachers, worker, feed->mixed, place->count,
                                  vit158_train_hinted(r) ? workspace : NULL, feed->soft_labels);
        return;
    }
    const uint64_t at = vit158_train_feed_epoch(r, place->epoch) * d->count + place->first;
    float *known = l->logits + at * d->classes;
    if (known[0] != FLT_MAX) {
        memcpy(feed->soft_labels, known, floats * sizeof *known);
        return;
    }
    vit158_train_teachers_run(l->teachers, worker, feed->mixed, place->count, NULL,
                              feed->soft_labels);
    memcpy(known, feed->soft_labels, floats * sizeof *known);
    l->fresh[worker] = true;
}

vit158_status vit158_train_soft_labels_save(vit158_train_soft_labels *l, vit158_error *error)
{
    if (l == NULL)
        return VIT158_OK;
    const vit158_train_recipe *r = l->teachers->student.recipe;
    const vit158_train_dataset *d = l->teachers->student.images;
    bool fresh = false;
    for (uint32_t w = 0; w < r->threads; w++)
        fresh |= l->fresh[w];
    if (!fresh || r->teacher_answers[0] == 0)
        return VIT158_OK;
    const vit158_tensor_view view = {.name = TENSOR,
                                     .dtype = VIT158_DTYPE_F32,
                                     .rank = 3,
                                     .shape = {r->teacher_epochs, d->count, d->classes},
                                     .data = l->logits};
    const vit158_metadata_pair about = {KEY, l->key};
    const vit158_contents contents = {&view, 1, &about, 1};
    VIT158_RETURN_IF_ERROR(
        vit158_safetensors_write(r->teacher_answers, &contents, NULL, NULL, error));
    memset(l->fresh, 0, sizeof l->fresh);
    return VIT158_OK;
}
