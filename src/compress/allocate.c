/* SPDX-License-Identifier: MIT */
#include "compress/allocate.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static vit158_status check_least(const vit158_choices *items, uint32_t count, uint64_t budget,
                                 uint64_t *least, vit158_error *error)
{
    *least = 0;
    for (uint32_t i = 0; i < count; i++)
        *least += items[i].bytes[0];
    if (*least > budget)
        return vit158_fail(
            error, VIT158_E_ARGUMENT,
            "the matrices take at least %llu bytes, but %llu are left for them: give "
            "a larger budget",
            (unsigned long long)*least, (unsigned long long)budget);
    return VIT158_OK;
}

/* best[b] = least loss of the items so far in b units; from[i][b] = what item i chose there. */
vit158_status vit158_allocate_exact(uint32_t *chosen, const vit158_choices *items, uint32_t count,
                                    uint64_t budget, uint64_t unit, vit158_error *error)
{
    uint64_t least;
    VIT158_RETURN_IF_ERROR(check_least(items, count, budget, &least, error));
    const size_t width = (size_t)(budget / unit) + 1;
    double *const best = calloc(2 * width, sizeof *best);
    uint8_t *const from = malloc(width * count + 1);
    vit158_status status = VIT158_OK;
    if (best == NULL || from == NULL)
        status = vit158_fail(error, VIT158_E_MEMORY, "not enough memory to share out the bytes");
    for (uint32_t i = 0; i < count && status == VIT158_OK; i++) {
        const double *const before = best + (i % 2) * width;
        double *const after = best + ((i + 1) % 2) * width;
        for (size_t b = 0; b < width; b++) {
            after[b] = INFINITY;
            from[i * width + b] = 0;
            for (uint32_t c = 0; c < items[i].count; c++) {
                const uint64_t units = (items[i].bytes[c] + unit - 1) / unit;
                if (units > b || !(before[b - units] + items[i].loss[c] < after[b]))
                    continue;
                after[b] = before[b - units] + items[i].loss[c];
                from[i * width + b] = (uint8_t)c;
            }
        }
    }
    if (status == VIT158_OK && isinf(best[(count % 2) * width + width - 1]))
        status = vit158_fail(error, VIT158_E_ARGUMENT,
                             "the smallest options do not fit the budget in units of %llu bytes",
                             (unsigned long long)unit);
    if (status == VIT158_OK) {
        size_t at = width - 1; /* the fewest units of the least loss */
        const double *const losses = best + (count % 2) * width;
        while (at > 0 && losses[at - 1] <= losses[at])
            at--;
        for (uint32_t i = count; i-- > 0;) {
            chosen[i] = from[i * width + at];
            at -= (size_t)((items[i].bytes[chosen[i]] + unit - 1) / unit);
        }
    }
    free(best);
    free(from);
    return status;
}

typedef struct hull_step {
    double gain; /* loss saved a byte */
    uint64_t bytes;
    uint32_t item, to, order; /* order: of the step within its item */
} hull_step;

static int by_gain(const void *a, const void *b)
{
    const hull_step *const x = a, *const y = b;
    if (x->gain != y->gain)
        return x->gain > y->gain ? -1 : 1;
    if (x->item != y->item)
        return x->item < y->item ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

/* The next corner of the lower convex hull after option `at`, or `at` if there is none. */
static uint32_t next_corner(const vit158_choices *item, uint32_t at, double *gain)
{
    uint32_t corner = at;
    *gain = 0;
    for (uint32_t c = at + 1; c < item->count; c++) {
        const double saved =
            (item->loss[at] - item->loss[c]) / (double)(item->bytes[c] - item->bytes[at]);
        if (saved > *gain) {
            *gain = saved;
            corner = c;
        }
    }
    return corner;
}

static size_t list_steps(hull_step *steps, const vit158_choices *items, uint32_t count)
{
    size_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = 0, order = 0;
        for (;;) {
            double gain;
            const uint32_t to = next_corner(&items[i], at, &gain);
            if (to == at)
                break;
            steps[used++] =
                (hull_step){gain, items[i].bytes[to] - items[i].bytes[at], i, to, order++};
            at = to;
        }
    }
    return used;
}

vit158_status vit158_allocate_by_gain(uint32_t *chosen, const vit158_choices *items, uint32_t count,
                                      uint64_t budget, vit158_error *error)
{
    uint64_t used;
    VIT158_RETURN_IF_ERROR(check_least(items, count, budget, &used, error));
    hull_step *const steps = malloc(((size_t)count * VIT158_MAX_CHOICES + 1) * sizeof *steps);
    bool *const full = calloc((size_t)count + 1, sizeof *full); /* a step did not fit */
    if (steps == NULL || full == NULL) {
        free(steps);
        free(full);
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to share out the bytes");
    }
    memset(chosen, 0, count * sizeof *chosen);
    const size_t step_count = list_steps(steps, items, count);
    qsort(steps, step_count, sizeof *steps, by_gain);
    for (size_t s = 0; s < step_count; s++) {
        const hull_step *const step = &steps[s];
        full[step->item] = full[step->item] || step->bytes > budget - used;
        if (full[step->item])
            continue;
        chosen[step->item] = step->to;
        used += step->bytes;
    }
    free(steps);
    free(full);
    return VIT158_OK;
}
