/* SPDX-License-Identifier: MIT
 *
 * What every way of quantizing a network ends with: progress, the file, how near the result is.
 */
#include "compress/compress_run.h"

#include <stdlib.h>

#include "base/error.h"
#include "train/loss.h"

int vit158_compress_report(void *context, uint32_t done, uint32_t total)
{
    const vit158_compress_progress *const p = context;
    if (p->job->progress == NULL)
        return 0;
    return p->job->progress(p->job->context, p->from + (p->to - p->from) * done / total);
}

vit158_quantized_file vit158_compress_file(const vit158_compress_result *result,
                                           const vit158_compress_job *job, const char *weights)
{
    return (vit158_quantized_file){.model = job->model,
                                   .ends = job->ends,
                                   .matrices = result->quantizer.matrices,
                                   .weights = weights,
                                   .wide_scales = job->settings.method == VIT158_METHOD_PTQ_VIT,
                                   .extra = job->extra};
}

void vit158_nearness_add(vit158_nearness *nearness, const float *expected, const float *found,
                         uint32_t classes)
{
    nearness->divergence += vit158_divergence(expected, found, classes);
    nearness->agreement +=
        vit158_train_largest_logit(expected, classes) == vit158_train_largest_logit(found, classes);
    nearness->images++;
}

void vit158_nearness_finish(vit158_nearness *nearness)
{
    if (nearness->images == 0)
        return;
    nearness->divergence /= nearness->images;
    nearness->agreement /= nearness->images;
}

vit158_status vit158_nearness_judge(vit158_nearness *learned, vit158_nearness *held,
                                    const vit158_quantizer *q, vit158_error *error)
{
    const uint32_t classes = q->model->info.classes;
    const size_t ld = vit158_train_round_up(classes, VIT158_TRAIN_TILE_COLS);
    float *const logits = calloc(2 * ld, sizeof *logits);
    if (logits == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the logits");
    for (uint32_t i = 0; i < q->known.images; i++) {
        vit158_shadow_logits(&q->teacher, q->works, q->known.values + i * q->known.stride, logits);
        vit158_shadow_logits(&q->student, q->works, q->rounded.values + i * q->rounded.stride,
                             logits + ld);
        vit158_nearness_add(i < q->learned ? learned : held, logits, logits + ld, classes);
    }
    vit158_nearness_finish(learned);
    vit158_nearness_finish(held);
    free(logits);
    return VIT158_OK;
}
