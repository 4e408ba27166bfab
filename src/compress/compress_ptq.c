/* SPDX-License-Identifier: MIT
 *
 * PTQ-ViT as a method of vit158_compress_run: bits to meet a budget, steps, stored matrices, and
 * how near the simulated network is.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/sizes.h"
#include "compress/compress_run.h"

/* Images that omegas are measured on. */
#define OMEGA_IMAGES 8U
/* Share of the time that takes, and of the search for steps that follows. */
#define MEASURING_SHARE 600U
#define SEARCH_SHARE 900U

/* ---- Budget --------------------------------------------------------------------------------- */

static void set_rows(vit158_compress_result *result)
{
    const vit158_ptq *const ptq = &result->outcome.ptq;
    for (uint32_t i = 0; i < ptq->model.info.depth * VIT158_BLOCK_LINEARS; i++) {
        const uint32_t module = vit158_ptq_module_of(i % VIT158_BLOCK_LINEARS);
        const uint32_t bits = ptq->blocks[i / VIT158_BLOCK_LINEARS].weight_bits[module];
        vit158_rounded *const m = &result->quantizer.matrices[i];
        memset(m->rows, (int)vit158_ptq_rows(bits), m->n_out);
    }
}

static void set_bits(vit158_ptq *ptq, uint32_t bits)
{
    for (uint32_t block = 0; block < ptq->model.info.depth; block++)
        for (uint32_t module = 0; module < VIT158_PTQ_MODULES; module++)
            ptq->blocks[block].weight_bits[module] = bits;
}

/* Bytes of all matrices at the bits they have now. */
static uint64_t matrices_bytes(const vit158_compress_result *result)
{
    const vit158_ptq *const ptq = &result->outcome.ptq;
    uint64_t total = 0;
    for (uint32_t i = 0; i < ptq->model.info.depth * VIT158_BLOCK_LINEARS; i++) {
        const vit158_rounded *const m = &result->quantizer.matrices[i];
        const uint32_t module = vit158_ptq_module_of(i % VIT158_BLOCK_LINEARS);
        total += vit158_ptq_matrix_bytes(m->n_out, m->n_in,
                                         ptq->blocks[i / VIT158_BLOCK_LINEARS].weight_bits[module]);
    }
    return total;
}

/* What is left for matrices once everything else has its place; less until the file fits. */
static vit158_status meet_budget(vit158_compress_result *result, const vit158_compress_job *job,
                                 const char *weights, vit158_error *error)
{
    const vit158_quantized_file file = vit158_compress_file(result, job, weights);
    uint64_t size;
    set_bits(&result->outcome.ptq, VIT158_LEAST_BITS);
    set_rows(result);
    VIT158_RETURN_IF_ERROR(vit158_quantized_bytes(&size, &file, error));
    if (size > job->budget)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "with 4 bits everywhere the file has %llu bytes, above the budget of "
                           "%llu: give a larger one",
                           (unsigned long long)size, (unsigned long long)job->budget);
    const uint64_t least = matrices_bytes(result);
    /* The share falls until the file fits, which it does with the least one, as was seen. */
    for (uint64_t share = least + (job->budget - size);;) {
        VIT158_RETURN_IF_ERROR(vit158_ptq_choose_bits(&result->outcome, share, error));
        set_rows(result);
        VIT158_RETURN_IF_ERROR(vit158_quantized_bytes(&size, &file, error));
        if (size <= job->budget || share == least)
            return VIT158_OK;
        const uint64_t excess = size - job->budget;
        share = share - least > excess ? share - excess : least;
    }
}

static vit158_status choose_bits(vit158_compress_result *result, const vit158_compress_job *job,
                                 const char *weights, vit158_error *error)
{
    vit158_compress_progress p = {job, 0, MEASURING_SHARE};
    vit158_ptq_outcome *const outcome = &result->outcome;
    vit158_ptq measuring;
    outcome->omegas =
        calloc((size_t)job->model->info.depth * VIT158_PTQ_MODULES, sizeof *outcome->omegas);
    if (outcome->omegas == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the sensitivities");
    VIT158_RETURN_IF_ERROR(vit158_ptq_create(&measuring, &job->ends->model, &job->ptq, error));
    const vit158_status status = vit158_omega_measure(
        outcome->omegas, &measuring, job->model, &job->images->known,
        vit158_smaller(job->learned, OMEGA_IMAGES), job->pool, vit158_compress_report, &p, error);
    vit158_ptq_free(&measuring);
    VIT158_RETURN_IF_ERROR(status);
    return meet_budget(result, job, weights, error);
}

/* ---- Judging -------------------------------------------------------------------------------- */

static void judge_image(void *context, uint32_t image, const float *expected, const float *found)
{
    vit158_compress_result *const result = context;
    vit158_nearness_add(image < result->quantizer.learned ? &result->learned : &result->held,
                        expected, found, result->quantizer.model->info.classes);
}

static vit158_status judge(vit158_compress_result *result, const vit158_compress_job *job,
                           vit158_error *error)
{
    const vit158_ptq *const ptq = &result->outcome.ptq;
    const vit158_streams *const known = &job->images->known, *const rounded = &job->images->rounded;
    VIT158_RETURN_IF_ERROR(vit158_ptq_compare(ptq, job->model, known, rounded, 0,
                                              vit158_smaller(job->learned, ptq->settings.images),
                                              job->pool, judge_image, result, error));
    VIT158_RETURN_IF_ERROR(vit158_ptq_compare(ptq, job->model, known, rounded, job->learned,
                                              known->images - job->learned, job->pool, judge_image,
                                              result, error));
    vit158_nearness_finish(&result->learned);
    vit158_nearness_finish(&result->held);
    return VIT158_OK;
}

/* ---- */

vit158_status vit158_compress_ptq(vit158_compress_result *result, const vit158_compress_job *job,
                                  const char *weights, vit158_error *error)
{
    vit158_ptq *const ptq = &result->outcome.ptq;
    VIT158_RETURN_IF_ERROR(vit158_ptq_create(ptq, &job->ends->model, &job->ptq, error));
    if (job->budget)
        VIT158_RETURN_IF_ERROR(choose_bits(result, job, weights, error));
    vit158_compress_progress p = {job, job->budget ? MEASURING_SHARE : 0, SEARCH_SHARE};
    VIT158_RETURN_IF_ERROR(vit158_ptq_find_all(ptq, job->model, &job->images->known, job->learned,
                                               job->pool, vit158_compress_report, &p, error));
    for (uint32_t i = 0; i < job->model->info.depth * VIT158_BLOCK_LINEARS; i++)
        vit158_ptq_store(&result->quantizer.matrices[i], ptq, i / VIT158_BLOCK_LINEARS,
                         i % VIT158_BLOCK_LINEARS);
    return judge(result, job, error);
}
