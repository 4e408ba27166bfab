/* SPDX-License-Identifier: MIT
 *
 * Packed weights: a network's parameters as products want them, made anew after each step: codes
 * and scales of ternary matrices by the functions that the packer and the engine use, panels of
 * float ones.
 */
#ifndef VIT158_TRAIN_PACKED_H
#define VIT158_TRAIN_PACKED_H

#include "base/arena.h"
#include "train/compute.h"
#include "train/net.h"

/* One matrix. */
typedef struct vit158_train_packed_layer {
    vit158_train_trits trits; /* ternary */
    float *forward;           /* float: panels [n_in][n_out] */
    float *backward;          /* float: panels [n_out][n_in] */
} vit158_train_packed_layer;

typedef struct vit158_train_packed {
    const float *parameters;
    vit158_train_packed_layer *layers; /* [depth * 4] */
    float *patch;                      /* panels [patch_inputs][d] */
    float *head;                       /* panels [d][C] */
    int8_t **codes;                    /* [depth * 4]: u of each ternary matrix */
} vit158_train_packed;

/* Codes u and scales [n_out] of a layer's latent weights w, by the packer's functions. */
void vit158_train_ternarize(int8_t *u, float *scales, const float *w,
                            const vit158_train_layer *layer, bool row_scales);

/* Takes the memory of `packed`; NULL pieces while measuring. gradient_bits: 8 or 16. */
void vit158_train_packed_plan(vit158_train_packed *packed, const vit158_train_net *net,
                              uint32_t gradient_bits, vit158_arena *arena);
/* Task `index` < vit158_train_packed_tasks(net) of packing packed->parameters, which the caller has
 * set; tasks are independent and may run at once. */
uint32_t vit158_train_packed_tasks(const vit158_train_net *net);
void vit158_train_packed_make(vit158_train_packed *packed, const vit158_train_net *net,
                              const vit158_train_compute *compute, uint32_t index);

#endif
