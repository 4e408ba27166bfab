/* SPDX-License-Identifier: MIT */
#include "cli/finetune_judge.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "cli/files.h"

#define UNSURE_SHARE 0.05 /* of the correct answers */

void vit158_judgement_free(vit158_judgement *j)
{
    free(j->judged);
    vit158_model_close(j->model);
    *j = (vit158_judgement){0};
}

/* [side][side][channels] from planes. */
static void interleave(uint8_t *out, const uint8_t *planes, const vit158_train_dataset *images)
{
    const size_t area = (size_t)images->side * images->side;
    for (size_t i = 0; i < area; i++)
        for (uint32_t c = 0; c < images->channels; c++)
            *out++ = planes[c * area + i];
}

static vit158_status judge_one(vit158_judged *out, vit158_session *session, uint8_t *pixels,
                               const vit158_train_dataset *images, uint32_t index,
                               vit158_error *error)
{
    vit158_prediction best;
    interleave(pixels, images->pixels + index * vit158_train_dataset_image(images), images);
    VIT158_RETURN_IF_ERROR(vit158_session_set_image(
        session, pixels, images->side, images->side, (size_t)images->side * images->channels,
        images->channels == 1 ? VIT158_PIXELS_GRAY : VIT158_PIXELS_RGB, error));
    VIT158_RETURN_IF_ERROR(vit158_session_run(session, NULL, NULL, error));
    vit158_session_top_k(session, &best, 1);
    *out = (vit158_judged){
        .path = "", .truth = images->labels[index], .predicted = best.index, .score = best.score};
    return VIT158_OK;
}

static int by_score(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static vit158_status summarise(vit158_judgement *j, vit158_error *error)
{
    float *const scores = malloc((j->count + 1) * sizeof *scores);
    if (scores == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the scores");
    for (size_t i = 0; i < j->count; i++)
        if (j->judged[i].predicted == j->judged[i].truth)
            scores[j->correct++] = j->judged[i].score;
    qsort(scores, j->correct, sizeof *scores, by_score);
    const size_t at = (size_t)(UNSURE_SHARE * (double)j->correct);
    /* Two decimals, downwards: no score that stands is above it. */
    j->unsure = at > 0 ? floor(100.0 * (double)scores[at]) / 100.0 : 0.0;
    free(scores);
    j->accuracy = j->count > 0 ? (double)j->correct / (double)j->count : 0.0;
    j->standard_error =
        j->count > 0 ? sqrt(j->accuracy * (1.0 - j->accuracy) / (double)j->count) : 0.0;
    vit158_sort_judged(j->judged, j->count);
    return VIT158_OK;
}

vit158_status vit158_judge(vit158_judgement *out, const char *model_path,
                           const vit158_train_dataset *images, vit158_error *error)
{
    vit158_session *session = NULL;
    uint8_t *const pixels = malloc(vit158_train_dataset_image(images));
    *out = (vit158_judgement){.count = images->count};
    out->judged = malloc((images->count + 1U) * sizeof *out->judged);
    vit158_status status = VIT158_OK;
    if (pixels == NULL || out->judged == NULL)
        status = vit158_fail(error, VIT158_E_MEMORY, "not enough memory to judge %u images",
                             images->count);
    if (status == VIT158_OK)
        status = vit158_open_model_file(&out->model, model_path, error);
    if (status == VIT158_OK)
        status = vit158_session_create(&session, out->model, NULL, error);
    for (uint32_t i = 0; i < images->count && status == VIT158_OK; i++)
        status = judge_one(&out->judged[i], session, pixels, images, i, error);
    vit158_session_close(session);
    free(pixels);
    if (status == VIT158_OK)
        status = summarise(out, error);
    if (status != VIT158_OK)
        vit158_judgement_free(out);
    return status;
}
