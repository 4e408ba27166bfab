/* SPDX-License-Identifier: MIT
 *
 * Optimiser steps: AdamW (Loshchilov and Hutter 2019) for every tensor, or Muon (Jordan 2024) for
 * the blocks' matrices and AdamW for the rest.
 *
 * Muon: m = beta m + g; u = g + beta m (Nesterov); u is made nearly orthogonal by five
 * Newton-Schulz steps; w = w (1 - lr decay) - lr 0.2 sqrt(max(rows, cols)) u, which gives updates
 * of AdamW's size (Liu et al. 2025).
 */
#ifndef VIT158_TRAIN_OPTIMISER_H
#define VIT158_TRAIN_OPTIMISER_H

#include "base/parallel.h"
#include "train/workspace.h"

typedef struct vit158_train_optimiser {
    const vit158_train_net *net;
    const vit158_train_compute *compute;
    float *m, *v; /* [parameters]; Muon tensors use m only */
    bool muon;    /* for matrices */
    bool half;    /* Muon on bfloat16 */
    float
        *scratch[VIT158_TRAIN_MAX_WORKERS]; /* per worker, vit158_train_muon_scratch floats each */
} vit158_train_optimiser;

typedef struct vit158_train_optimiser_step {
    float lr, decay;           /* AdamW */
    float muon_lr, muon_decay; /* Muon */
    float beta1, beta2, muon_beta;
    uint64_t step; /* 1, 2, ... */
} vit158_train_optimiser_step;

/* Floats of scratch a worker needs. */
size_t vit158_train_muon_scratch(const vit158_train_net *net);

void vit158_train_optimiser_update(const vit158_train_optimiser *o,
                                   const vit158_train_optimiser_step *s, float *parameters,
                                   const float *gradient, vit158_pool *pool);

/* u [rows][cols] to the nearest matrix with singular values near 1 (Jordan's Newton-Schulz
 * iteration); half: products on bfloat16, as published. scratch: as above. */
void vit158_train_orthogonalise(const vit158_train_compute *compute, bool half, float *u,
                                uint32_t rows, uint32_t cols, float *scratch);

#endif
