/* SPDX-License-Identifier: MIT */
#include "compress/latent.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "model/half.h"

#define BETA1 0.9F
#define BETA2 0.99F
#define EPS 1e-12F
/* How near to the edge of its cell a latent weight may start, of the way from the level to it. */
#define WITHIN 0.9F
/* Scales move by this share of what latent weights do: each is the sum of a whole row. */
#define SCALE_SHARE 0.25F

/* Scales of an output: one a row, or the step of uniform levels. */
static uint32_t scale_count(const vit158_levels *levels)
{
    return levels->rows > 0 ? levels->rows : 1;
}

vit158_status vit158_latent_create(vit158_latent *l, vit158_rounded *matrix, const float *weights,
                                   vit158_error *error)
{
    const size_t count = (size_t)matrix->n_out * matrix->n_in;
    const size_t scales = (size_t)matrix->n_out * VIT158_MAX_ROW_SUMS;
    *l = (vit158_latent){.matrix = matrix};
    l->w = malloc(count * sizeof *l->w);
    l->m = calloc(count, sizeof *l->m);
    l->v = calloc(count, sizeof *l->v);
    l->scale = calloc(scales, sizeof *l->scale);
    l->scale_m = calloc(scales, sizeof *l->scale_m);
    l->scale_v = calloc(scales, sizeof *l->scale_v);
    if (l->w == NULL || l->m == NULL || l->v == NULL || l->scale == NULL || l->scale_m == NULL ||
        l->scale_v == NULL) {
        vit158_latent_free(l);
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for latent weights");
    }
    for (size_t o = 0; o < matrix->n_out; o++) {
        const vit158_levels *const levels = &matrix->levels[o];
        for (uint32_t r = 0; r < scale_count(levels); r++)
            l->scale[o * VIT158_MAX_ROW_SUMS + r] = levels->scale[r];
        for (size_t i = o * matrix->n_in; i < (o + 1) * matrix->n_in; i++) {
            const uint32_t at = matrix->chosen[i];
            const float value = levels->value[at];
            const float below = at > 0 ? 0.5F * (value - levels->value[at - 1]) : INFINITY;
            const float above =
                at + 1 < levels->count ? 0.5F * (levels->value[at + 1] - value) : INFINITY;
            l->w[i] = fminf(fmaxf(weights[i], value - WITHIN * below), value + WITHIN * above);
        }
    }
    return VIT158_OK;
}

void vit158_latent_free(vit158_latent *l)
{
    free(l->w);
    free(l->m);
    free(l->v);
    free(l->scale);
    free(l->scale_m);
    free(l->scale_v);
    *l = (vit158_latent){0};
}

/* Exact in F16, as the file stores it; those below its normal numbers stay floats. */
static float stored_scale(float scale)
{
    uint16_t half;
    const bool fits = scale >= 0x1p-14F && vit158_f16_narrow(&half, scale);
    return fits ? vit158_f16_widen(half) : scale;
}

void vit158_latent_round(const vit158_latent *l, float *values)
{
    vit158_rounded *const matrix = l->matrix;
    for (size_t o = 0; o < matrix->n_out; o++) {
        vit158_levels *const levels = &matrix->levels[o];
        float scale[VIT158_MAX_ROW_SUMS];
        const uint32_t rows = matrix->rows[o];
        for (uint32_t r = 0; r < scale_count(levels); r++)
            scale[r] = stored_scale(l->scale[o * VIT158_MAX_ROW_SUMS + r]);
        if (rows == 0)
            vit158_levels_uniform(levels, scale[0], levels->count / 2);
        else
            vit158_levels_of_rows(levels, scale, rows);
        for (size_t i = o * matrix->n_in; i < (o + 1) * matrix->n_in; i++) {
            matrix->chosen[i] = (uint8_t)vit158_nearest_level(levels, l->w[i]);
            values[i] = levels->value[matrix->chosen[i]];
        }
    }
}

/* Gradients of an output's scales: each level is their sum with its trits as factors. */
static void scale_gradients(float out[VIT158_MAX_ROW_SUMS], const vit158_levels *levels,
                            const uint8_t *chosen, const float *gradient, uint32_t n)
{
    double by_level[VIT158_MAX_LEVELS] = {0}, sums[VIT158_MAX_ROW_SUMS] = {0};
    for (uint32_t i = 0; i < n; i++)
        by_level[chosen[i]] += (double)gradient[i];
    for (uint32_t level = 0; level < levels->count; level++) {
        if (levels->rows == 0)
            sums[0] += by_level[level] * ((int)level - (int)(levels->count / 2));
        for (uint32_t r = 0; r < levels->rows; r++)
            sums[r] += by_level[level] * vit158_level_trit(levels, level, r);
    }
    for (uint32_t r = 0; r < VIT158_MAX_ROW_SUMS; r++)
        out[r] = (float)sums[r];
}

void vit158_latent_step(vit158_latent *l, const vit158_train_compute *compute,
                        const float *gradient, float rate, uint64_t step)
{
    const vit158_rounded *const matrix = l->matrix;
    const uint32_t n = matrix->n_in;
    vit158_train_adamw how = {.beta1 = BETA1,
                              .beta2 = BETA2,
                              .eps = EPS,
                              .correct1 = 1.0F / (1.0F - powf(BETA1, (float)step)),
                              .correct2 = 1.0F / (1.0F - powf(BETA2, (float)step))};
    for (size_t o = 0; o < matrix->n_out; o++) {
        const vit158_levels *const levels = &matrix->levels[o];
        const size_t at = o * n, first = o * VIT158_MAX_ROW_SUMS;
        float slopes[VIT158_MAX_ROW_SUMS];
        scale_gradients(slopes, levels, matrix->chosen + at, gradient + at, n);
        how.lr = rate * (levels->value[levels->count - 1] - levels->value[0]) /
                 (float)(levels->count - 1);
        compute->adamw(l->w + at, gradient + at, l->m + at, l->v + at, n, &how);
        for (uint32_t r = 0; r < scale_count(levels); r++) {
            float *const m = &l->scale_m[first + r], *const v = &l->scale_v[first + r];
            *m = BETA1 * *m + (1.0F - BETA1) * slopes[r];
            *v = BETA2 * *v + (1.0F - BETA2) * slopes[r] * slopes[r];
            const float move = *m * how.correct1 / (sqrtf(*v * how.correct2) + EPS);
            l->scale[first + r] *= 1.0F - SCALE_SHARE * rate * fminf(fmaxf(move, -1.0F), 1.0F);
        }
    }
}
