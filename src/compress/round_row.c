/* SPDX-License-Identifier: MIT */
#include "compress/round_row.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "compress/cholesky.h"
#include "model/half.h"

typedef struct column {
    float diagonal;
    uint32_t index;
} column;

static int by_falling_diagonal(const void *a, const void *b)
{
    const column *const x = a, *const y = b;
    if (x->diagonal != y->diagonal)
        return x->diagonal > y->diagonal ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

static vit158_status sort_columns(vit158_rounding *rounding, const float *h, vit158_error *error)
{
    const uint32_t n = rounding->n;
    column *const columns = malloc(n * sizeof *columns);
    if (columns == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for a layer's moments");
    for (uint32_t i = 0; i < n; i++)
        columns[i] = (column){h[(size_t)i * n + i], i};
    qsort(columns, n, sizeof *columns, by_falling_diagonal);
    for (uint32_t i = 0; i < n; i++)
        rounding->order[i] = columns[i].index;
    free(columns);
    return VIT158_OK;
}

/* h permuted and damped into rounding->h and, in double, into `copy`. */
static void permute(vit158_rounding *rounding, double *copy, const float *h, float damping)
{
    const size_t n = rounding->n;
    double trace = 0;
    for (size_t i = 0; i < n; i++)
        trace += (double)h[i * n + i];
    /* An input that is always 0 has no say in its weight; the floor keeps H definite. */
    const double added = (double)damping * trace / (double)n + 1e-12;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            const double value = (double)h[(size_t)rounding->order[i] * n + rounding->order[j]];
            copy[i * n + j] = i == j ? value + added : value;
            rounding->h[i * n + j] = (float)copy[i * n + j];
        }
}

vit158_status vit158_rounding_create(vit158_rounding *rounding, const float *h, uint32_t n,
                                     float damping, vit158_error *error)
{
    const size_t size = (size_t)n * n;
    *rounding = (vit158_rounding){.n = n};
    rounding->order = malloc(n * sizeof *rounding->order);
    rounding->h = malloc(size * sizeof *rounding->h);
    rounding->u = malloc(size * sizeof *rounding->u);
    double *const copy = malloc(size * sizeof *copy);
    vit158_status status = VIT158_OK;
    if (rounding->order == NULL || rounding->h == NULL || rounding->u == NULL || copy == NULL)
        status = vit158_fail(error, VIT158_E_MEMORY, "not enough memory for a layer's moments");
    if (status == VIT158_OK)
        status = sort_columns(rounding, h, error);
    if (status == VIT158_OK) {
        permute(rounding, copy, h, damping);
        if (!vit158_inverse_factor(rounding->u, copy, n))
            status = vit158_fail(error, VIT158_E_NUMERIC,
                                 "the moments of a layer's inputs are not positive definite: are "
                                 "its weights finite?");
    }
    free(copy);
    if (status != VIT158_OK)
        vit158_rounding_free(rounding);
    return status;
}

void vit158_rounding_free(vit158_rounding *rounding)
{
    free(rounding->order);
    free(rounding->h);
    free(rounding->u);
    *rounding = (vit158_rounding){0};
}

static double dot(const float *x, const float *y, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)y[i];
    return sum;
}

static void add_scaled(float *y, const float *x, float factor, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        y[i] += factor * x[i];
}

/* y += H's rows at[0], at[1], ... times x there, in this order, for one reading and writing of y.
 */
static void add_four(float *y, const float *h, const float *x, const uint32_t at[4], uint32_t n)
{
    const float *const a = h + (size_t)at[0] * n, *const b = h + (size_t)at[1] * n,
                       *const c = h + (size_t)at[2] * n, *const d = h + (size_t)at[3] * n;
    const float f[4] = {x[at[0]], x[at[1]], x[at[2]], x[at[3]]};
    for (uint32_t i = 0; i < n; i++)
        y[i] = (((y[i] + f[0] * a[i]) + f[1] * b[i]) + f[2] * c[i]) + f[3] * d[i];
}

/* y = H x; zeros of x cost nothing. */
static void multiply(float *y, const vit158_rounding *rounding, const float *x)
{
    const uint32_t n = rounding->n;
    uint32_t at[4], count = 0;
    memset(y, 0, n * sizeof *y);
    for (uint32_t i = 0; i < n; i++) {
        if (x[i] != 0.0F)
            at[count++] = i;
        if (count == 4) {
            add_four(y, rounding->h, x, at, n);
            count = 0;
        }
    }
    for (uint32_t i = 0; i < count; i++)
        add_scaled(y, rounding->h + (size_t)at[i] * n, x[at[i]], n);
}

