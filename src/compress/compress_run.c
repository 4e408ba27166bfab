/* SPDX-License-Identifier: MIT */
#include "compress/compress_run.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "compress/allocate.h"

/* Images whose moments the sensitivities are taken from. */
#define MEASURED_IMAGES 128U
/* Share of the time that sensitivities take. */
#define MEASURING_SHARE 500U

/* Does anything after the rounding start from the images' first streams again? */
static bool needs_first_streams(const vit158_compress_job *job)
{
    return job->settings.method == VIT158_METHOD_PTQ_VIT || vit158_rebuild_distils(&job->rebuild) ||
           job->rebuild.kind == VIT158_REBUILD_PARALLEL;
}

static vit158_quantizer_start start_of(const vit158_compress_job *job)
{
    return (vit158_quantizer_start){.teacher = job->model,
                                    .student = &job->ends->model,
                                    .known = &job->images->known,
                                    .rounded = &job->images->rounded,
                                    .takes_streams =
                                        job->spends_images && !needs_first_streams(job),
                                    .learned = job->learned,
                                    .rows = job->budget ? 1 : job->rows,
                                    .settings = job->settings,
                                    .pool = job->pool};
}

static uint32_t matrix_count(const vit158_compress_job *job)
{
    return job->model->info.depth * VIT158_BLOCK_LINEARS;
}

/* ---- Budget --------------------------------------------------------------------------------- */

/* One item an output. */
static vit158_choices *list_choices(const vit158_compress_result *result, uint32_t matrices,
                                    uint32_t *count)
{
    *count = 0;
    for (uint32_t i = 0; i < matrices; i++)
        *count += result->sensitivities[i].n_out;
    vit158_choices *const items = calloc((size_t)*count + 1, sizeof *items);
    vit158_choices *item = items;
    for (uint32_t i = 0; items != NULL && i < matrices; i++) {
        const vit158_sensitivity *const s = &result->sensitivities[i];
        const uint64_t row_bytes = vit158_row_bytes(result->quantizer.matrices[i].n_in);
        for (uint32_t o = 0; o < s->n_out; o++, item++) {
            item->count = VIT158_MAX_ROW_SUMS;
            for (uint32_t r = 0; r < VIT158_MAX_ROW_SUMS; r++) {
                item->bytes[r] = (r + 1) * row_bytes;
                item->loss[r] = vit158_sensitivity_of(s, o, r + 1);
            }
        }
    }
    return items;
}

static void set_rows(vit158_compress_result *result, uint32_t matrices, const uint32_t *chosen,
                     const vit158_choices *items)
{
    size_t at = 0;
    result->predicted = 0;
    for (uint32_t i = 0; i < matrices; i++)
        for (uint32_t o = 0; o < result->quantizer.matrices[i].n_out; o++, at++) {
            result->quantizer.matrices[i].rows[o] = (uint8_t)(chosen[at] + 1);
            result->predicted += items[at].loss[chosen[at]];
        }
}

/* Shares out what the file leaves for rows, until the whole file is within the budget. */
static vit158_status meet_budget(vit158_compress_result *result, const vit158_compress_job *job,
                                 const char *weights, uint32_t *chosen, const vit158_choices *items,
                                 uint32_t count, vit158_error *error)
{
    const uint32_t matrices = matrix_count(job);
    const vit158_quantized_file file = vit158_compress_file(result, job, weights);
    uint64_t size, smallest = 0;
    for (uint32_t i = 0; i < count; i++)
        smallest += items[i].bytes[0];
    VIT158_RETURN_IF_ERROR(vit158_quantized_bytes(&size, &file, error));
    if (size > job->budget)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "with one row an output the file has %llu bytes, above the budget of "
                           "%llu: give a larger one",
                           (unsigned long long)size, (unsigned long long)job->budget);
    uint64_t share = smallest + (job->budget - size);
    /* The share falls until the file fits, which it does with the smallest one, as was seen. */
    for (;;) {
        VIT158_RETURN_IF_ERROR(vit158_allocate_by_gain(chosen, items, count, share, error));
        set_rows(result, matrices, chosen, items);
        VIT158_RETURN_IF_ERROR(vit158_quantized_bytes(&size, &file, error));
        if (size <= job->budget || share == smallest)
            return VIT158_OK;
        const uint64_t excess = size - job->budget;
        share = share - smallest > excess ? share - excess : smallest;
    }
}

/* What rows of each matrix are worth, on the first images; the quantizer that finds it is gone
 * before the one of the whole network takes its memory. */
