/* SPDX-License-Identifier: MIT */
#include "compress/layer_round.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "compress/cholesky.h"

/* ---- Inputs --------------------------------------------------------------------------------- */

/* Does only the class token's row of this layer's output reach the logits? */
static bool class_only(const vit158_layer_at *at)
{
    return at->block + 1 == at->q->model->info.depth && at->kind != VIT158_QKV;
}

/* Are this layer's outputs added to the stream? */
static bool ends_branch(const vit158_layer_at *at)
{
    return at->kind == VIT158_PROJ || at->kind == VIT158_FC2;
}

/* [tokens] of an image of the batch: of what tokens are worth in front of the block for the first
 * matrix, whose outputs other tokens see, and behind it for the others. */
static const float *factors_of(const vit158_layer_at *at, uint32_t place)
{
    const vit158_quantizer *const q = at->q;
    const size_t level = at->block + (at->kind != VIT158_QKV ? 1 : 0);
    return q->factors + (level * q->learned + at->first + place) * q->model->info.tokens;
}

/* Rows [tokens][n] of an image of the batch. */
static void weigh_rows(const vit158_layer_at *at, float *rows, uint32_t place, uint32_t n)
{
    const float *const factors = factors_of(at, place);
    for (uint32_t t = 0; t < at->q->model->info.tokens; t++)
        for (uint32_t i = 0; i < n; i++)
            rows[(size_t)t * n + i] *= factors[t];
}

/* What the student's stream of an image lacks in front of this branch. */
static void take_lack(const vit158_layer_at *at, uint32_t place)
{
    const vit158_quantizer *const q = at->q;
    const size_t from = (at->first + place) * q->known.stride;
    float *const e = q->batch_e + place * q->known.stride;
    for (size_t i = 0; i < q->known.stride; i++)
        e[i] = q->known.values[from + i] - q->rounded.values[from + i];
    weigh_rows(at, e, place, q->model->info.dim);
}

/* Even tasks are the student's, odd ones the teacher's; with step 2 all are the student's. */
static void take_inputs(void *context, uint32_t task, uint32_t worker)
{
    const vit158_layer_at *const at = context;
    vit158_quantizer *const q = at->q;
    const bool teacher = task * at->step % 2 == 1;
    const uint32_t place = task * at->step / 2, n_tokens = q->model->info.tokens;
    const vit158_streams *const streams = teacher ? &q->known : &q->rounded;
    const vit158_shadow *const shadow = teacher ? &q->teacher : &q->student;
    const uint32_t n = vit158_shadow_at(shadow, at->block, at->kind)->linear->n_in;
    float *const to = (teacher ? q->batch_f : q->batch_x) + (size_t)place * n_tokens * n;
    const float *const from = vit158_shadow_input(
        shadow, &q->works[worker], streams->values + (at->first + place) * streams->stride,
        at->block, at->kind);
    memcpy(to, from, (size_t)n_tokens * n * sizeof *to);
    if (at->plain)
        return;
    weigh_rows(at, to, place, n);
    if (teacher && ends_branch(at))
        take_lack(at, place);
}

static uint32_t batch_at(const vit158_quantizer *q, uint32_t first)
{
    const uint32_t left = q->learned - first;
    return left < VIT158_BATCH_IMAGES ? left : VIT158_BATCH_IMAGES;
}

vit158_status vit158_layer_step(vit158_layer_at *at, vit158_error *error)
{
    vit158_quantizer *const q = at->q;
    vit158_shadow_layer *const layer = vit158_shadow_at(&q->student, at->block, at->kind);
    vit158_rounded *const matrix = &q->matrices[at->block * VIT158_BLOCK_LINEARS + at->kind];
    vit158_activation_range range;
    VIT158_RETURN_IF_ERROR(vit158_activation_range_create(&range, error));
    layer->rounds = false; /* the inputs as they come */
    at->plain = true;
    at->step = 2;
    for (at->first = 0; at->first < q->learned; at->first += VIT158_BATCH_IMAGES) {
        const uint32_t count = batch_at(q, at->first);
        q->pool->run(q->pool, take_inputs, at, count);
        const size_t image = (size_t)q->model->info.tokens * matrix->n_in;
        for (uint32_t i = 0; i < count; i++)
            vit158_activation_range_add(&range, q->batch_x + i * image,
                                        class_only(at) ? matrix->n_in : image);
    }
    at->plain = false;
    layer->rounds = true;
    layer->step = matrix->step = vit158_activation_range_step(&range, q->settings.step_rule);
    vit158_activation_range_free(&range);
    return VIT158_OK;
}

/* ---- Moments -------------------------------------------------------------------------------- */

