/* SPDX-License-Identifier: MIT */
#include "compress/quantizer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "compress/layer_round.h"
#include "compress/layer_train.h"
#include "compress/worth.h"

vit158_quantizer_settings vit158_quantizer_defaults(void)
{
    return (vit158_quantizer_settings){.method = VIT158_METHOD_GPTQ,
                                       .damping = 0.3F,
                                       .ridge = 1.0F,
                                       .free_bias = true,
                                       .passes = 3,
                                       .half_scales = true,
                                       .step_rule = VIT158_STEP_SQUARED};
}

vit158_status vit158_streams_create(vit158_streams *streams, const vit158_model *model,
                                    uint32_t images, vit158_error *error)
{
    const size_t stride = (size_t)model->info.tokens * model->info.dim;
    const size_t spare = (size_t)VIT158_TRAIN_TILE_ROWS * model->info.dim;
    *streams = (vit158_streams){.images = images, .stride = stride};
    streams->values = calloc(stride * images + spare, sizeof *streams->values);
    return streams->values != NULL
               ? VIT158_OK
               : vit158_fail(error, VIT158_E_MEMORY,
                             "not enough memory for the streams of %u images", images);
}

void vit158_streams_free(vit158_streams *streams)
{
    free(streams->values);
    *streams = (vit158_streams){0};
}

static bool has_free_bias(const vit158_quantizer_settings *settings)
{
    return settings->free_bias && settings->method == VIT158_METHOD_GPTQ;
}

static vit158_status create_matrix(vit158_rounded *m, const vit158_linear *linear,
                                   const vit158_quantizer_start *start, vit158_error *error)
{
    *m = (vit158_rounded){.n_in = linear->n_in,
                          .n_out = linear->n_out,
                          .step = start->settings.static_steps ? 1.0F : 0.0F};
    m->rows = malloc(m->n_out);
    m->chosen = malloc((size_t)m->n_out * m->n_in);
    m->levels = malloc(m->n_out * sizeof *m->levels);
    m->error = calloc(m->n_out, sizeof *m->error);
    const vit158_quantizer_settings *const settings = &start->settings;
    const bool biased = settings->method == VIT158_METHOD_PTQ_VIT || has_free_bias(settings);
    m->bias = biased ? calloc(m->n_out, sizeof *m->bias) : NULL;
    if (m->rows == NULL || m->chosen == NULL || m->levels == NULL || m->error == NULL ||
        (biased && m->bias == NULL))
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the rounded matrices");
    memset(m->rows, (int)start->rows, m->n_out);
    return VIT158_OK;
}

static vit158_status own_streams(vit158_streams *copy, vit158_streams *streams,
                                 const vit158_quantizer_start *start, vit158_error *error)
{
    if (start->takes_streams) {
        *copy = *streams;
        *streams = (vit158_streams){.images = streams->images, .stride = streams->stride};
        return VIT158_OK;
    }
    VIT158_RETURN_IF_ERROR(vit158_streams_create(copy, start->teacher, streams->images, error));
    memcpy(copy->values, streams->values, streams->stride * streams->images * sizeof *copy->values);
    return VIT158_OK;
}

