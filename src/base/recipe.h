/* SPDX-License-Identifier: MIT
 *
 * How an image becomes a model's input. Read from the model's metadata by model/.
 */
#ifndef VIT158_BASE_RECIPE_H
#define VIT158_BASE_RECIPE_H

#include <stdint.h>

typedef enum vit158_filter { VIT158_FILTER_BILINEAR, VIT158_FILTER_BICUBIC } vit158_filter;

typedef enum vit158_resize_mode {
    VIT158_RESIZE_SHORTEST, /* the shorter side becomes resize_size, the longer
                               trunc(resize_size * longer / shorter), as torchvision does */
    VIT158_RESIZE_SQUASH    /* both sides become resize_size */
} vit158_resize_mode;

typedef struct vit158_recipe {
    uint32_t channels;    /* 1 or 3 */
    uint32_t crop_size;   /* S: centre crop, square */
    uint32_t resize_size; /* >= S */
    vit158_resize_mode resize_mode;
    vit158_filter filter;
    float mean[3]; /* of values in 0 .. 1, per channel */
    float std[3];
} vit158_recipe;

#endif
