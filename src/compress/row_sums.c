/* SPDX-License-Identifier: MIT */
#include "compress/row_sums.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Alternations of one start; most settle within ten. */
#define ALTERNATIONS 12
#define STEPS_TRIED 60
#define REACHES 6U
#define RATIOS 3U
/* The best starts are followed, the others are only looked at. */
#define STARTS_FOLLOWED 4U

void vit158_levels_of_rows(vit158_levels *levels, const float *scale, uint32_t rows)
{
    assert(rows >= 1 && rows <= VIT158_MAX_ROW_SUMS);
    levels->rows = rows;
    levels->count = 1;
    for (uint32_t r = 0; r < rows; r++) {
        levels->scale[r] = scale[r];
        levels->count *= 3;
    }
    for (uint32_t code = 0; code < levels->count; code++) {
        float value = 0;
        for (uint32_t r = 0, rest = code; r < rows; r++, rest /= 3)
            value += scale[r] * (float)((int)(rest % 3) - 1);
        uint32_t at = code; /* insertion keeps them ascending */
        for (; at > 0 && levels->value[at - 1] > value; at--) {
            levels->value[at] = levels->value[at - 1];
            levels->trits[at] = levels->trits[at - 1];
        }
        levels->value[at] = value;
        levels->trits[at] = (uint8_t)code;
    }
}

void vit158_levels_uniform(vit158_levels *levels, float step, uint32_t limit)
{
    assert(limit >= 1 && 2 * limit + 1 <= VIT158_MAX_LEVELS);
    levels->rows = 0;
    levels->count = 2 * limit + 1;
    levels->scale[0] = step;
    for (uint32_t i = 0; i < levels->count; i++)
        levels->value[i] = step * (float)((int)i - (int)limit);
}

uint32_t vit158_nearest_level(const vit158_levels *levels, float x)
{
    if (levels->rows == 0) {
        const float limit = (float)(levels->count / 2);
        const float at = rintf(x / levels->scale[0]);
        return (uint32_t)((at > limit ? limit : at < -limit ? -limit : at) + limit);
    }
    uint32_t low = 0, high = levels->count - 1; /* the nearest is in low .. high */
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (x - levels->value[middle] > levels->value[middle + 1] - x)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int vit158_solve_small(double *b, double *a, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const double pivot = a[i * n + i];
        if (!(pivot > 1e-12 * (1e-30 + fabs(a[0]))))
            return 0;
        for (uint32_t j = i + 1; j < n; j++) {
            const double factor = a[j * n + i] / pivot;
            for (uint32_t k = i; k < n; k++)
                a[j * n + k] -= factor * a[i * n + k];
            b[j] -= factor * b[i];
        }
    }
    for (uint32_t i = n; i-- > 0;) {
        for (uint32_t k = i + 1; k < n; k++)
            b[i] -= a[i * n + k] * b[k];
        b[i] /= a[i * n + i];
    }
    return 1;
}

static double error_of(const vit158_levels *levels, const float *w, const float *importance,
                       uint32_t n, uint8_t *chosen)
{
    double error = 0;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t level = vit158_nearest_level(levels, w[i]);
        const double miss = (double)w[i] - (double)levels->value[level];
        error += (double)importance[i] * miss * miss;
        if (chosen != NULL)
            chosen[i] = (uint8_t)level;
    }
    return error;
}

/* The scales that fit the chosen levels best; 0 if they are no better defined than they were. */
static int refit(float *scale, const vit158_levels *levels, const float *w, const float *importance,
                 uint32_t n, const uint8_t *chosen)
{
    const uint32_t rows = levels->rows;
    double a[VIT158_MAX_ROW_SUMS * VIT158_MAX_ROW_SUMS] = {0}, b[VIT158_MAX_ROW_SUMS] = {0};
    /* Sums by level first: a level's trits are the same wherever it is taken. */
    double weight[VIT158_MAX_LEVELS] = {0}, moment[VIT158_MAX_LEVELS] = {0};
    for (uint32_t i = 0; i < n; i++) {
        weight[chosen[i]] += (double)importance[i];
        moment[chosen[i]] += (double)importance[i] * (double)w[i];
    }
    for (uint32_t level = 0; level < levels->count; level++)
        for (uint32_t r = 0; r < rows; r++) {
            const int trit = vit158_level_trit(levels, level, r);
            b[r] += trit * moment[level];
            for (uint32_t s = 0; s < rows; s++)
                a[r * rows + s] += trit * vit158_level_trit(levels, level, s) * weight[level];
        }
    if (!vit158_solve_small(b, a, rows))
        return 0;
    for (uint32_t r = 0; r < rows; r++) {
        scale[r] = (float)fabs(b[r]);
        if (!(scale[r] > 1e-12F))
            return 0;
    }
    return 1;
}