static vit158_status take_memory(vit158_quantizer *q, const vit158_quantizer_start *start,
                                 vit158_error *error)
{
    const vit158_model_info *const info = &start->teacher->info;
    const uint32_t count = info->depth * VIT158_BLOCK_LINEARS;
    const size_t widest = info->mlp_dim > info->dim ? info->mlp_dim : info->dim;
    const size_t batch =
        ((size_t)VIT158_BATCH_IMAGES * info->tokens + VIT158_TRAIN_TILE_ROWS) * widest + 64;
    q->works = calloc(start->pool->workers, sizeof *q->works);
    q->batch_x = calloc(batch, sizeof *q->batch_x);
    q->batch_f = calloc(batch, sizeof *q->batch_f);
    q->batch_e = calloc(batch, sizeof *q->batch_e);
    q->matrices = calloc(count, sizeof *q->matrices);
    if (q->works == NULL || q->batch_x == NULL || q->batch_f == NULL || q->batch_e == NULL ||
        q->matrices == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to quantize");
    VIT158_RETURN_IF_ERROR(vit158_shadow_create(&q->teacher, start->teacher, false, error));
    VIT158_RETURN_IF_ERROR(vit158_shadow_create(&q->student, start->student, true, error));
    for (uint32_t i = 0; i < start->pool->workers; i++)
        VIT158_RETURN_IF_ERROR(vit158_shadow_workspace_create(&q->works[i], start->teacher, error));
    for (uint32_t i = 0; i < count; i++)
        VIT158_RETURN_IF_ERROR(
            create_matrix(&q->matrices[i], q->student.layers[i].linear, start, error));
    return VIT158_OK;
}

/* Behind the last block nothing but the class token is worth anything. Three matrices would be
 * fitted to as few rows as there are images, so half of the weight there goes to all tokens alike.
 */
static void spread_last(vit158_quantizer *q)
{
    const size_t level = (size_t)q->learned * q->model->info.tokens;
    float *const last = q->factors + q->model->info.depth * level;
    for (size_t i = 0; i < level; i++)
        last[i] = 0.5F * last[i] + 0.5F;
}

static vit158_status weigh_tokens(vit158_quantizer *q, vit158_error *error)
{
    const size_t count = (size_t)(q->model->info.depth + 1) * q->learned * q->model->info.tokens;
    q->factors = calloc(count + 1, sizeof *q->factors);
    if (q->factors == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to quantize");
    VIT158_RETURN_IF_ERROR(vit158_token_worth(q->factors, q->model, q->known.values,
                                              q->known.stride, q->learned, q->pool, error));
    spread_last(q);
    for (size_t i = 0; i < count; i++)
        q->factors[i] = sqrtf(q->factors[i]);
    return VIT158_OK;
}

vit158_status vit158_quantizer_create(vit158_quantizer *q, const vit158_quantizer_start *start,
                                      vit158_error *error)
{
    *q = (vit158_quantizer){.settings = start->settings,
                            .model = start->teacher,
                            .pool = start->pool,
                            .learned = start->learned};
    q->settings.free_bias = has_free_bias(&start->settings);
    vit158_status status = vit158_shadow_check(start->teacher, error);
    if (status == VIT158_OK)
        status = own_streams(&q->known, start->known, start, error);
    if (status == VIT158_OK)
        status = own_streams(&q->rounded, start->rounded, start, error);
    /* First of all, because a backward pass needs more memory than anything that comes later. */
    if (status == VIT158_OK && q->settings.method != VIT158_METHOD_PTQ_VIT)
        status = weigh_tokens(q, error);
    if (status == VIT158_OK)
        status = take_memory(q, start, error);
    if (status != VIT158_OK)
        vit158_quantizer_free(q);
    return status;
}

void vit158_quantizer_free(vit158_quantizer *q)
{
    for (uint32_t i = 0; q->matrices != NULL && i < q->model->info.depth * VIT158_BLOCK_LINEARS;
         i++) {
        free(q->matrices[i].rows);
        free(q->matrices[i].chosen);
        free(q->matrices[i].levels);
        free(q->matrices[i].error);
        free(q->matrices[i].bias);
    }
    for (uint32_t i = 0; q->works != NULL && i < q->pool->workers; i++)
        vit158_shadow_workspace_free(&q->works[i]);
    vit158_streams_free(&q->known);
    vit158_streams_free(&q->rounded);
    vit158_shadow_free(&q->teacher);
    vit158_shadow_free(&q->student);
    free(q->works);
    free(q->batch_x);
    free(q->batch_f);
    free(q->batch_e);
    free(q->factors);
    free(q->matrices);
    *q = (vit158_quantizer){0};
}

static vit158_status quantize_layer(vit158_layer_at *at, vit158_error *error)
{
    vit158_quantizer *const q = at->q;
    vit158_rounded *const matrix = &q->matrices[at->block * VIT158_BLOCK_LINEARS + at->kind];
    const double start = vit158_now_ms();
    const bool target = q->settings.updates > 0 ||
                        (q->settings.method == VIT158_METHOD_GPTQ && q->settings.ridge > 0);
    vit158_moments moments = {0};
    vit158_rounding rounding = {0};
    vit158_status status = q->settings.static_steps ? vit158_layer_step(at, error) : VIT158_OK;
    if (status == VIT158_OK)
        status = vit158_layer_moments(at, &moments, target, error);
    if (status == VIT158_OK)
        status =
            vit158_rounding_create(&rounding, moments.h, matrix->n_in, q->settings.damping, error);
    if (status == VIT158_OK)
        status = vit158_layer_round(at, &moments, &rounding, error);
    if (status == VIT158_OK && q->settings.updates > 0)
        status = vit158_layer_train(at, &moments, error);
    vit158_rounding_free(&rounding);
    vit158_moments_free(&moments);
    matrix->seconds = (vit158_now_ms() - start) / 1000;
    return status;
}

static void advance_one(void *context, uint32_t task, uint32_t worker)
{
    const vit158_layer_at *const at = context;
    vit158_quantizer *const q = at->q;
    const bool teacher = task % 2 == 1;
    const vit158_streams *const streams = teacher ? &q->known : &q->rounded;
    vit158_shadow_add_branch(teacher ? &q->teacher : &q->student, &q->works[worker],
                             streams->values + (task / 2) * streams->stride, at->block,
                             at->kind == VIT158_PROJ ? 0 : 1);
}

void vit158_layer_advance(vit158_layer_at *at)
{
    if (at->kind == VIT158_PROJ || at->kind == VIT158_FC2)
        at->q->pool->run(at->q->pool, advance_one, at, 2 * at->q->known.images);
}

vit158_status vit158_quantizer_layer(vit158_quantizer *q, uint32_t index, vit158_error *error)
{
    vit158_layer_at at = {
        .q = q, .block = index / VIT158_BLOCK_LINEARS, .kind = index % VIT158_BLOCK_LINEARS};
    VIT158_RETURN_IF_ERROR(quantize_layer(&at, error));
    vit158_layer_advance(&at);
    return VIT158_OK;
}

vit158_status vit158_quantizer_run(vit158_quantizer *q, vit158_quantizer_hook hook, void *context,
                                   vit158_error *error)
{
    const uint32_t total = q->model->info.depth * VIT158_BLOCK_LINEARS;
    for (uint32_t i = 0; i < total; i++) {
        VIT158_RETURN_IF_ERROR(vit158_quantizer_layer(q, i, error));
        if (hook != NULL && hook(context, i + 1, total) != 0)
            return vit158_fail(error, VIT158_E_ABORTED, "stopped after matrix %u of %u", i + 1,
                               total);
    }
    return VIT158_OK;
}
