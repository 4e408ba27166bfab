/* SPDX-License-Identifier: MIT
 *
 * Final norm and head, which all networks share.
 */
#ifndef VIT158_TRAIN_HEAD_ROWS_H
#define VIT158_TRAIN_HEAD_ROWS_H

#include "train/pass.h"

/* From workspace->last [images][d] to workspace->logits. */
void vit158_train_head_forward(const vit158_train_pass *pass);
/* From workspace->dlogits into workspace->gradient, and workspace->g, the gradient of
 * workspace->last. */
void vit158_train_head_backward(const vit158_train_pass *pass);

#endif