static vit158_status measure(vit158_compress_result *result, const vit158_compress_job *job,
                             vit158_error *error)
{
    vit158_compress_progress p = {job, 0, MEASURING_SHARE};
    vit158_quantizer measuring;
    result->sensitivities = calloc(matrix_count(job), sizeof *result->sensitivities);
    if (result->sensitivities == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the sensitivities");
    result->measured = matrix_count(job);
    vit158_quantizer_start start = start_of(job);
    vit158_streams known = *start.known, rounded = *start.rounded; /* views of the first ones */
    start.learned = start.learned < MEASURED_IMAGES ? start.learned : MEASURED_IMAGES;
    known.images = rounded.images = start.learned;
    start.known = &known;
    start.rounded = &rounded;
    start.takes_streams = false;
    start.settings.passes = 1;
    VIT158_RETURN_IF_ERROR(vit158_quantizer_create(&measuring, &start, error));
    const vit158_status status = vit158_sensitivity_measure(
        result->sensitivities, &measuring, job->measured, vit158_compress_report, &p, error);
    vit158_quantizer_free(&measuring);
    return status;
}

static vit158_status share_out(vit158_compress_result *result, const vit158_compress_job *job,
                               const char *weights, vit158_error *error)
{
    uint32_t count;
    vit158_choices *const items = list_choices(result, matrix_count(job), &count);
    uint32_t *const chosen = calloc((size_t)count + 1, sizeof *chosen);
    const vit158_status status =
        items != NULL && chosen != NULL
            ? meet_budget(result, job, weights, chosen, items, count, error)
            : vit158_fail(error, VIT158_E_MEMORY, "not enough memory to share out the bytes");
    free(items);
    free(chosen);
    return status;
}

/* ---- */

static void describe(char *text, size_t n_bytes, const vit158_compress_job *job)
{
    if (job->settings.method == VIT158_METHOD_PTQ_VIT && job->budget)
        vit158_format(text, n_bytes, "4 to 8 bits a module, steps by similarity (PTQ-ViT)");
    else if (job->settings.method == VIT158_METHOD_PTQ_VIT)
        vit158_format(text, n_bytes, "%u bits, steps by similarity (PTQ-ViT)",
                      job->ptq.weight_bits);
    else if (job->budget)
        vit158_format(text, n_bytes,
                      "sums of ternary rows, 1 to 4 an output by measured gain a byte, rounded "
                      "after training");
    else if (job->rows == 0)
        vit158_format(text, n_bytes, "int8, a scale an output, rounded after training");
    else
        vit158_format(text, n_bytes, "sums of ternary rows, %u an output, rounded after training",
                      job->rows);
}

static vit158_status round_all(vit158_compress_result *result, const vit158_compress_job *job,
                               const char *weights, vit158_error *error)
{
    if (job->budget)
        VIT158_RETURN_IF_ERROR(share_out(result, job, weights, error));
    vit158_compress_progress p = {job, job->budget ? MEASURING_SHARE : 0, 1000};
    const vit158_quantizer_start start = start_of(job);
    VIT158_RETURN_IF_ERROR(vit158_rebuild_run(&result->quantizer, &start, &job->rebuild,
                                              &result->rebuilt, vit158_compress_report, &p, error));
    return vit158_nearness_judge(&result->learned, &result->held, &result->quantizer, error);
}

vit158_status vit158_compress_run(vit158_compress_result *result, const vit158_compress_job *job,
                                  const char *out, vit158_error *error)
{
    const double start_ms = vit158_now_ms();
    char weights[128];
    *result = (vit158_compress_result){0};
    describe(weights, sizeof weights, job);
    if (job->budget && job->settings.method != VIT158_METHOD_PTQ_VIT)
        VIT158_RETURN_IF_ERROR(measure(result, job, error));
    const vit158_quantizer_start start = start_of(job);
    VIT158_RETURN_IF_ERROR(vit158_quantizer_create(&result->quantizer, &start, error));
    if (job->settings.method == VIT158_METHOD_PTQ_VIT)
        VIT158_RETURN_IF_ERROR(vit158_compress_ptq(result, job, weights, error));
    else
        VIT158_RETURN_IF_ERROR(round_all(result, job, weights, error));
    const vit158_quantized_file file = vit158_compress_file(result, job, weights);
    vit158_model_info info;
    VIT158_RETURN_IF_ERROR(vit158_quantized_write(out, &file, &info, error));
    result->file_bytes = info.file_bytes;
    result->seconds = (vit158_now_ms() - start_ms) / 1000;
    return VIT158_OK;
}

void vit158_compress_result_free(vit158_compress_result *result)
{
    if (result->sensitivities != NULL)
        vit158_sensitivity_free(result->sensitivities, result->measured);
    free(result->sensitivities);
    vit158_ptq_outcome_free(&result->outcome);
    if (result->quantizer.model != NULL)
        vit158_quantizer_free(&result->quantizer);
    *result = (vit158_compress_result){0};
}