/* Factors of a level: its trits, or of a uniform one its number. */
static uint32_t factor_count(const vit158_levels *levels)
{
    return levels->rows == 0 ? 1 : levels->rows;
}

static float factor_of(const vit158_levels *levels, uint32_t level, uint32_t row)
{
    return levels->rows == 0 ? (float)((int)level - (int)(levels->count / 2))
                             : (float)vit158_level_trit(levels, level, row);
}

void vit158_round_columns(const vit158_levels *levels, uint8_t *chosen, float *w,
                          const vit158_rounding *rounding)
{
    const uint32_t n = rounding->n;
    for (uint32_t j = 0; j < n; j++) {
        const float *const u = rounding->u + (size_t)j * n;
        chosen[j] = (uint8_t)vit158_nearest_level(levels, w[j]);
        const float miss = (w[j] - levels->value[chosen[j]]) / u[j];
        add_scaled(w + j + 1, u + j + 1, -miss, n - j - 1);
    }
}

typedef struct row_state {
    const vit158_rounding *rounding;
    const vit158_round_how *how;
    vit158_levels *levels;
    uint8_t *chosen;
    const float *hw; /* H w */
    float *gradient; /* H (w - w^) */
    float *factors;  /* [n] scratch */
    float *products; /* [4][n]: H times each row of factors */
} row_state;

static bool scales_fit(float *scale, const double *b, uint32_t count, bool half)
{
    for (uint32_t r = 0; r < count; r++) {
        scale[r] = (float)b[r];
        uint16_t stored;
        if (half && vit158_f16_narrow(&stored, scale[r]))
            scale[r] = vit158_f16_widen(stored);
        if (!(scale[r] >= 0x1p-14F && scale[r] < 65504.0F))
            return false;
    }
    return true;
}

static void renumber(uint8_t *chosen, const vit158_levels *before, const vit158_levels *after,
                     uint32_t n)
{
    uint8_t place[VIT158_MAX_LEVELS]; /* of each combination of trits */
    if (after->rows == 0)
        return;
    for (uint32_t i = 0; i < after->count; i++)
        place[after->trits[i]] = (uint8_t)i;
    for (uint32_t i = 0; i < n; i++)
        chosen[i] = place[before->trits[chosen[i]]];
}

/* H times each row of factors, and from these the gradient for the present scales. */
static void take_products(const row_state *s)
{
    const uint32_t n = s->rounding->n;
    memcpy(s->gradient, s->hw, n * sizeof *s->gradient);
    for (uint32_t r = 0; r < factor_count(s->levels); r++) {
        for (uint32_t i = 0; i < n; i++)
            s->factors[i] = factor_of(s->levels, s->chosen[i], r);
        multiply(s->products + (size_t)r * n, s->rounding, s->factors);
        add_scaled(s->gradient, s->products + (size_t)r * n, -s->levels->scale[r], n);
    }
}

/* New scales for the codes chosen, which are renumbered to the new order of levels. */
static void set_scales(const row_state *s, const float *scale)
{
    const vit158_levels before = *s->levels;
    if (before.rows == 0)
        vit158_levels_uniform(s->levels, scale[0], before.count / 2);
    else
        vit158_levels_of_rows(s->levels, scale, before.rows);
    renumber(s->chosen, &before, s->levels, s->rounding->n);
}

/* Least squares on the full H: (F^T H F) s = F^T H w. */
static void refit(const row_state *s, const float *w)
{
    const uint32_t n = s->rounding->n, count = factor_count(s->levels);
    double a[VIT158_MAX_ROW_SUMS * VIT158_MAX_ROW_SUMS] = {0}, b[VIT158_MAX_ROW_SUMS] = {0};
    for (uint32_t r = 0; r < count; r++) {
        b[r] = dot(s->products + (size_t)r * n, w, n);
        for (uint32_t q = 0; q < count; q++)
            for (uint32_t i = 0; i < n; i++)
                a[r * count + q] += (double)s->products[(size_t)r * n + i] *
                                    (double)factor_of(s->levels, s->chosen[i], q);
    }
    float scale[VIT158_MAX_ROW_SUMS];
    if (!vit158_solve_small(b, a, count) || !scales_fit(scale, b, count, s->how->half_scales))
        return;
    set_scales(s, scale);
    take_products(s);
}

