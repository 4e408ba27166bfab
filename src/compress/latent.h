/* SPDX-License-Identifier: MIT
 *
 * Latent weights of a rounded matrix (METHODS.md 3.2): floats that training moves, whose nearest
 * levels are the matrix. Gradients of the levels are taken as those of the latent weights
 * (straight-through), and each scale gets the sum of its trits' gradients. Both move by Adam, in
 * shares of the gap between two levels and of the scale.
 */
#ifndef VIT158_COMPRESS_LATENT_H
#define VIT158_COMPRESS_LATENT_H

#include "compress/quantizer.h"

typedef struct vit158_latent {
    vit158_rounded *matrix; /* not owned; its rows are fixed */
    float *w, *m, *v;       /* [n_out][n_in]; Adam's moments */
    float *scale;           /* [n_out][VIT158_MAX_ROW_SUMS] before rounding to F16 */
    float *scale_m, *scale_v;
} vit158_latent;

/* Starts at `weights` [n_out][n_in], each moved into the cell of the level that the matrix has
 * chosen for it: what was rounded stays as it is until training moves it.
 * Errors: VIT158_E_MEMORY. */
vit158_status vit158_latent_create(vit158_latent *latent, vit158_rounded *matrix,
                                   const float *weights, vit158_error *error);
void vit158_latent_free(vit158_latent *latent);

/* The matrix's levels and choices anew, and its values [n_out][n_in]. */
void vit158_latent_round(const vit158_latent *latent, float *values);

/* One update from the gradient [n_out][n_in] of the values; `rate` is the largest move in gaps, and
 * `step` counts from 1. */
void vit158_latent_step(vit158_latent *latent, const vit158_train_compute *compute,
                        const float *gradient, float rate, uint64_t step);

#endif