vit158_status vit158_layer_moments(vit158_layer_at *at, vit158_moments *moments, bool cross,
                                   vit158_error *error)
{
    vit158_quantizer *const q = at->q;
    const uint32_t n = vit158_shadow_at(&q->student, at->block, at->kind)->linear->n_in;
    const uint32_t n_lack = cross && ends_branch(at) ? q->model->info.dim : 0;
    VIT158_RETURN_IF_ERROR(vit158_moments_create(
        moments, n, cross, n_lack, VIT158_BATCH_IMAGES * q->model->info.tokens, error));
    for (uint32_t first = 0; first < q->learned; first += VIT158_BATCH_IMAGES) {
        const uint32_t count = batch_at(q, first);
        at->first = first;
        at->step = cross ? 1 : 2;
        q->pool->run(q->pool, take_inputs, at, cross ? 2 * count : count);
        const vit158_moment_rows rows = {.x = q->batch_x,
                                         .f = q->batch_f,
                                         .e = q->batch_e,
                                         .factor = factors_of(at, 0),
                                         .rows = count * q->model->info.tokens};
        vit158_moments_add(moments, q->student.compute, q->pool, &rows);
    }
    vit158_moments_finish(moments, q->settings.free_bias);
    return VIT158_OK;
}

/* ---- Rounding ------------------------------------------------------------------------------- */

/* Sums over the tokens of an output's y = w x and y^ = w^ x. */
typedef struct fit {
    double yy, yz, zz, y, z; /* z: y^ */
} fit;

typedef struct rounding_job {
    vit158_quantizer *q;
    const vit158_shadow_layer *layer;
    vit158_rounded *matrix;
    const vit158_rounding *rounding;
    const vit158_moments *moments;
    const double *factor; /* L of H + ridge */
    double ridge;
    float *scratch;  /* [workers][...] */
    double *columns; /* [workers][n] */
    fit *fits;       /* [n_out] */
} rounding_job;

/* The weights whose outputs on the student's inputs are nearest to the teacher's on its own and,
 * where they are added to the stream, to what that lacks besides: what is wanted times
 * (H + ridge)^-1. */
static void find_target(float *target, const rounding_job *job, uint32_t output, const float *w,
                        double *x)
{
    const uint32_t n = job->rounding->n;
    vit158_moments_wanted(x, job->moments, output, w, job->ridge);
    vit158_cholesky_solve(x, job->factor, n);
    for (uint32_t i = 0; i < n; i++)
        target[i] = (float)x[i];
}

/* Four sums side by side. */
static double dot(const float *x, const float *y, uint32_t n)
{
    float sum[4] = {0};
    uint32_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (uint32_t k = 0; k < 4; k++)
            sum[k] += x[i + k] * y[i + k];
    for (; i < n; i++)
        sum[i % 4] += x[i] * y[i];
    return (double)(sum[0] + sum[1]) + (double)(sum[2] + sum[3]);
}

/* w and `values` [n]: an output's weights before and after. */
static fit measure_fit(const vit158_moments *moments, const float *w, const float *values)
{
    const uint32_t n = moments->n;
    fit f = {0};
    for (uint32_t i = 0; i < n; i++) {
        const float *const h = moments->h + (size_t)i * n;
        const double hw = dot(h, w, n), hv = dot(h, values, n);
        const double v = (double)values[i];
        f.yy += (double)w[i] * hw;
        f.yz += v * hw;
        f.zz += v * hv;
        f.y += moments->centred ? 0 : (double)w[i] * moments->x_sum[i];
        f.z += moments->centred ? 0 : v * moments->x_sum[i];
    }
    return f;
}

/* Over all outputs and tokens of the matrix. */
static void sum_fits(vit158_rounded *matrix, const fit *fits, double weight)
{
    fit all = {0};
    for (uint32_t o = 0; o < matrix->n_out; o++) {
        all.yy += fits[o].yy;
        all.yz += fits[o].yz;
        all.zz += fits[o].zz;
        all.y += fits[o].y;
        all.z += fits[o].z;
    }
    const double count = weight * matrix->n_out;
    const double var_y = all.yy - all.y * all.y / count, var_z = all.zz - all.z * all.z / count;
    const double both = all.yz - all.y * all.z / count;
    matrix->pearson = var_y > 0 && var_z > 0 ? both / sqrt(var_y * var_z) : 1;
    matrix->gain = all.yy > 0 ? all.yz / all.yy : 1;
    matrix->loss = all.yy > 0 ? (all.yy - 2 * all.yz + all.zz) / all.yy : 0;
}

