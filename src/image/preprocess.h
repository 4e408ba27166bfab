/* SPDX-License-Identifier: MIT
 *
 * Pixels to tensor, in strips of rows: Pillow's resize byte for byte, centre crop, normalise.
 *
 * A row of output needs only a window of source rows, so rows wait in a ring until their last
 * reader is made. The ring and the coefficients are sized for VIT158_MAX_IMAGE_SIDE: memory is the
 * same for every image, about 4 * MAX_IMAGE_SIDE * (4 + channels) bytes plus the crop.
 */
#ifndef VIT158_IMAGE_PREPROCESS_H
#define VIT158_IMAGE_PREPROCESS_H

#include "base/arena.h"
#include "base/recipe.h"
#include "vit158.h"

typedef struct vit158_preprocess vit158_preprocess;

/* Takes all memory that images up to VIT158_MAX_IMAGE_SIDE need; NULL while measuring. The
 * recipe is copied. */
vit158_preprocess *vit158_preprocess_plan(vit158_arena *arena, const vit158_recipe *recipe);

/* Starts an image; an image not finished before is dropped. */
vit158_status vit158_preprocess_begin(vit158_preprocess *p, uint32_t width, uint32_t height,
                                      vit158_pixels pixels, vit158_error *error);

/* Feeds rows from top to bottom. */
vit158_status vit158_preprocess_rows(vit158_preprocess *p, const uint8_t *rows, size_t row_bytes,
                                     uint32_t n_rows, vit158_error *error);

/* 1 once every row has been fed. */
int vit158_preprocess_complete(const vit158_preprocess *p);

/* The cropped image, [S][S][channels] bytes: what Pillow's resize and crop give. NULL before
 * completion; valid until the next begin. */
const uint8_t *vit158_preprocess_pixels(const vit158_preprocess *p);

/* tensor [channels][S][S] = (byte / 255 - mean) / std: per byte value one table entry, computed in
 * float as ((float)byte / 255.0f - mean) / std. */
void vit158_preprocess_tensor(const vit158_preprocess *p, float *tensor);

#endif
