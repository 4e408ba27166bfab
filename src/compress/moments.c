/* SPDX-License-Identifier: MIT */
#include "compress/moments.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/sizes.h"

/* A task adds to so many rows of H, C or D: the columns of one panel of their left operand. Rows of
 * tokens are too far apart to be read by columns: they would share a few sets of the caches. */
#define PANEL VIT158_TRAIN_TILE_COLS

typedef struct addition {
    const vit158_moments *moments;
    const vit158_train_compute *compute;
    const vit158_moment_rows *rows;
} addition;

/* Panels of x, then those of f if there is C, then those of e. */
typedef struct panel {
    const float *from; /* [rows][height] */
    float *to;         /* [height / PANEL][rows][PANEL] */
    float *sum;        /* what they are multiplied with x for: H, C or D */
    uint32_t height;
    uint32_t at; /* which of them */
} panel;

static uint32_t panel_count(uint32_t height)
{
    return vit158_pieces(height, PANEL);
}

static panel panel_of(const addition *a, uint32_t task)
{
    const vit158_moments *const m = a->moments;
    const uint32_t of_x = panel_count(m->n), of_f = m->cross != NULL ? of_x : 0;
    const size_t size = (size_t)m->most_rows * PANEL;
    if (task < of_x)
        return (panel){a->rows->x, m->panels, m->h, m->n, task};
    if (task < of_x + of_f)
        return (panel){a->rows->f, m->panels + of_x * size, m->cross, m->n, task - of_x};
    return (panel){a->rows->e, m->panels + (of_x + of_f) * size, m->lack, m->n_lack,
                   task - of_x - of_f};
}

static uint32_t all_panels(const vit158_moments *m)
{
    return panel_count(m->n) * (m->cross != NULL ? 2 : 1) + panel_count(m->n_lack);
}

static uint32_t width_of(const panel *p)
{
    const uint32_t left = p->height - p->at * PANEL;
    return left < PANEL ? left : PANEL;
}

static void fill_panel(void *context, uint32_t task, uint32_t worker)
{
    (void)worker;
    const addition *const a = context;
    const panel p = panel_of(a, task);
    const size_t size = (size_t)a->rows->rows * PANEL;
    a->compute->pack(p.to + p.at * size, p.from + (size_t)p.at * PANEL, p.height, 1, a->rows->rows,
                     width_of(&p));
}

/* The panel's products with x; of H only the columns from the diagonal on. */
static void add_products(void *context, uint32_t task, uint32_t worker)
{
    (void)worker;
    const addition *const a = context;
    const vit158_moments *const m = a->moments;
    const panel p = panel_of(a, task);
    const uint32_t column = p.sum == m->h ? p.at * PANEL : 0;
    const size_t size = (size_t)a->rows->rows * PANEL;
    float *const y = p.sum + (size_t)p.at * PANEL * m->n + column;
    const vit158_train_product product = {.y = y,
                                          .ldy = m->n,
                                          .a = p.to + p.at * size,
                                          .a_row = 1,
                                          .a_step = PANEL,
                                          .b = m->panels + column / PANEL * size,
                                          .rows = width_of(&p),
                                          .cols = m->n - column,
                                          .depth = a->rows->rows,
                                          .factor = 1.0F,
                                          .base = y,
                                          .base_ld = m->n};
    a->compute->product(&product);
}

vit158_status vit158_moments_create(vit158_moments *moments, uint32_t n, bool cross,
                                    uint32_t n_lack, uint32_t most_rows, vit158_error *error)
{
    const size_t size = (size_t)n * n;
    *moments = (vit158_moments){.n = n, .n_lack = n_lack, .most_rows = most_rows};
    moments->h = calloc(size, sizeof *moments->h);
    moments->cross = cross ? calloc(size, sizeof *moments->cross) : NULL;
    moments->lack = n_lack > 0 ? calloc((size_t)n_lack * n, sizeof *moments->lack) : NULL;
    moments->x_sum = calloc(2 * (size_t)n + n_lack, sizeof *moments->x_sum);
    moments->panels =
        malloc((size_t)all_panels(moments) * most_rows * PANEL * sizeof *moments->panels);
    if (moments->panels == NULL || moments->h == NULL || moments->x_sum == NULL ||
        (cross && moments->cross == NULL) || (n_lack > 0 && moments->lack == NULL)) {
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
    free(moments->panels);
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
    add_sums(moments->x_sum, rows->x, moments->n, rows);
    if (moments->cross != NULL)
        add_sums(moments->f_sum, rows->f, moments->n, rows);
    if (moments->lack != NULL)
        add_sums(moments->e_sum, rows->e, moments->n_lack, rows);
    for (uint32_t t = 0; t < rows->rows; t++)
        moments->weight += (double)(rows->factor[t] * rows->factor[t]);
    pool->run(pool, fill_panel, &a, all_panels(moments));
    pool->run(pool, add_products, &a, all_panels(moments));
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

/* ---- What is fitted with them --------------------------------------------------------------- */

double vit158_moments_damp(double *h, const vit158_moments *moments, double damping)
{
    const size_t n = moments->n;
    double trace = 0;
    for (size_t i = 0; i < n; i++)
        trace += (double)moments->h[i * n + i];
    const double added = damping * trace / (double)n + 1e-12;
    for (size_t i = 0; i < n * n; i++)
        h[i] = (double)moments->h[i] + (i % (n + 1) == 0 ? added : 0);
    return added;
}

void vit158_moments_wanted(double *x, const vit158_moments *moments, uint32_t output,
                           const float *w, double damping)
{
    const size_t n = moments->n;
    const float *const cross = moments->cross != NULL ? moments->cross : moments->h;
    for (size_t i = 0; i < n; i++)
        x[i] = damping * (double)w[i];
    for (size_t k = 0; k < n; k++) {
        const double factor = (double)w[k];
        for (size_t i = 0; i < n; i++)
            x[i] += factor * (double)cross[k * n + i];
    }
    for (size_t i = 0; moments->lack != NULL && i < n; i++)
        x[i] += (double)moments->lack[output * n + i];
}

void vit158_moments_fit_bias(float *bias, const vit158_moments *moments,
                             const vit158_linear *linear, const float *values)
{
    const float *const w = linear->weight;
    const double *const f_sum = moments->cross != NULL ? moments->f_sum : moments->x_sum;
    const size_t n = moments->n;
    for (size_t o = 0; o < linear->n_out; o++) {
        double left = moments->lack != NULL ? moments->e_sum[o] : 0;
        for (size_t i = 0; i < n; i++)
            left += (double)w[o * n + i] * f_sum[i] - (double)values[o * n + i] * moments->x_sum[i];
        bias[o] = (linear->bias != NULL ? linear->bias[o] : 0.0F) + (float)(left / moments->weight);
    }
}
