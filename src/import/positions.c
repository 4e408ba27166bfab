/* SPDX-License-Identifier: MIT
 *
 * One dimension at a time, in doubles: output i lies at scale (i + 0.5) of the input, scale =
 * from / to, and weighs the inputs within 2 max(scale, 1) of it by the cubic kernel, stretched
 * where the grid shrinks; the weights are normalised to a sum of 1.
 */
#include "import/positions.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"

static double cubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    if (x < 2.0)
        return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
    return 0.0;
}

/* Weights of output i over the inputs *first .. *first + count - 1; returns the count. */
static uint32_t find_weights(double *weights, uint32_t *first, uint32_t i, uint32_t to,
                             uint32_t from)
{
    const double scale = (double)from / (double)to;
    const double stretch = scale > 1.0 ? scale : 1.0;
    const double center = scale * ((double)i + 0.5);
    const double low = center - 2.0 * stretch + 0.5;
    const double high = center + 2.0 * stretch + 0.5;
    *first = low > 0.0 ? (uint32_t)low : 0;
    const uint32_t end = high < (double)from ? (uint32_t)high : from;
    double sum = 0.0;
    for (uint32_t j = *first; j < end; j++) {
        const double weight = cubic(((double)j - center + 0.5) / stretch);
        weights[j - *first] = weight;
        sum += weight;
    }
    for (uint32_t j = *first; j < end; j++)
        weights[j - *first] /= sum;
    return end - *first;
}

/* Resizes `count` lines: element e of place i of line l is [l*line + i*step + e], e < width. */
static void resize_lines(double *out, uint32_t to, const double *in, uint32_t from, uint32_t count,
                         size_t out_line, size_t in_line, size_t step, size_t width,
                         double *weights)
{
    for (uint32_t i = 0; i < to; i++) {
        uint32_t first;
        const uint32_t taps = find_weights(weights, &first, i, to, from);
        for (uint32_t l = 0; l < count; l++) {
            double *target = out + l * out_line + i * step;
            for (size_t e = 0; e < width; e++) {
                double sum = 0.0;
                for (uint32_t j = 0; j < taps; j++)
                    sum += weights[j] * in[l * in_line + (first + j) * step + e];
                target[e] = sum;
            }
        }
    }
}

vit158_status vit158_resize_positions(float *out, uint32_t to, const float *in, uint32_t from,
                                      uint32_t dim, vit158_error *error)
{
    const size_t in_count = (size_t)from * from * dim;
    const size_t middle_count = (size_t)from * to * dim;
    const size_t out_count = (size_t)to * to * dim;
    double *source = malloc(in_count * sizeof *source);
    double *middle = malloc(middle_count * sizeof *middle);
    double *result = malloc(out_count * sizeof *result);
    double *weights = malloc((size_t)from * sizeof *weights);
    vit158_status status = VIT158_OK;
    if (source != NULL && middle != NULL && result != NULL && weights != NULL) {
        for (size_t i = 0; i < in_count; i++)
            source[i] = (double)in[i];
        /* columns of each row, then rows */
        resize_lines(middle, to, source, from, from, (size_t)to * dim, (size_t)from * dim, dim, dim,
                     weights);
        resize_lines(result, to, middle, from, 1, 0, 0, (size_t)to * dim, (size_t)to * dim,
                     weights);
        for (size_t i = 0; i < out_count; i++)
            out[i] = (float)result[i];
    } else {
        status = vit158_fail(error, VIT158_E_MEMORY, "not enough memory to resize the positions");
    }
    free(source);
    free(middle);
    free(result);
    free(weights);
    return status;
}