static void round_output(void *context, uint32_t task, uint32_t worker)
{
    const rounding_job *const job = context;
    const vit158_rounding *const rounding = job->rounding;
    const uint32_t n = rounding->n;
    const vit158_quantizer_settings *const settings = &job->q->settings;
    const float *w = job->layer->linear->weight;
    w += (size_t)task * n;
    float *const scratch = job->scratch + worker * (vit158_round_scratch(n) + 2 * n);
    float *const ordered = scratch + vit158_round_scratch(n), *const target = ordered + n;
    uint8_t *const chosen = job->matrix->chosen + (size_t)task * n;
    if (job->factor != NULL)
        find_target(target, job, task, w, job->columns + (size_t)worker * n);
    else
        memcpy(target, w, n * sizeof *target);
    for (uint32_t i = 0; i < n; i++)
        ordered[i] = target[rounding->order[i]];
    static const vit158_scale_rule rules[] = {
        [VIT158_METHOD_RTN] = VIT158_SCALES_LARGEST,
        [VIT158_METHOD_MSE] = VIT158_SCALES_SQUARED,
        [VIT158_METHOD_PERCENTILE] = VIT158_SCALES_PERCENTILE,
        [VIT158_METHOD_GPTQ] = VIT158_SCALES_WEIGHTED,
    };
    const bool compensate = settings->method == VIT158_METHOD_GPTQ;
    const vit158_round_how how = {.rows = job->matrix->rows[task],
                                  .passes = compensate ? settings->passes : 0,
                                  .compensate = compensate,
                                  .half_scales = settings->half_scales,
                                  .scales = rules[settings->method]};
    job->matrix->error[task] =
        vit158_round_row(&job->matrix->levels[task], chosen, ordered, rounding, &how, scratch);
    /* Back to the order of inputs. */
    uint8_t *const sorted = (uint8_t *)scratch;
    for (uint32_t i = 0; i < n; i++)
        sorted[rounding->order[i]] = chosen[i];
    memcpy(chosen, sorted, n);
    for (uint32_t i = 0; i < n; i++)
        target[i] = job->matrix->levels[task].value[chosen[i]];
    job->fits[task] = measure_fit(job->moments, w, target);
}

vit158_status vit158_layer_use(const vit158_layer_at *at, const vit158_moments *moments,
                               vit158_error *error)
{
    vit158_rounded *const matrix = &at->q->matrices[at->block * VIT158_BLOCK_LINEARS + at->kind];
    float *const values = malloc((size_t)matrix->n_in * matrix->n_out * sizeof *values);
    if (values == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to round a matrix");
    vit158_rounded_values(values, matrix);
    vit158_shadow_set(&at->q->student, at->block, at->kind, values);
    if (moments->centred) {
        vit158_shadow_layer *const layer = vit158_shadow_at(&at->q->student, at->block, at->kind);
        vit158_moments_fit_bias(matrix->bias, moments, layer->linear, values);
        layer->bias = matrix->bias;
    }
    free(values);
    return VIT158_OK;
}

vit158_status vit158_layer_round(const vit158_layer_at *at, const vit158_moments *moments,
                                 const vit158_rounding *rounding, vit158_error *error)
{
    vit158_quantizer *const q = at->q;
    const size_t n = moments->n, workers = q->pool->workers;
    rounding_job job = {.q = q,
                        .layer = vit158_shadow_at(&q->student, at->block, at->kind),
                        .matrix = &q->matrices[at->block * VIT158_BLOCK_LINEARS + at->kind],
                        .rounding = rounding,
                        .moments = moments};
    double *factor = NULL;
    job.scratch = malloc(workers * (vit158_round_scratch((uint32_t)n) + 2 * n) * sizeof(float));
    job.columns = malloc(workers * n * sizeof(double));
    job.fits = malloc(job.matrix->n_out * sizeof *job.fits);
    vit158_status status = VIT158_OK;
    const bool target =
        moments->cross != NULL && q->settings.method == VIT158_METHOD_GPTQ && q->settings.ridge > 0;
    if (target) {
        factor = malloc(n * n * sizeof *factor);
        if (factor != NULL)
            job.ridge = vit158_moments_damp(factor, moments, (double)q->settings.ridge);
        if (factor != NULL && !vit158_cholesky(factor, (uint32_t)n))
            status = vit158_fail(error, VIT158_E_NUMERIC,
                                 "the moments of blocks.%u.%s are not positive definite", at->block,
                                 vit158_linear_name(at->kind));
        job.factor = factor;
    }
    if (job.scratch == NULL || job.columns == NULL || job.fits == NULL ||
        (target && factor == NULL))
        status = vit158_fail(error, VIT158_E_MEMORY, "not enough memory to round a matrix");
    if (status == VIT158_OK) {
        q->pool->run(q->pool, round_output, &job, job.matrix->n_out);
        sum_fits(job.matrix, job.fits, moments->weight);
    }
    free(job.scratch);
    free(job.columns);
    free(job.fits);
    free(factor);
    return status == VIT158_OK ? vit158_layer_use(at, moments, error) : status;
}