/* Each code in turn becomes the best one for the others as they are. */
static void improve(const row_state *s)
{
    const uint32_t n = s->rounding->n;
    for (uint32_t j = 0; j < n; j++) {
        const float *const h = s->rounding->h + (size_t)j * n;
        const float now = s->levels->value[s->chosen[j]];
        const uint32_t level = vit158_nearest_level(s->levels, now + s->gradient[j] / h[j]);
        if (level != s->chosen[j]) {
            add_scaled(s->gradient, h, now - s->levels->value[level], n);
            s->chosen[j] = (uint8_t)level;
        }
    }
}

static double error_of(const row_state *s, const float *w)
{
    double error = 0;
    for (uint32_t i = 0; i < s->rounding->n; i++)
        error += ((double)w[i] - (double)s->levels->value[s->chosen[i]]) * (double)s->gradient[i];
    return error;
}

static int by_magnitude(const void *a, const void *b)
{
    const float x = fabsf(*(const float *)a), y = fabsf(*(const float *)b);
    return x < y ? -1 : x > y;
}

/* Uniform levels, of which the largest is the largest weight, or that below which 99.9 % lie. */
static void span_levels(vit158_levels *levels, const float *w, uint32_t n, uint32_t rows,
                        bool percentile, float *sorted)
{
    memcpy(sorted, w, n * sizeof *w);
    qsort(sorted, n, sizeof *sorted, by_magnitude);
    const uint32_t place = percentile ? (uint32_t)((uint64_t)(n - 1) * 999 / 1000) : n - 1;
    const float most = fmaxf(fabsf(sorted[place]), 1e-8F);
    if (rows == 0) {
        vit158_levels_uniform(levels, most / 127.0F, 127);
        return;
    }
    float scale[VIT158_MAX_ROW_SUMS], factor = 1, sum = 0;
    for (uint32_t r = rows; r-- > 0; factor *= 3) {
        scale[r] = factor;
        sum += factor;
    }
    for (uint32_t r = 0; r < rows; r++)
        scale[r] *= most / sum;
    vit158_levels_of_rows(levels, scale, rows);
}

static void search_levels(vit158_levels *levels, uint8_t *chosen, const float *w,
                          const vit158_rounding *rounding, const vit158_round_how *how,
                          float *importance)
{
    const uint32_t n = rounding->n;
    for (uint32_t i = 0; i < n; i++)
        importance[i] =
            how->scales == VIT158_SCALES_WEIGHTED ? rounding->h[(size_t)i * n + i] : 1.0F;
    if (how->scales == VIT158_SCALES_LARGEST || how->scales == VIT158_SCALES_PERCENTILE)
        span_levels(levels, w, n, how->rows, how->scales == VIT158_SCALES_PERCENTILE, importance);
    else if (how->rows == 0)
        vit158_search_step(levels, w, importance, n, 127);
    else
        vit158_search_scales(levels, w, importance, n, how->rows, chosen);
    float scale[VIT158_MAX_ROW_SUMS];
    double as_found[VIT158_MAX_ROW_SUMS];
    for (uint32_t r = 0; r < factor_count(levels); r++)
        as_found[r] = fmax((double)levels->scale[r], 0x1p-14);
    if (!scales_fit(scale, as_found, factor_count(levels), how->half_scales))
        return;
    if (levels->rows == 0)
        vit158_levels_uniform(levels, scale[0], levels->count / 2);
    else
        vit158_levels_of_rows(levels, scale, levels->rows);
}

double vit158_round_row(vit158_levels *levels, uint8_t *chosen, const float *w,
                        const vit158_rounding *rounding, const vit158_round_how *how,
                        float *scratch)
{
    const uint32_t n = rounding->n;
    float *const spent = scratch, *const hw = scratch + n, *const gradient = scratch + 2 * n;
    const row_state s = {rounding, how,      levels,          chosen,
                         hw,       gradient, scratch + 3 * n, scratch + 4 * n};
    search_levels(levels, chosen, w, rounding, how, spent);
    memcpy(spent, w, n * sizeof *w);
    if (how->compensate)
        vit158_round_columns(levels, chosen, spent, rounding);
    else
        for (uint32_t i = 0; i < n; i++)
            chosen[i] = (uint8_t)vit158_nearest_level(levels, w[i]);
    multiply(hw, rounding, w);
    take_products(&s);
    for (uint32_t pass = 0; pass < how->passes; pass++) {
        improve(&s);
        take_products(&s);
        refit(&s, w);
    }
    if (how->passes > 0) {
        improve(&s);
        improve(&s);
        take_products(&s);
    }
    return error_of(&s, w);
}
