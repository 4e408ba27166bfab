/* SPDX-License-Identifier: MIT */
#include "compress/moments.h"

#include <stdlib.h>

#include "base/error.h"

/* Rows of H, C or D that one task adds to. */
#define TASK_ROWS 96U

typedef struct addition {
    const vit158_moments *moments;
    const vit158_train_compute *compute;
    const vit158_moment_rows *rows;
} addition;

static uint32_t task_count(uint32_t height)
{
    return (height + TASK_ROWS - 1) / TASK_ROWS;
}

/* Adds the products of left [rows][height] with x to the task's rows of y [height][n], from
 * `column` on. */
static void add_products(const addition *a, float *y, const float *left, uint32_t height,
                         uint32_t task, uint32_t column)
{
    const uint32_t n = a->moments->n, first = task * TASK_ROWS;
    y += (size_t)first * n + column;
    const vit158_train_product p = {.y = y,
                                    .ldy = n,
                                    .a = left + first,
                                    .a_row = 1,
                                    .a_step = height,
                                    .b = a->rows->x + column,
                                    .ldb = n,
                                    .rows = height - first < TASK_ROWS ? height - first : TASK_ROWS,
                                    .cols = n - column,
                                    .depth = a->rows->rows,
                                    .factor = 1.0F,
                                    .base = y,
                                    .base_ld = n};
    a->compute->product(&p);
}

/* Tasks of H come first, then those of C, then those of D. */
static void add_rows(void *context, uint32_t task, uint32_t worker)
{
    (void)worker;
    const addition *const a = context;
    const vit158_moments *const m = a->moments;
    const uint32_t tasks = task_count(m->n), cross = m->cross != NULL ? tasks : 0;
    if (task < tasks) /* only the columns from the diagonal on, from a multiple of 16 */
        add_products(a, m->h, a->rows->x, m->n, task, task * TASK_ROWS / 16 * 16);
    else if (task < tasks + cross)
        add_products(a, m->cross, a->rows->f, m->n, task - tasks, 0);
    else
        add_products(a, m->lack, a->rows->e, m->n_lack, task - tasks - cross, 0);
}

vit158_status vit158_moments_create(vit158_moments *moments, uint32_t n, bool cross,
                                    uint32_t n_lack, vit158_error *error)
{
    const size_t size = (size_t)n * n;
    *moments = (vit158_moments){.n = n, .n_lack = n_lack};
    moments->h = calloc(size, sizeof *moments->h);
    moments->cross = cross ? calloc(size, sizeof *moments->cross) : NULL;
    moments->lack = n_lack > 0 ? calloc((size_t)n_lack * n, sizeof *moments->lack) : NULL;
    moments->x_sum = calloc(2 * (size_t)n + n_lack, sizeof *moments->x_sum);
    if (moments->h == NULL || moments->x_sum == NULL || (cross && moments->cross == NULL) ||
        (n_lack > 0 && moments->lack == NULL)) {
        vit158_moments_free(moments);
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for a layer's moments");
    }
    moments->f_sum = moments->x_sum + n;
    moments->e_sum = moments->f_sum + n;
    return VIT158_OK;
}

void vit158_moments_free(vit158_moments *moments)
{
    free(moments->h);
    free(moments->cross);
    free(moments->lack);
    free(moments->x_sum);
    *moments = (vit158_moments){0};
}

/* sum [n] += factor[t] * rows[t][:]. */
static void add_sums(double *sum, const float *rows, uint32_t n, const vit158_moment_rows *all)
{
    for (uint32_t t = 0; t < all->rows; t++)
        for (uint32_t i = 0; i < n; i++)
            sum[i] += (double)(all->factor[t] * rows[(size_t)t * n + i]);
}

void vit158_moments_add(vit158_moments *moments, const vit158_train_compute *compute,
                        vit158_pool *pool, const vit158_moment_rows *rows)
{
    addition a = {moments, compute, rows};
    const uint32_t tasks = task_count(moments->n);
    add_sums(moments->x_sum, rows->x, moments->n, rows);
    if (moments->cross != NULL)
        add_sums(moments->f_sum, rows->f, moments->n, rows);
    if (moments->lack != NULL)
        add_sums(moments->e_sum, rows->e, moments->n_lack, rows);
    for (uint32_t t = 0; t < rows->rows; t++)
        moments->weight += (double)(rows->factor[t] * rows->factor[t]);
    pool->run(pool, add_rows, &a,
              tasks + (moments->cross != NULL ? tasks : 0) + task_count(moments->n_lack));
}

/* m [height][n] -= left x_sum^T / weight. */
static void take_means(float *m, const double *left, uint32_t height, const vit158_moments *moments)
{
    const uint32_t n = moments->n;
    for (uint32_t i = 0; m != NULL && i < height; i++)
        for (uint32_t j = 0; j < n; j++)
            m[(size_t)i * n + j] -= (float)(left[i] * moments->x_sum[j] / moments->weight);
}

void vit158_moments_finish(vit158_moments *moments, bool centre)
{
    const uint32_t n = moments->n;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            moments->h[i * n + j] = moments->h[j * n + i];
    moments->centred = centre && moments->weight > 0;
    if (!moments->centred)
        return;
    take_means(moments->h, moments->x_sum, n, moments);
    take_means(moments->cross, moments->f_sum, n, moments);
    take_means(moments->lack, moments->e_sum, moments->n_lack, moments);
}
