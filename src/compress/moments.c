/* SPDX-License-Identifier: MIT */
#include "compress/moments.h"

#include <stdlib.h>

#include "base/error.h"

/* Rows of H or C that one task adds to. */
#define TASK_ROWS 96U

typedef struct addition {
    const vit158_moments *moments;
    const vit158_train_compute *compute;
    const float *x, *f;
    uint32_t rows;
} addition;

static uint32_t task_count(const vit158_moments *moments)
{
    return (moments->n + TASK_ROWS - 1) / TASK_ROWS;
}

/* Tasks of H come first, then those of C. */
static void add_rows(void *context, uint32_t task, uint32_t worker)
{
    (void)worker;
    const addition *const a = context;
    const uint32_t tasks = task_count(a->moments), n = a->moments->n;
    const bool cross = task >= tasks;
    const uint32_t first = (cross ? task - tasks : task) * TASK_ROWS;
    const uint32_t count = n - first < TASK_ROWS ? n - first : TASK_ROWS;
    /* Of H only the columns from the diagonal on, from a multiple of 16. */
    const uint32_t column = cross ? 0 : first / 16 * 16;
    float *const y = (cross ? a->moments->cross : a->moments->h) + (size_t)first * n + column;
    const vit158_train_product p = {.y = y,
                                    .ldy = n,
                                    .a = (cross ? a->f : a->x) + first,
                                    .a_row = 1,
                                    .a_step = n,
                                    .b = a->x + column,
                                    .ldb = n,
                                    .rows = count,
                                    .cols = n - column,
                                    .depth = a->rows,
                                    .factor = 1.0F,
                                    .base = y,
                                    .base_ld = n};
    a->compute->product(&p);
}

vit158_status vit158_moments_create(vit158_moments *moments, uint32_t n, bool cross,
                                    vit158_error *error)
{
    const size_t size = (size_t)n * n;
    *moments = (vit158_moments){.n = n};
    moments->h = calloc(size, sizeof *moments->h);
    moments->cross = cross ? calloc(size, sizeof *moments->cross) : NULL;
    moments->sum = calloc(n, sizeof *moments->sum);
    if (moments->h == NULL || moments->sum == NULL || (cross && moments->cross == NULL)) {
        vit158_moments_free(moments);
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for a layer's moments");
    }
    return VIT158_OK;
}

void vit158_moments_free(vit158_moments *moments)
{
    free(moments->h);
    free(moments->cross);
    free(moments->sum);
    *moments = (vit158_moments){0};
}

void vit158_moments_add(vit158_moments *moments, const vit158_train_compute *compute,
                        vit158_pool *pool, const float *x, const float *f, uint32_t rows)
{
    addition a = {moments, compute, x, f, rows};
    compute->column_sums(moments->sum, x, moments->n, rows, moments->n, 1.0F);
    moments->rows += rows;
    pool->run(pool, add_rows, &a, task_count(moments) * (moments->cross != NULL ? 2 : 1));
}

void vit158_moments_finish(vit158_moments *moments)
{
    for (size_t i = 0; i < moments->n; i++)
        for (size_t j = 0; j < i; j++)
            moments->h[i * moments->n + j] = moments->h[j * moments->n + i];
}
