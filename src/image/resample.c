/* SPDX-License-Identifier: MIT */
#include "image/resample.h"

#include <assert.h>

static double filter_support(vit158_filter filter)
{
    return filter == VIT158_FILTER_BICUBIC ? 2.0 : 1.0;
}

/* Triangle, or Keys' cubic convolution (1981) with a = -0.5. The order of operations is Pillow's:
 * another one would round some weights differently. */
static double filter_value(vit158_filter filter, double x)
{
    if (x < 0.0)
        x = -x;
    if (filter == VIT158_FILTER_BILINEAR)
        return x < 1.0 ? 1.0 - x : 0.0;
    const double a = -0.5;
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    if (x < 2.0)
        return (((x - 5) * x + 8) * x - 4) * a;
    return 0.0;
}

static uint32_t taps_of_support(double support)
{
    uint32_t half = (uint32_t)support;
    if (half < support)
        half++;
    return 2 * half + 1;
}

uint32_t vit158_axis_taps_bound(vit158_filter filter, double scale)
{
    return taps_of_support(filter_support(filter) * (scale > 1.0 ? scale : 1.0));
}

vit158_axis vit158_axis_make(vit158_filter filter, uint32_t n_in, uint32_t n_out)
{
    assert(n_in >= 1 && n_out >= 1);
    vit158_axis axis = {.n_in = n_in, .n_out = n_out, .filter = filter};
    axis.scale = (double)n_in / n_out;
    axis.stretch = axis.scale < 1.0 ? 1.0 : axis.scale;
    axis.support = filter_support(filter) * axis.stretch;
    axis.max_taps = taps_of_support(axis.support);
    return axis;
}

void vit158_axis_weights(const vit158_axis *axis, uint32_t output, uint32_t *first, uint32_t *count,
                         int16_t *weights, double *scratch)
{
    const double center = (output + 0.5) * axis->scale;
    const double per_input = 1.0 / axis->stretch;
    const int32_t low = (int32_t)(center - axis->support + 0.5);
    const int32_t high = (int32_t)(center + axis->support + 0.5);
    const uint32_t begin = low < 0 ? 0 : (uint32_t)low;
    const uint32_t end = (uint32_t)high > axis->n_in ? axis->n_in : (uint32_t)high;
    const uint32_t n = end - begin;
    assert(begin < end && n <= axis->max_taps);

    double sum = 0.0;
    for (uint32_t i = 0; i < n; i++) {
        scratch[i] = filter_value(axis->filter, ((int32_t)(i + begin) - center + 0.5) * per_input);
        sum += scratch[i];
    }
    for (uint32_t i = 0; i < vit158_taps_padded(n); i++) {
        int32_t weight = 0;
        if (i < n) {
            const double w = scratch[i] / sum;
            const double scaled = w * (1 << VIT158_WEIGHT_BITS);
            weight = (int32_t)(w < 0 ? scaled - 0.5 : scaled + 0.5);
        }
        int16_t *vector = weights + (size_t)i / VIT158_TAP_VECTOR * (2 * VIT158_TAP_VECTOR);
        const uint32_t lane = i % VIT158_TAP_VECTOR;
        const int32_t part = 1 << VIT158_TAP_SHIFT;
        const int32_t remainder = (weight % part + part) % part;
        vector[lane] = (int16_t)remainder;
        vector[VIT158_TAP_VECTOR + lane] = (int16_t)((weight - remainder) / part);
    }
    *first = begin;
    *count = n;
}
