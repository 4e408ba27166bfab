/* SPDX-License-Identifier: MIT
 *
 * A pass over one microbatch, forward and backward: what it works on, and its order.
 */
#ifndef VIT158_TRAIN_PASS_H
#define VIT158_TRAIN_PASS_H

#include "train/packed.h"
#include "train/workspace.h"

typedef struct vit158_train_pass {
    const vit158_train_net *net;
    const vit158_train_packed *packed;
    const vit158_train_compute *compute;
    vit158_train_workspace *workspace;
    bool half;                              /* a float net's block products on bfloat16 */
    const struct vit158_train_hints *hints; /* hints.h; NULL = none */
} vit158_train_pass;

/* From workspace->patches and workspace->places to workspace->logits. */
void vit158_train_forward(const vit158_train_pass *pass);
/* From workspace->dlogits into workspace->gradient. */
void vit158_train_backward(const vit158_train_pass *pass);

/* Whether a network's products may be on bfloat16, where the run and the processor allow it: those
 * of float networks; ternary ones have integers. */
static inline bool vit158_train_half(bool allowed, const vit158_train_net *net)
{
    return allowed && !net->config.ternary;
}

#endif
