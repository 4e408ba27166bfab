/* SPDX-License-Identifier: MIT
 *
 * The names of a model's classes, and which class a folder's name means.
 */
#ifndef VIT158_CLI_CLASS_NAMES_H
#define VIT158_CLI_CLASS_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "vit158.h"

/* The class whose wnid (metadata key "wnids", a JSON array) is `name`, else the first whose label
 * is `name` as a whole or up to its first comma. False if there is none. */
bool vit158_find_class(uint32_t *index, const vit158_model *model, const char *name);

/* The label of each class in memory of its own, "" where there is none; vit158_class_labels_free
 * ends it in any case. Errors: VIT158_E_MEMORY. */
typedef struct vit158_class_labels {
    char **values; /* [count] */
    uint32_t count;
} vit158_class_labels;
vit158_status vit158_class_labels_copy(vit158_class_labels *out, const vit158_model *model,
                                       vit158_error *error);
void vit158_class_labels_free(vit158_class_labels *labels);

#endif
