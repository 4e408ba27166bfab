/* SPDX-License-Identifier: MIT */
#include "compress/activation_range.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define LEVELS 127.0
/* Width of the bins at the start; larger values double it. */
#define FIRST_BIN 0x1p-20
/* Clipping points tried, equally spaced from the largest value down. */
#define CLIPS_TRIED 200
#define PERCENTILE 0.9999
#define LEAST_STEP 0x1p-30F

vit158_status vit158_activation_range_create(vit158_activation_range *range, vit158_error *error)
{
    *range = (vit158_activation_range){.bin = FIRST_BIN};
    range->counts = calloc(VIT158_RANGE_BINS, sizeof *range->counts);
    return range->counts != NULL
               ? VIT158_OK
               : vit158_fail(error, VIT158_E_MEMORY,
                             "not enough memory for the spread of a layer's inputs");
}

void vit158_activation_range_free(vit158_activation_range *range)
{
    free(range->counts);
    *range = (vit158_activation_range){0};
}

/* Two bins become one until `x` has a bin. */
static void widen(vit158_activation_range *range, double x)
{
    while (x >= range->bin * VIT158_RANGE_BINS) {
        for (uint32_t i = 0; i < VIT158_RANGE_BINS / 2; i++)
            range->counts[i] = range->counts[2 * i] + range->counts[2 * i + 1];
        memset(range->counts + VIT158_RANGE_BINS / 2, 0,
               VIT158_RANGE_BINS / 2 * sizeof *range->counts);
        range->bin *= 2;
    }
}

void vit158_activation_range_add(vit158_activation_range *range, const float *x, size_t count)
{
    float largest = range->largest;
    for (size_t i = 0; i < count; i++)
        largest = fmaxf(largest, fabsf(x[i]));
    range->largest = largest;
    widen(range, (double)largest);
    const float per_bin = (float)(1 / range->bin); /* exact: a power of two */
    for (size_t i = 0; i < count; i++)
        range->counts[(uint32_t)(fabsf(x[i]) * per_bin)]++;
}

static double percentile_of(const vit158_activation_range *range)
{
    uint64_t total = 0, within = 0;
    for (uint32_t i = 0; i < VIT158_RANGE_BINS; i++)
        total += range->counts[i];
    const double wanted = PERCENTILE * (double)total;
    uint32_t bin = 0;
    while (bin + 1 < VIT158_RANGE_BINS && (double)(within += range->counts[bin]) < wanted)
        bin++;
    return fmin((bin + 1) * range->bin, (double)range->largest);
}

/* Squared error of all values, each taken for the middle of its bin. */
static double error_of(const vit158_activation_range *range, double step)
{
    double error = 0;
    for (uint32_t i = 0; i < VIT158_RANGE_BINS; i++) {
        if (range->counts[i] == 0)
            continue;
        const double x = (i + 0.5) * range->bin;
        const double miss = x - step * fmin(rint(x / step), LEVELS);
        error += (double)range->counts[i] * miss * miss;
    }
    return error;
}

static double least_error_clip(const vit158_activation_range *range)
{
    double best = INFINITY, clip = (double)range->largest;
    for (int i = CLIPS_TRIED; i > 0 && range->largest > 0; i--) {
        const double tried = (double)range->largest * i / CLIPS_TRIED;
        const double error = error_of(range, tried / LEVELS);
        if (error < best) {
            best = error;
            clip = tried;
        }
    }
    return clip;
}

float vit158_activation_range_step(const vit158_activation_range *range, vit158_step_rule rule)
{
    const double clip = rule == VIT158_STEP_LARGEST      ? (double)range->largest
                        : rule == VIT158_STEP_PERCENTILE ? percentile_of(range)
                                                         : least_error_clip(range);
    return fmaxf((float)(clip / LEVELS), LEAST_STEP);
}
