/* SPDX-License-Identifier: MIT
 *
 * Labelled images in memory, all of one size, and the compact cache file they are kept in.
 *
 * Cache: "VIT158DS", then little-endian u32 version 1, count, channels, side, classes, label bytes;
 * the class names, each ended by NUL; count u16 labels; count * channels * side * side pixels.
 */
#ifndef VIT158_TRAIN_DATASET_H
#define VIT158_TRAIN_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include "vit158.h"

typedef struct vit158_train_dataset {
    uint32_t count, channels, side, classes;
    uint8_t *pixels;  /* [count][channels][side][side] */
    uint16_t *labels; /* [count] */
    char *names;      /* class names one after the other, each ended by NUL */
    uint32_t name_bytes;
} vit158_train_dataset;

void vit158_train_dataset_free(vit158_train_dataset *data);

vit158_status vit158_train_dataset_allocate(vit158_train_dataset *data, uint32_t count,
                                            uint32_t channels, uint32_t side, uint32_t classes,
                                            uint32_t name_bytes, vit158_error *error);

vit158_status vit158_train_dataset_load(vit158_train_dataset *data, const char *path,
                                        vit158_error *error);
/* Written under a temporary name, then renamed. */
vit158_status vit158_train_dataset_save(const vit158_train_dataset *data, const char *path,
                                        vit158_error *error);

/* Name of a class. */
const char *vit158_train_dataset_name(const vit158_train_dataset *data, uint32_t index);

/* Bytes of one image. */
static inline size_t vit158_train_dataset_image(const vit158_train_dataset *data)
{
    return (size_t)data->channels * data->side * data->side;
}

#endif
