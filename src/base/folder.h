/* SPDX-License-Identifier: MIT
 *
 * Folders of the file system.
 */
#ifndef VIT158_BASE_FOLDER_H
#define VIT158_BASE_FOLDER_H

#include <stdbool.h>

#include "vit158.h"

/* True for a folder, also over a symbolic link; false for what is not there. */
bool vit158_is_folder(const char *path);

/* Makes the last folder of `path`; one that is there already is fine. Errors: VIT158_E_IO. */
vit158_status vit158_make_folder(const char *path, vit158_error *error);

#endif
