/* SPDX-License-Identifier: MIT
 *
 * Tensors placed one after the other in a network's array of parameters, under timm's names.
 */
#ifndef VIT158_TRAIN_NET_LAYOUT_H
#define VIT158_TRAIN_NET_LAYOUT_H

#include "train/net.h"

#define VIT158_TRAIN_MAX_WIDTH 8192U

typedef struct vit158_train_layout {
    vit158_train_net *net;
    size_t used; /* floats */
    bool failed; /* no memory for the list of tensors */
} vit158_train_layout;

/* Offset of a new tensor. */
size_t vit158_train_place_tensor(vit158_train_layout *layout, const char *name, uint32_t rows,
                                 uint32_t cols);

/* A layer's matrix of `pieces` square ones, or 1 that is as it is. */
size_t vit158_train_place_matrix(vit158_train_layout *layout, const char *name, uint32_t rows,
                                 uint32_t cols, uint32_t pieces);

/* PREFIX.weight and PREFIX.bias, VIT158_TRAIN_NO_TENSOR both if not present. */
void vit158_train_place_norm(vit158_train_layout *layout, const char *prefix, uint32_t n,
                             bool present, size_t *weight, size_t *bias);

/* The product of patches, `width` wide, and net->stem_width. */
void vit158_train_place_stem(vit158_train_layout *layout, uint32_t width);

/* Final norm and head. */
void vit158_train_place_head(vit158_train_layout *layout);

#endif
