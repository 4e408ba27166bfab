/* SPDX-License-Identifier: MIT
 *
 * What each matrix's rounding costs by itself: with this matrix alone rounded to 1 or 2 rows
 * an output, the divergence (Kullback-Leibler, nats) of the class probabilities from the float
 * network's on some of the calibration images, and each output's share of it. With 3 and 4 rows
 * it is too small to be told from noise and follows from the layer's error, which it is
 * proportional to. Sums over matrices predict what rounding all of them does (METHODS.md 2.4).
 */
#ifndef VIT158_COMPRESS_SENSITIVITY_H
#define VIT158_COMPRESS_SENSITIVITY_H

#include "compress/quantizer.h"

#define VIT158_MEASURED_ROWS 2U

typedef struct vit158_sensitivity {
    uint32_t n_out;
    double divergence[VIT158_MAX_ROW_SUMS]; /* with 1 .. 4 rows everywhere */
    double *error; /* [VIT158_MAX_ROW_SUMS][n_out] (w - w^)^T H (w - w^), owned */
} vit158_sensitivity;

/* Divergence that output `o` with so many rows accounts for. */
double vit158_sensitivity_of(const vit158_sensitivity *s, uint32_t o, uint32_t rows);

/* Of all matrices, on `images` of the learned ones. Uses up the quantizer's streams: it is a
 * quantizer of its own, to be freed afterwards. Hook and errors as vit158_quantizer_run.
 * `out` [depth * 4] is to be freed by the caller, on failure too. */
vit158_status vit158_sensitivity_measure(vit158_sensitivity *out, vit158_quantizer *q,
                                         uint32_t images, vit158_quantizer_hook hook, void *context,
                                         vit158_error *error);
void vit158_sensitivity_free(vit158_sensitivity *s, uint32_t count);

/* KL(p || q) of softmaxes of logits. */
double vit158_divergence(const float *p_logits, const float *q_logits, uint32_t classes);

#endif
