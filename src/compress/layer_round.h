/* SPDX-License-Identifier: MIT
 *
 * One matrix of a quantizer: the moments of its inputs over the calibration images, its rounding,
 * and the streams' way past it.
 */
#ifndef VIT158_COMPRESS_LAYER_ROUND_H
#define VIT158_COMPRESS_LAYER_ROUND_H

#include "compress/quantizer.h"

/* Images whose inputs are in memory at a time. */
#define VIT158_BATCH_IMAGES 8U

typedef struct vit158_layer_at {
    vit158_quantizer *q;
    uint32_t block, kind;
    uint32_t first; /* image of the batch */
    uint32_t step;  /* 1: inputs of student and teacher are taken, 2: of the student */
    bool plain;     /* inputs are not weighted by token */
} vit158_layer_at;

/* Finds the step of the layer's inputs by the quantizer's rule, for the matrix and the student.
 * Errors: VIT158_E_MEMORY. */
vit158_status vit158_layer_step(vit158_layer_at *at, vit158_error *error);

/* `cross`: C too. On failure `moments` may be freed all the same. */
vit158_status vit158_layer_moments(vit158_layer_at *at, vit158_moments *moments, bool cross,
                                   vit158_error *error);

/* Rounds the float weights, each output to the rows that the quantizer's matrix says, towards the
 * target that moments with C give, and makes the student use them. */
vit158_status vit158_layer_round(const vit158_layer_at *at, const vit158_moments *moments,
                                 const vit158_rounding *rounding, vit158_error *error);

/* The student multiplies by the rounded matrix from now on and adds its bias, which, where moments
 * are about the means, is fitted here. Errors: VIT158_E_MEMORY. */
vit158_status vit158_layer_use(const vit158_layer_at *at, const vit158_moments *moments,
                               vit158_error *error);

/* After the last matrix of a half block all streams take its branch. */
void vit158_layer_advance(vit158_layer_at *at);

#endif
