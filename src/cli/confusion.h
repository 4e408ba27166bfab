/* SPDX-License-Identifier: MIT
 *
 * What `eval` says of each class: how many of its images were right, and what the others were
 * taken for; and the list of wrong images. web/cli/confusion.mjs writes the same.
 */
#ifndef VIT158_CLI_CONFUSION_H
#define VIT158_CLI_CONFUSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/class_names.h"
#include "model/json_out.h"
#include "vit158.h"

typedef struct vit158_judged {
    const char *path;
    uint32_t truth;
    uint32_t predicted;
    float score; /* of `predicted` */
} vit158_judged;

/* True for a name that ends in .csv or .json. */
bool vit158_is_wrong_list(const char *path);

/* Writes the wrong images in their order, in the form that the name's ending says. */
vit158_status vit158_write_wrong(const char *path, const vit158_judged *judged, size_t count,
                                 const vit158_class_labels *labels, vit158_error *error);

/* Both need the images sorted by vit158_sort_judged. */
void vit158_print_classes(FILE *out, const vit158_judged *judged, size_t count,
                          const vit158_class_labels *labels);
void vit158_json_classes(vit158_json *json, const vit158_judged *judged, size_t count,
                         const vit158_class_labels *labels);

/* By true class, then by predicted one. */
void vit158_sort_judged(vit158_judged *judged, size_t count);

#endif
