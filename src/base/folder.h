/* SPDX-License-Identifier: MIT
 *
 * Folders of the file system.
 */
#ifndef VIT158_BASE_FOLDER_H
#define VIT158_BASE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "vit158.h"

/* True for a folder, also over a symbolic link; false for what is not there. */
bool vit158_is_folder(const char *path);

/* Makes the last folder of `path`; one that is there already is fine. Errors: VIT158_E_IO. */
vit158_status vit158_make_folder(const char *path, vit158_error *error);

/* *.jpg, *.jpeg, *.png or *.webp in any case. */
bool vit158_is_image_name(const char *name);

/* Names in a folder, in order of their bytes. */
typedef struct vit158_names {
    char **values;
    size_t count;
} vit158_names;

typedef enum vit158_entry_kind { VIT158_ENTRY_FOLDER, VIT158_ENTRY_IMAGE } vit158_entry_kind;

/* Lists sub-folders, or files named *.jpg, *.jpeg, *.png or *.webp in any case. Names that start
 * with a dot are left out. The caller ends the list with vit158_names_free. */
vit158_status vit158_list_folder(vit158_names *names, const char *folder, vit158_entry_kind kind,
                                 vit158_error *error);
void vit158_names_free(vit158_names *names);

/* "folder/name", to be freed by the caller; NULL if memory is short. */
char *vit158_join_path(const char *folder, const char *name);

#endif
