/* SPDX-License-Identifier: MIT */
#include "compress/sensitivity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "compress/layer_round.h"

double vit158_sensitivity_of(const vit158_sensitivity *s, uint32_t o, uint32_t rows)
{
    const double *const errors = s->error + (size_t)(rows - 1) * s->n_out;
    double total = 0;
    for (uint32_t i = 0; i < s->n_out; i++)
        total += errors[i];
    return total > 0 ? s->divergence[rows - 1] * errors[o] / total : 0;
}

void vit158_sensitivity_free(vit158_sensitivity *s, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        free(s[i].error);
    memset(s, 0, count * sizeof *s);
}

static double log_total(const float *logits, uint32_t classes, double *largest)
{
    double total = 0;
    *largest = (double)logits[0];
    for (uint32_t c = 1; c < classes; c++)
        *largest = fmax(*largest, (double)logits[c]);
    for (uint32_t c = 0; c < classes; c++)
        total += exp((double)logits[c] - *largest);
    return log(total);
}

double vit158_divergence(const float *p_logits, const float *q_logits, uint32_t classes)
{
    double p_top, q_top, sum = 0;
    const double p_total = log_total(p_logits, classes, &p_top);
    const double q_total = log_total(q_logits, classes, &q_top);
    for (uint32_t c = 0; c < classes; c++) {
        const double p = (double)p_logits[c] - p_top - p_total;
        const double q = (double)q_logits[c] - q_top - q_total;
        sum += exp(p) * (p - q);
    }
    return sum;
}

typedef struct trial {
    vit158_quantizer *q;
    const vit158_shadow *shadow;
    const vit158_streams *from;
    uint32_t images;
    uint32_t half;   /* of the network, where the streams stand: 2 * block + half of the block */
    float *streams;  /* [workers] of one image */
    float *logits;   /* [workers][ld] */
    float *expected; /* [images][ld] of the float network */
    size_t ld;
    double *divergence; /* [images]; NULL: logits become the expected ones */
} trial;

static uint32_t image_of(const trial *t, uint32_t task)
{
    return (uint32_t)((uint64_t)task * t->q->learned / t->images);
}

static void try_image(void *context, uint32_t task, uint32_t worker)
{
    const trial *const t = context;
    const vit158_model_info *const info = &t->q->model->info;
    const size_t stride = t->from->stride;
    float *const x = t->streams + worker * (stride + (size_t)VIT158_TRAIN_TILE_ROWS * info->dim);
    memcpy(x, t->from->values + image_of(t, task) * stride, stride * sizeof *x);
    for (uint32_t half = t->half; half < 2 * info->depth; half++)
        vit158_shadow_add_branch(t->shadow, &t->q->works[worker], x, half / 2, half % 2);
    float *const expected = t->expected + task * t->ld;
    float *const logits = t->divergence != NULL ? t->logits + worker * t->ld : expected;
    vit158_shadow_logits(t->shadow, &t->q->works[worker], x, logits);
    if (t->divergence != NULL)
        t->divergence[task] = vit158_divergence(expected, logits, info->classes);
}

static double run_trial(trial *t)
{
    double sum = 0;
    t->q->pool->run(t->q->pool, try_image, t, t->images);
    for (uint32_t i = 0; t->divergence != NULL && i < t->images; i++)
        sum += t->divergence[i];
    return sum / t->images;
}

static double total_of(const double *values, uint32_t count)
{
    double total = 0;
    for (uint32_t i = 0; i < count; i++)
        total += values[i];
    return total;
}

