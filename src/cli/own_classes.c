/* SPDX-License-Identifier: MIT
 *
 * Directions, similarities, scores. See own_classes.h.
 */
#include "cli/own_classes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/numerics.h"

/* How strongly a higher cosine counts; those of one model lie close together. */
#define SHARPNESS 20.0
#define NEIGHBOURS 5

/* Scales to length 1; false if there is no direction. */
static bool scale(double *vector, size_t dim)
{
    double squares = 0.0;
    for (size_t i = 0; i < dim; i++)
        squares += vector[i] * vector[i];
    const double length = sqrt(squares);
    for (size_t i = 0; i < dim; i++)
        vector[i] /= length;
    return squares > 0.0 && isfinite(squares);
}

static void direction_of(double *out, const float *vector, size_t dim)
{
    for (size_t i = 0; i < dim; i++)
        out[i] = (double)vector[i];
    (void)scale(out, dim); /* the reader has seen that it is one */
}

static double dot(const double *a, const double *b, size_t dim)
{
    double sum = 0.0;
    for (size_t i = 0; i < dim; i++)
        sum += a[i] * b[i];
    return sum;
}

/* The middle of a class; of vectors that cancel out, the first. `one` has room for a vector. */
static void centre(double *out, double *one, const vit158_own_class *class, size_t dim)
{
    for (size_t i = 0; i < dim; i++)
        out[i] = 0.0;
    for (size_t k = 0; k < class->count; k++) {
        direction_of(one, class->vectors + k * dim, dim);
        for (size_t i = 0; i < dim; i++)
            out[i] += one[i];
    }
    bool is_direction = false;
    for (size_t i = 0; i < dim; i++)
        is_direction = is_direction || out[i] != 0.0;
    if (is_direction)
        (void)scale(out, dim);
    else
        direction_of(out, class->vectors, dim);
}

vit158_status vit158_own_classes_prepare(vit158_own_classes *own, vit158_error *error)
{
    size_t count = 0;
    for (size_t i = 0; i < own->count; i++)
        count += own->neighbours ? own->classes[i].count : own->classes[i].count > 0;
    own->direction_count = count;
    own->directions = calloc(count * own->dim, sizeof *own->directions);
    own->found = calloc(count, sizeof *own->found);
    own->nearest = calloc(count, sizeof *own->nearest);
    own->wanted = calloc(own->dim, sizeof *own->wanted);
    own->weights = calloc(own->count, sizeof *own->weights);
    if (own->directions == NULL || own->found == NULL || own->nearest == NULL ||
        own->wanted == NULL || own->weights == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the classes");
    size_t at = 0;
    for (size_t i = 0; i < own->count; i++) {
        const vit158_own_class *const class = &own->classes[i];
        const size_t directions = own->neighbours ? class->count : class->count > 0;
        for (size_t k = 0; k < directions; k++, at++) {
            double *const out = own->directions + at * own->dim;
            own->found[at].owner = (uint32_t)i;
            if (own->neighbours)
                direction_of(out, class->vectors + k * own->dim, own->dim);
            else
                centre(out, own->wanted, class, own->dim);
        }
    }
    return VIT158_OK;
}

/* The nearest NEIGHBOURS, best first, the earlier first among equals. Returns how many. */
static size_t nearest(vit158_own_classes *own)
{
    size_t kept = 0;
    for (size_t i = 0; i < own->direction_count; i++) {
        size_t place = kept;
        while (place > 0 && own->nearest[place - 1].similarity < own->found[i].similarity)
            place--;
        if (place == NEIGHBOURS)
            continue;
        const size_t moved = (kept < NEIGHBOURS ? kept : NEIGHBOURS - 1) - place;
        memmove(&own->nearest[place + 1], &own->nearest[place], moved * sizeof *own->nearest);
        own->nearest[place] = own->found[i];
        kept += kept < NEIGHBOURS;
    }
    return kept;
}

static int compare(const void *a, const void *b)
{
    const vit158_own_match *const x = a;
    const vit158_own_match *const y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    if (x->similarity != y->similarity)
        return x->similarity < y->similarity ? 1 : -1;
    return x->index < y->index ? -1 : 1;
}

static double best_of(const vit158_own_classes *own, size_t class)
{
    double most = -2.0;
    for (size_t i = 0; i < own->direction_count; i++)
        if (own->found[i].owner == class && own->found[i].similarity > most)
            most = own->found[i].similarity;
    return most;
}

size_t vit158_own_classes_match(vit158_own_classes *own, const float *embedding,
                                vit158_own_match *matches, bool *unsure)
{
    double best = -2.0;
    for (size_t i = 0; i < own->dim; i++)
        own->wanted[i] = (double)embedding[i];
    if (!scale(own->wanted, own->dim))
        return 0;
    for (size_t i = 0; i < own->direction_count; i++) {
        const double similarity = dot(own->directions + i * own->dim, own->wanted, own->dim);
        own->found[i].similarity = similarity;
        best = similarity > best ? similarity : best;
    }
    const vit158_own_direction *const counted = own->neighbours ? own->nearest : own->found;
    const size_t count = own->neighbours ? nearest(own) : own->direction_count;
    memset(own->weights, 0, own->count * sizeof *own->weights);
    for (size_t i = 0; i < count; i++)
        own->weights[counted[i].owner] +=
            (double)vit158_exp((float)(SHARPNESS * (counted[i].similarity - best)));
    double total = 0.0;
    for (size_t i = 0; i < own->count; i++)
        total += own->weights[i];
    size_t written = 0;
    for (size_t i = 0; i < own->count; i++)
        if (own->classes[i].count > 0)
            matches[written++] = (vit158_own_match){.index = (uint32_t)i,
                                                    .score = (float)(own->weights[i] / total),
                                                    .similarity = (float)best_of(own, i)};
    qsort(matches, written, sizeof *matches, compare);
    *unsure = own->has_unlike && best < own->unlike;
    return written;
}

void vit158_own_classes_free(vit158_own_classes *own)
{
    for (size_t i = 0; i < own->count; i++) {
        free(own->classes[i].name);
        free(own->classes[i].vectors);
    }
    free(own->classes);
    free(own->model_name);
    free(own->directions);
    free(own->found);
    free(own->nearest);
    free(own->wanted);
    free(own->weights);
    *own = (vit158_own_classes){0};
}
