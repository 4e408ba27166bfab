/* SPDX-License-Identifier: MIT
 *
 * One step for all inputs of a layer (static activations), from how their magnitudes are spread
 * over the calibration images.
 */
#ifndef VIT158_COMPRESS_ACTIVATION_RANGE_H
#define VIT158_COMPRESS_ACTIVATION_RANGE_H

#include <stddef.h>
#include <stdint.h>

#include "vit158.h"

typedef enum vit158_step_rule {
    VIT158_STEP_LARGEST,    /* the largest magnitude is 127 steps */
    VIT158_STEP_PERCENTILE, /* 99.99 % of the values lie within 127 steps */
    VIT158_STEP_SQUARED     /* least squared error of the values */
} vit158_step_rule;

/* A histogram of magnitudes whose bins widen as larger values come: its bins after any order of
 * additions are the same. */
typedef struct vit158_activation_range {
    uint64_t *counts; /* [VIT158_RANGE_BINS], owned */
    double bin;       /* width; a power of two */
    float largest;
} vit158_activation_range;

#define VIT158_RANGE_BINS 8192U

/* Errors: VIT158_E_MEMORY. */
vit158_status vit158_activation_range_create(vit158_activation_range *range, vit158_error *error);
void vit158_activation_range_free(vit158_activation_range *range);

/* Adds `count` finite values. */
void vit158_activation_range_add(vit158_activation_range *range, const float *x, size_t count);

/* The step by `rule`, above 0 even if all values are 0. */
float vit158_activation_range_step(const vit158_activation_range *range, vit158_step_rule rule);

#endif