static vit158_status measure_matrix(vit158_sensitivity *s, vit158_layer_at *at, trial *t,
                                    double before, vit158_error *error)
{
    vit158_quantizer *const q = at->q;
    vit158_rounded *const matrix = &q->matrices[at->block * VIT158_BLOCK_LINEARS + at->kind];
    const uint32_t n_out = matrix->n_out;
    vit158_moments moments = {0};
    vit158_rounding rounding = {0};
    *s = (vit158_sensitivity){.n_out = n_out};
    s->error = calloc((size_t)VIT158_MAX_ROW_SUMS * n_out, sizeof *s->error);
    if (s->error == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the sensitivities");
    vit158_status status = vit158_layer_moments(at, &moments, false, error);
    if (status == VIT158_OK)
        status =
            vit158_rounding_create(&rounding, moments.h, matrix->n_in, q->settings.damping, error);
    t->half = 2 * at->block + (at->kind >= VIT158_FC1);
    for (uint32_t rows = VIT158_MAX_ROW_SUMS; rows >= 1 && status == VIT158_OK; rows--) {
        memset(matrix->rows, (int)rows, n_out);
        status = vit158_layer_round(at, &moments, &rounding, error);
        memcpy(s->error + (size_t)(rows - 1) * n_out, matrix->error, n_out * sizeof *s->error);
        if (status == VIT158_OK && rows <= VIT158_MEASURED_ROWS)
            s->divergence[rows - 1] = fmax(run_trial(t) - before, 0);
    }
    if (status == VIT158_OK) {
        const uint32_t last = VIT158_MEASURED_ROWS - 1;
        const double measured = total_of(s->error + (size_t)last * n_out, n_out);
        for (uint32_t rows = last + 1; rows < VIT158_MAX_ROW_SUMS && measured > 0; rows++)
            s->divergence[rows] =
                s->divergence[last] * total_of(s->error + (size_t)rows * n_out, n_out) / measured;
        vit158_shadow_layer *const layer = vit158_shadow_at(&q->student, at->block, at->kind);
        vit158_shadow_set(&q->student, at->block, at->kind, layer->linear->weight);
        layer->bias = layer->linear->bias;
    }
    vit158_rounding_free(&rounding);
    vit158_moments_free(&moments);
    return status;
}

static vit158_status measure_all(vit158_sensitivity *out, trial *t, vit158_quantizer_hook hook,
                                 void *context, vit158_error *error)
{
    vit158_quantizer *const q = t->q;
    double *const divergence = t->divergence;
    const uint32_t total = q->model->info.depth * VIT158_BLOCK_LINEARS;
    t->divergence = NULL; /* the float network first */
    t->shadow = &q->teacher;
    t->from = &q->known;
    run_trial(t);
    t->divergence = divergence;
    t->shadow = &q->student;
    t->from = &q->rounded;
    const double before = run_trial(t); /* what rounding the inputs costs anyway */
    for (uint32_t i = 0; i < total; i++) {
        vit158_layer_at at = {
            .q = q, .block = i / VIT158_BLOCK_LINEARS, .kind = i % VIT158_BLOCK_LINEARS};
        VIT158_RETURN_IF_ERROR(measure_matrix(&out[i], &at, t, before, error));
        vit158_layer_advance(&at);
        if (hook != NULL && hook(context, i + 1, total) != 0)
            return vit158_fail(error, VIT158_E_ABORTED, "stopped");
    }
    return VIT158_OK;
}

vit158_status vit158_sensitivity_measure(vit158_sensitivity *out, vit158_quantizer *q,
                                         uint32_t images, vit158_quantizer_hook hook, void *context,
                                         vit158_error *error)
{
    const vit158_model_info *const info = &q->model->info;
    const size_t workers = q->pool->workers;
    const size_t stream = q->known.stride + (size_t)VIT158_TRAIN_TILE_ROWS * info->dim;
    trial t = {.q = q,
               .images = images < q->learned ? images : q->learned,
               .ld = vit158_train_round_up(info->classes, VIT158_TRAIN_TILE_COLS)};
    memset(out, 0, info->depth * VIT158_BLOCK_LINEARS * sizeof *out);
    t.streams = calloc(workers * stream, sizeof *t.streams);
    t.logits = calloc(workers * t.ld, sizeof *t.logits);
    t.expected = calloc(t.images * t.ld, sizeof *t.expected);
    t.divergence = calloc(t.images, sizeof *t.divergence);
    const vit158_status status =
        t.streams != NULL && t.logits != NULL && t.expected != NULL && t.divergence != NULL
            ? measure_all(out, &t, hook, context, error)
            : vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the sensitivities");
    free(t.streams);
    free(t.logits);
    free(t.expected);
    free(t.divergence);
    return status;
}
