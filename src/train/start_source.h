/* SPDX-License-Identifier: MIT
 *
 * A model file that a run starts from, while it is being read (start.c, start_matrix.c).
 */
#ifndef VIT158_TRAIN_START_SOURCE_H
#define VIT158_TRAIN_START_SOURCE_H

#include "model/layout.h"
#include "model/safetensors.h"
#include "train/start.h"

typedef struct vit158_train_source {
    const vit158_safetensors *file;
    const vit158_header *header;
    const vit158_layout *model;
    vit158_trainer *t;
    vit158_train_start *start;
} vit158_train_source;

/* `count` floats of a slot. Errors: those of vit158_safetensors_get_f32. */
vit158_status vit158_train_source_get(float *out, const vit158_train_source *source, uint32_t slot,
                                      uint64_t count, vit158_error *error);

/* out [rows][cols] of the patch weights, the head or the positions, floats or int8 in the file. */
vit158_status vit158_train_source_rows(float *out, const vit158_train_source *source, uint32_t slot,
                                       uint32_t rows, uint32_t cols, vit158_error *error);

/* One of a block's matrices and its bias into the trainer's parameters (start.h says how). */
vit158_status vit158_train_source_matrix(const vit158_train_source *source, uint32_t block,
                                         uint32_t linear, vit158_error *error);

#endif
