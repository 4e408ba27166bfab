/* SPDX-License-Identifier: MIT */
#include "compress/module.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "compress/part_net.h"
#include "compress/softmax.h"
#include "train/head_rows.h"
#include "train/vit_net.h"

static uint32_t matrix_count(const vit158_module *m)
{
    return (m->end - m->first) * VIT158_BLOCK_LINEARS;
}

static bool is_last(const vit158_module *m)
{
    return m->end == m->q->model->info.depth;
}

static const vit158_train_layer *layer_of(const vit158_module *m, uint32_t index)
{
    return &m->net.blocks[index / VIT158_BLOCK_LINEARS].layers[index % VIT158_BLOCK_LINEARS];
}

/* ---- Memory and start ----------------------------------------------------------------------- */

static void plan(vit158_module *m, vit158_arena *arena)
{
    m->parameters = vit158_arena_take(arena, m->net.parameters, sizeof(float));
    vit158_train_packed_plan(&m->packed, &m->net, 16, arena);
    for (uint32_t i = 0; i < VIT158_MODULE_LANES; i++) {
        vit158_train_workspace_plan(&m->lanes[i], &m->net, VIT158_MODULE_LANE_IMAGES, true, arena);
        m->lanes[i].gradient = vit158_arena_take(arena, m->net.parameters, sizeof(float));
    }
}

/* Those that rounding has fitted take the model's place. */
static void take_biases(vit158_module *m)
{
    for (uint32_t i = 0; i < matrix_count(m); i++) {
        const vit158_rounded *const matrix = &m->q->matrices[m->first * VIT158_BLOCK_LINEARS + i];
        if (matrix->bias != NULL)
            memcpy(m->parameters + layer_of(m, i)->bias, matrix->bias,
                   matrix->n_out * sizeof *matrix->bias);
    }
}

static vit158_status take_memory(vit158_module *m, vit158_error *error)
{
    vit158_arena arena = {0};
    plan(m, &arena);
    m->block = arena.overflow ? NULL : aligned_alloc(VIT158_ARENA_ALIGN, arena.used);
    m->latents = calloc(matrix_count(m), sizeof *m->latents);
    if (m->block == NULL || m->latents == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to train %u blocks",
                           m->end - m->first);
    memset(m->block, 0, arena.used);
    arena = vit158_arena_over(m->block, arena.used);
    plan(m, &arena);
    return VIT158_OK;
}

static void pack(const vit158_module *m, uint32_t index)
{
    vit158_train_packed packed = m->packed;
    vit158_train_packed_make(&packed, &m->net, m->q->student.compute, index);
}

static vit158_status start(vit158_module *m, vit158_error *error)
{
    const vit158_train_net_config config =
        vit158_part_config(m->q->student.model, m->first, m->end);
    VIT158_RETURN_IF_ERROR(vit158_train_net_create(&m->net, &config, error));
    VIT158_RETURN_IF_ERROR(take_memory(m, error));
    vit158_part_parameters(m->parameters, &m->net, m->q->student.model, m->first);
    take_biases(m);
    m->packed.parameters = m->parameters;
    for (uint32_t i = 0; i < matrix_count(m); i++) {
        const uint32_t at = m->first * VIT158_BLOCK_LINEARS + i;
        VIT158_RETURN_IF_ERROR(vit158_latent_create(
            &m->latents[i], &m->q->matrices[at], m->q->student.layers[at].linear->weight, error));
        vit158_latent_round(&m->latents[i], m->parameters + layer_of(m, i)->weight);
    }
    for (uint32_t i = 0; i < vit158_train_packed_tasks(&m->net); i++)
        pack(m, i);
    return VIT158_OK;
}

vit158_status vit158_module_create(vit158_module *m, vit158_quantizer *q, uint32_t first,
                                   uint32_t end, float class_weight, vit158_error *error)
{
    *m = (vit158_module){.q = q, .first = first, .end = end, .class_weight = class_weight};
    const vit158_status status = start(m, error);
    if (status != VIT158_OK)
        vit158_module_free(m);
    return status;
}

void vit158_module_free(vit158_module *m)
{
    for (uint32_t i = 0; m->latents != NULL && i < matrix_count(m); i++)
        vit158_latent_free(&m->latents[i]);
    free(m->latents);
    free(m->block);
    vit158_train_net_free(&m->net);
    *m = (vit158_module){0};
}

/* ---- A step --------------------------------------------------------------------------------- */

typedef struct step_job {
    vit158_module *module;
    const vit158_module_example *batch;
    double loss[VIT158_MODULE_LANES];
    float rate;
    uint64_t step;
} step_job;

/* Mean squared difference of all tokens, the class token's weighted, and its gradient. */
static double match_streams(const vit158_module *m, vit158_train_workspace *w,
                            const vit158_module_example *examples)
{
    const uint32_t d = m->net.config.dim, tokens = m->net.tokens;
    const double count = ((double)tokens - 1.0 + (double)m->class_weight) * d;
    double loss = 0;
    for (uint32_t i = 0; i < w->images; i++)
        for (uint32_t t = 0; t < tokens; t++) {
            const double weight = (t == 0 ? (double)m->class_weight : 1.0) / count;
            const size_t at = ((size_t)i * tokens + t) * d;
            const float *const target = examples[i].target + (size_t)t * d;
            double sum = 0;
            for (uint32_t c = 0; c < d; c++) {
                const float far = w->last[at + c] - target[c];
                sum += (double)(far * far);
                w->g[at + c] = (float)(2.0 * weight / VIT158_MODULE_BATCH) * far;
            }
            loss += weight * sum;
        }
    return loss;
}

