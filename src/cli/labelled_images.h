/* SPDX-License-Identifier: MIT
 *
 * A folder with a sub-folder for each class, as a list of images with their classes.
 */
#ifndef VIT158_CLI_LABELLED_IMAGES_H
#define VIT158_CLI_LABELLED_IMAGES_H

#include <stddef.h>

#include "vit158.h"

typedef struct vit158_labelled_image {
    char *path; /* owned */
    uint32_t class_index;
} vit158_labelled_image;

typedef struct vit158_labelled_images {
    vit158_labelled_image *values;
    size_t count;
    size_t capacity;
    char **unknown; /* [unknown_count] paths of folders that name no class; owned */
    size_t unknown_count;
} vit158_labelled_images;

/* Every image under `root` with its class of the model, in the order of their names, into a list
 * that is empty so far. Folders that name no class are listed too. Free the list in any case.
 * Errors: VIT158_E_IO, VIT158_E_MEMORY. */
vit158_status vit158_labelled_images_list(vit158_labelled_images *list, const vit158_model *model,
                                          const char *root, vit158_error *error);
/* Complains about a folder that names no class, in the name of `command`. */
void vit158_complain_unknown_folder(const char *command, const char *folder);
void vit158_labelled_images_free(vit158_labelled_images *list);

#endif
