/* SPDX-License-Identifier: MIT */
#include "compress/layer_train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "compress/latent.h"

typedef struct training {
    vit158_quantizer *q;
    vit158_latent latent;
    float *panels;   /* of H */
    float *goal;     /* [n_out][n_in] W C + D */
    float *values;   /* [n_out][n_in], with spare rows for products */
    float *gradient; /* the same */
    double *best;    /* [n_out] least objective, without the part that W^ does not change */
    uint8_t *chosen; /* [n_out][n_in] and levels [n_out] that gave it */
    vit158_levels *levels;
} training;

static void multiply(const training *t, float *y, const float *w, const float *panels,
                     uint32_t n_out, uint32_t n)
{
    const vit158_train_product p = vit158_train_product_of(y, w, panels, n_out, n, n);
    t->q->student.compute->product(&p);
}

/* Objectives of the present values, whose product with H is in the gradient; keeps better outputs
 * and completes the gradient. */
static void judge(training *t)
{
    const vit158_rounded *const matrix = t->latent.matrix;
    const size_t n = matrix->n_in;
    for (size_t o = 0; o < matrix->n_out; o++) {
        double objective = 0;
        for (size_t i = o * n; i < (o + 1) * n; i++) {
            objective += (double)t->values[i] * ((double)t->gradient[i] - 2.0 * (double)t->goal[i]);
            t->gradient[i] -= t->goal[i];
        }
        if (objective >= t->best[o])
            continue;
        t->best[o] = objective;
        t->levels[o] = matrix->levels[o];
        memcpy(t->chosen + o * n, matrix->chosen + o * n, n);
    }
}

static void train(training *t)
{
    vit158_rounded *const matrix = t->latent.matrix;
    const uint32_t n = matrix->n_in, n_out = matrix->n_out, updates = t->q->settings.updates;
    for (uint32_t step = 0;; step++) {
        vit158_latent_round(&t->latent, t->values);
        multiply(t, t->gradient, t->values, t->panels, n_out, n);
        judge(t);
        if (step == updates)
            break;
        const float left = 1.0F - (float)step / (float)updates;
        vit158_latent_step(&t->latent, t->q->student.compute, t->gradient,
                           t->q->settings.rate * left, (uint64_t)step + 1);
    }
    memcpy(matrix->levels, t->levels, n_out * sizeof *t->levels);
    memcpy(matrix->chosen, t->chosen, (size_t)n_out * n);
}

static vit158_status take_memory(training *t, const vit158_rounded *matrix, vit158_error *error)
{
    const size_t n = matrix->n_in, n_out = matrix->n_out;
    const size_t spare = VIT158_TRAIN_TILE_ROWS * n, count = n * n_out;
    t->panels = calloc(vit158_train_panel_words(n, n) + VIT158_TRAIN_TILE_COLS, sizeof *t->panels);
    t->goal = calloc(count + spare, sizeof *t->goal);
    t->values = calloc(count + spare, sizeof *t->values);
    t->gradient = calloc(count + spare, sizeof *t->gradient);
    t->best = malloc(n_out * sizeof *t->best);
    t->chosen = malloc(count);
    t->levels = malloc(n_out * sizeof *t->levels);
    if (t->panels == NULL || t->goal == NULL || t->values == NULL || t->gradient == NULL ||
        t->best == NULL || t->chosen == NULL || t->levels == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to train a matrix");
    for (size_t o = 0; o < n_out; o++)
        t->best[o] = INFINITY;
    return VIT158_OK;
}

vit158_status vit158_layer_train(const vit158_layer_at *at, const vit158_moments *moments,
                                 vit158_error *error)
{
    vit158_quantizer *const q = at->q;
    vit158_rounded *const matrix = &q->matrices[at->block * VIT158_BLOCK_LINEARS + at->kind];
    const float *const w = vit158_shadow_at(&q->student, at->block, at->kind)->linear->weight;
    const uint32_t n = matrix->n_in;
    training t = {.q = q};
    vit158_status status = take_memory(&t, matrix, error);
    if (status == VIT158_OK)
        status = vit158_latent_create(&t.latent, matrix, w, error);
    if (status == VIT158_OK) {
        /* goal = W C + D, then H in its place. */
        memcpy(t.values, w, (size_t)matrix->n_out * n * sizeof *w);
        q->student.compute->pack(t.panels, moments->cross, n, 1, n, n);
        multiply(&t, t.goal, t.values, t.panels, matrix->n_out, n);
        for (size_t i = 0; moments->lack != NULL && i < (size_t)matrix->n_out * n; i++)
            t.goal[i] += moments->lack[i];
        q->student.compute->pack(t.panels, moments->h, n, 1, n, n);
        train(&t);
        status = vit158_layer_use(at, moments, error);
    }
    vit158_latent_free(&t.latent);
    free(t.panels);
    free(t.goal);
    free(t.values);
    free(t.gradient);
    free(t.best);
    free(t.chosen);
    free(t.levels);
    return status;
}
