/* SPDX-License-Identifier: MIT
 *
 * The steps of a transformer's pass (METHODS.md 1.1), one file a pair.
 */
#ifndef VIT158_TRAIN_VIT_NET_H
#define VIT158_TRAIN_VIT_NET_H

#include "train/pass.h"

/* Patches and places to the first block's input; backward from workspace->g. */
void vit158_train_embed_forward(const vit158_train_pass *pass);
void vit158_train_embed_backward(const vit158_train_pass *pass);

/* A block's saved input to the next one's, or to workspace->last; backward: workspace->g is the
 * gradient of its output rows on entry, of its input on return. */
void vit158_train_block_forward(const vit158_train_pass *pass, uint32_t block);
void vit158_train_block_backward(const vit158_train_pass *pass, uint32_t block);

#endif