/* Alternates from the scales of `levels` while it helps; returns the error. */
static double alternate(vit158_levels *levels, const float *w, const float *importance, uint32_t n,
                        uint8_t *chosen)
{
    double best = error_of(levels, w, importance, n, chosen);
    for (int i = 0; i < ALTERNATIONS; i++) {
        float scale[VIT158_MAX_ROW_SUMS];
        if (!refit(scale, levels, w, importance, n, chosen))
            break;
        vit158_levels next;
        vit158_levels_of_rows(&next, scale, levels->rows);
        const double error = error_of(&next, w, importance, n, chosen);
        if (!(error < best * (1 - 1e-6)))
            break;
        best = error;
        *levels = next;
    }
    return best;
}

/* A start: levels that reach so many standard deviations, each scale so much smaller than the one
 * before. */
typedef struct start {
    float reach, ratio;
    double error;
} start;

static void levels_of_start(vit158_levels *levels, const start *from, float deviation,
                            uint32_t rows)
{
    float scale[VIT158_MAX_ROW_SUMS], sum = 0;
    for (uint32_t r = 0; r < rows; r++) {
        scale[r] = r == 0 ? 1.0F : scale[r - 1] / from->ratio;
        sum += scale[r];
    }
    for (uint32_t r = 0; r < rows; r++)
        scale[r] *= from->reach * deviation / sum;
    vit158_levels_of_rows(levels, scale, rows);
}

/* The error of every start, best ones first. */
static uint32_t list_starts(start *starts, const float *w, const float *importance, uint32_t n,
                            uint32_t rows, float deviation)
{
    static const float reach[REACHES] = {1.2F, 1.6F, 2.0F, 2.5F, 3.2F, 4.0F};
    static const float ratio[RATIOS] = {1.6F, 2.2F, 3.0F};
    uint32_t count = 0;
    for (uint32_t i = 0; i < REACHES; i++)
        for (uint32_t j = 0; j < (rows > 1 ? RATIOS : 1); j++) {
            start next = {.reach = reach[i], .ratio = ratio[j]};
            vit158_levels levels;
            levels_of_start(&levels, &next, deviation, rows);
            next.error = error_of(&levels, w, importance, n, NULL);
            uint32_t at = count++;
            for (; at > 0 && starts[at - 1].error > next.error; at--)
                starts[at] = starts[at - 1];
            starts[at] = next;
        }
    return count;
}

void vit158_search_scales(vit158_levels *levels, const float *w, const float *importance,
                          uint32_t n, uint32_t rows, uint8_t *scratch)
{
    double square = 0, total = 0;
    for (uint32_t i = 0; i < n; i++) {
        square += (double)importance[i] * (double)w[i] * (double)w[i];
        total += (double)importance[i];
    }
    const float deviation = (float)sqrt(square / (total > 0 ? total : 1)) + 1e-8F;
    start starts[REACHES * RATIOS];
    const uint32_t count = list_starts(starts, w, importance, n, rows, deviation);
    double best = INFINITY;
    for (uint32_t i = 0; i < count && i < STARTS_FOLLOWED; i++) {
        vit158_levels tried;
        levels_of_start(&tried, &starts[i], deviation, rows);
        const double error = alternate(&tried, w, importance, n, scratch);
        if (error < best) {
            best = error;
            *levels = tried;
        }
    }
}

void vit158_search_step(vit158_levels *levels, const float *w, const float *importance, uint32_t n,
                        uint32_t limit)
{
    float largest = 1e-8F;
    for (uint32_t i = 0; i < n; i++)
        largest = fmaxf(largest, fabsf(w[i]));
    double best = INFINITY;
    for (int i = 0; i < STEPS_TRIED; i++) {
        vit158_levels tried;
        const float share = 1.0F - 0.7F * (float)i / STEPS_TRIED;
        vit158_levels_uniform(&tried, largest * share / (float)limit, limit);
        const double error = error_of(&tried, w, importance, n, NULL);
        if (error < best) {
            best = error;
            *levels = tried;
        }
    }
}