/* Divergence of the softmaxes, and the gradient of the logits. */
static double match_logits(const vit158_module *m, vit158_train_workspace *w,
                           const vit158_module_example *examples)
{
    const uint32_t classes = m->net.config.classes;
    double loss = 0;
    for (uint32_t i = 0; i < w->images; i++) {
        float *const z = w->logits + i * w->logit_ld, *const dz = w->dlogits + i * w->logit_ld;
        vit158_softmax_logits(dz, examples[i].target, classes);
        vit158_softmax_logits(z, z, classes);
        for (uint32_t c = 0; c < classes; c++) {
            if (dz[c] > 0)
                loss += (double)dz[c] * log((double)dz[c] / fmax((double)z[c], 1e-30));
            dz[c] = (z[c] - dz[c]) / (float)VIT158_MODULE_BATCH;
        }
    }
    return loss;
}

static void run_lane(void *context, uint32_t lane, uint32_t worker)
{
    (void)worker;
    step_job *const job = context;
    vit158_module *const m = job->module;
    vit158_train_workspace *const w = &m->lanes[lane];
    const vit158_module_example *const examples = job->batch + lane * VIT158_MODULE_LANE_IMAGES;
    const size_t size = (size_t)m->net.tokens * m->net.config.dim;
    const vit158_train_pass pass = {
        .net = &m->net, .packed = &m->packed, .compute = m->q->student.compute, .workspace = w};
    vit158_train_workspace_whole(w, &m->net, VIT158_MODULE_LANE_IMAGES);
    for (uint32_t i = 0; i < w->images; i++)
        memcpy(w->blocks[0].x + i * size, examples[i].input, size * sizeof(float));
    for (uint32_t b = 0; b < m->net.block_count; b++)
        vit158_train_block_forward(&pass, b);
    if (is_last(m))
        vit158_train_head_forward(&pass);
    job->loss[lane] = is_last(m) ? match_logits(m, w, examples) : match_streams(m, w, examples);
    if (!(job->rate > 0))
        return;
    memset(w->gradient, 0, m->net.parameters * sizeof *w->gradient);
    if (is_last(m))
        vit158_train_head_backward(&pass);
    for (uint32_t b = m->net.block_count; b-- > 0;)
        vit158_train_block_backward(&pass, b);
}

static void update_matrix(void *context, uint32_t index, uint32_t worker)
{
    (void)worker;
    step_job *const job = context;
    vit158_module *const m = job->module;
    const vit158_train_layer *const layer = layer_of(m, index);
    const size_t count = (size_t)layer->n_out * layer->n_in;
    float *const sum = m->lanes[0].gradient + layer->weight;
    for (uint32_t i = 1; i < VIT158_MODULE_LANES; i++)
        m->q->student.compute->combine(sum, m->lanes[i].gradient + layer->weight, count, 1, 1);
    vit158_latent_step(&m->latents[index], m->q->student.compute, sum, job->rate, job->step);
    vit158_latent_round(&m->latents[index], m->parameters + layer->weight);
    pack(m, index);
}

double vit158_module_step(vit158_module *m, vit158_pool *pool, const vit158_module_example *batch,
                          float rate, uint64_t step)
{
    step_job job = {.module = m, .batch = batch, .rate = rate, .step = step};
    pool->run(pool, run_lane, &job, VIT158_MODULE_LANES);
    if (rate > 0)
        pool->run(pool, update_matrix, &job, matrix_count(m));
    double loss = 0;
    for (uint32_t i = 0; i < VIT158_MODULE_LANES; i++)
        loss += job.loss[i];
    return loss / VIT158_MODULE_BATCH;
}

/* ---- What has been learnt ------------------------------------------------------------------- */

static size_t scale_count(const vit158_latent *latent)
{
    return (size_t)latent->matrix->n_out * VIT158_MAX_ROW_SUMS;
}

static size_t weight_count(const vit158_latent *latent)
{
    return (size_t)latent->matrix->n_out * latent->matrix->n_in;
}

size_t vit158_module_size(const vit158_module *m)
{
    size_t size = 0;
    for (uint32_t i = 0; i < matrix_count(m); i++)
        size += weight_count(&m->latents[i]) + scale_count(&m->latents[i]);
    return size;
}

void vit158_module_keep(const vit158_module *m, float *kept)
{
    for (uint32_t i = 0; i < matrix_count(m); i++) {
        const vit158_latent *const latent = &m->latents[i];
        memcpy(kept, latent->w, weight_count(latent) * sizeof *kept);
        kept += weight_count(latent);
        memcpy(kept, latent->scale, scale_count(latent) * sizeof *kept);
        kept += scale_count(latent);
    }
}

void vit158_module_go_back(const vit158_module *m, const float *kept)
{
    for (uint32_t i = 0; i < matrix_count(m); i++) {
        const vit158_latent *const latent = &m->latents[i];
        memcpy(latent->w, kept, weight_count(latent) * sizeof *kept);
        kept += weight_count(latent);
        memcpy(latent->scale, kept, scale_count(latent) * sizeof *kept);
        kept += scale_count(latent);
        vit158_latent_round(latent, m->parameters + layer_of(m, i)->weight);
        pack(m, i);
    }
}

void vit158_module_finish(const vit158_module *m)
{
    for (uint32_t i = 0; i < matrix_count(m); i++)
        vit158_shadow_set(&m->q->student, m->first + i / VIT158_BLOCK_LINEARS,
                          i % VIT158_BLOCK_LINEARS, m->parameters + layer_of(m, i)->weight);
}
