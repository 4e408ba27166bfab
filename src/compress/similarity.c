/* SPDX-License-Identifier: MIT */
#include "compress/similarity.h"

#include <math.h>

/* Elements whose sums stay in floats. */
#define RUN 256U
#define LANES 4U

static void add_run(vit158_sums *sums, const float *x, const float *y, size_t count)
{
    float sx[LANES] = {0}, sy[LANES] = {0}, xx[LANES] = {0}, yy[LANES] = {0}, xy[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (uint32_t l = 0; l < LANES; l++) {
            const float a = x[i + l], b = y[i + l];
            sx[l] += a;
            sy[l] += b;
            xx[l] += a * a;
            yy[l] += b * b;
            xy[l] += a * b;
        }
    for (uint32_t l = 0; i < count; i++, l++) {
        sx[l] += x[i];
        sy[l] += y[i];
        xx[l] += x[i] * x[i];
        yy[l] += y[i] * y[i];
        xy[l] += x[i] * y[i];
    }
    for (uint32_t l = 0; l < LANES; l++) {
        sums->x += (double)sx[l];
        sums->y += (double)sy[l];
        sums->xx += (double)xx[l];
        sums->yy += (double)yy[l];
        sums->xy += (double)xy[l];
    }
}

void vit158_sums_add(vit158_sums *sums, const float *x, const float *y, size_t count)
{
    sums->count += (double)count;
    for (size_t i = 0; i < count; i += RUN)
        add_run(sums, x + i, y + i, count - i < RUN ? count - i : RUN);
}

double vit158_sums_pearson(const vit158_sums *s)
{
    const double var_x = s->xx - s->x * s->x / s->count, var_y = s->yy - s->y * s->y / s->count;
    const double both = s->xy - s->x * s->y / s->count;
    const double least = 1e-14 * (s->xx + s->yy);
    if (var_x <= least || var_y <= least)
        return var_x <= least && var_y <= least ? 1 : 0;
    return both / sqrt(var_x * var_y);
}

double vit158_sums_gain(const vit158_sums *s)
{
    return s->xx > 0 ? s->xy / s->xx : 1;
}

void vit158_ranking_add(vit158_ranking *ranking, const float *x, const float *y, uint32_t n,
                        size_t stride, double theta, float *scratch)
{
    float *const a = scratch, *const b = scratch + n;
    for (uint32_t i = 0; i < n; i++) {
        a[i] = x[i * stride];
        b[i] = y[i * stride];
    }
    const float margin = (float)theta;
    for (uint32_t i = 0; i + 1 < n; i++) {
        float loss = 0, order = 0;
        for (uint32_t j = i + 1; j < n; j++) {
            const float sign = (float)(a[i] > a[j]) - (float)(a[i] < a[j]);
            const float difference = b[i] - b[j], kept = difference * sign;
            const float miss = margin - kept;
            loss += miss > 0.0F ? miss : 0.0F;
            order += (float)(kept > 0.0F) - (float)(kept < 0.0F);
        }
        ranking->loss += (double)loss;
        ranking->order += (double)order;
    }
    ranking->pairs += 0.5 * (double)n * (double)(n - 1);
}

double vit158_row_deviation(const float *x, uint32_t n, size_t stride)
{
    double sum = 0, square = 0;
    for (uint32_t i = 0; i < n; i++) {
        const double v = (double)x[i * stride];
        sum += v;
        square += v * v;
    }
    const double mean = sum / n;
    return sqrt(fmax(square / n - mean * mean, 0));
}
