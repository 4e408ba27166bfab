/* SPDX-License-Identifier: MIT
 *
 * Post-training quantization from a float model and images' streams to a file: who gets how many
 * rows, the rounding, the file, and what there is to report.
 */
#ifndef VIT158_COMPRESS_COMPRESS_RUN_H
#define VIT158_COMPRESS_COMPRESS_RUN_H

#include "compress/ptq_run.h"
#include "compress/quantized_file.h"
#include "compress/rebuild.h"
#include "compress/sensitivity.h"
#include "compress/streams.h"

typedef struct vit158_compress_job {
    const vit158_model *model;
    const vit158_ends *ends;
    vit158_embedder *images;
    bool spends_images; /* the images' streams may be used up, which saves a copy of them */
    uint32_t learned;   /* the first so many calibrate, the rest judge the result */
    vit158_quantizer_settings settings;
    vit158_ptq_settings ptq; /* for VIT158_METHOD_PTQ_VIT, whose bits take the place of rows */
    vit158_rebuild_settings rebuild; /* what is trained after the rounding */
    uint32_t rows;                   /* of every output, 0 = int8; ignored with a budget */
    uint64_t budget;                 /* bytes of the finished file, 0 = none */
    uint32_t measured;               /* images for sensitivities */
    const vit158_header *extra;      /* additional metadata or NULL */
    vit158_pool *pool;
    /* Called as work is done, in thousandths of the whole; non-zero stops. */
    int (*progress)(void *context, uint32_t thousandths);
    void *context;
} vit158_compress_job;

/* How near the result is to the float model on images that it did not learn from. */
typedef struct vit158_nearness {
    uint32_t images;
    double divergence; /* mean KL of the softmaxes */
    double agreement;  /* share of equal answers */
} vit158_nearness;

typedef struct vit158_compress_result {
    vit158_quantizer quantizer;        /* its matrices; the rest is spent */
    vit158_sensitivity *sensitivities; /* [measured], one a matrix; NULL without a budget */
    uint32_t measured;
    double predicted;               /* divergence by sensitivities */
    vit158_ptq_outcome outcome;     /* of VIT158_METHOD_PTQ_VIT; else zeros */
    vit158_rebuild_outcome rebuilt; /* zeros if nothing was trained */
    vit158_nearness learned, held;
    uint64_t file_bytes;
    double seconds;
} vit158_compress_result;

/* `result` is to be freed by the caller, on failure too. Errors: VIT158_E_ARGUMENT (a budget below
 * the smallest file), VIT158_E_MEMORY, VIT158_E_NUMERIC, VIT158_E_ABORTED, those of writing. */
vit158_status vit158_compress_run(vit158_compress_result *result, const vit158_compress_job *job,
                                  const char *out, vit158_error *error);
void vit158_compress_result_free(vit158_compress_result *result);

/* ---- Parts of it (compress_parts.c) ---- */

/* Says in thousandths of `from` to `to` how far a part is: a vit158_quantizer_hook. */
typedef struct vit158_compress_progress {
    const vit158_compress_job *job;
    uint32_t from, to; /* thousandths */
} vit158_compress_progress;

int vit158_compress_report(void *context, uint32_t done, uint32_t total);

/* The file of the quantizer's matrices; borrows from all three. */
vit158_quantized_file vit158_compress_file(const vit158_compress_result *result,
                                           const vit158_compress_job *job, const char *weights);

/* Adds one image's logits to how near the result is, in sums until vit158_nearness_finish. */
void vit158_nearness_add(vit158_nearness *nearness, const float *expected, const float *found,
                         uint32_t classes);
void vit158_nearness_finish(vit158_nearness *nearness);

/* How near the student is to the teacher when both streams have passed the last block, on images
 * that calibrated and on the others. Errors: VIT158_E_MEMORY. */
vit158_status vit158_nearness_judge(vit158_nearness *learned, vit158_nearness *held,
                                    const vit158_quantizer *q, vit158_error *error);

/* VIT158_METHOD_PTQ_VIT: fills the quantizer's matrices, the outcome and both nearnesses
 * (compress_ptq.c). */
vit158_status vit158_compress_ptq(vit158_compress_result *result, const vit158_compress_job *job,
                                  const char *weights, vit158_error *error);

#endif
