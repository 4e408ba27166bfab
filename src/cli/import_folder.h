/* SPDX-License-Identifier: MIT
 *
 * The files of `vit158 import`'s source on this machine: a folder, or the folder of one file.
 */
#ifndef VIT158_CLI_IMPORT_FOLDER_H
#define VIT158_CLI_IMPORT_FOLDER_H

#include "import/import_files.h"

typedef struct vit158_import_folder vit158_import_folder;

/* `files` reads from the folder until it is closed; `file` is the source's name in it, or NULL if
 * the source is a folder. Errors: VIT158_E_IO, VIT158_E_MEMORY. */
vit158_status vit158_import_folder_open(vit158_import_folder **out, vit158_import_files *files,
                                        const char **file, const char *source, vit158_error *error);
void vit158_import_folder_close(vit158_import_folder *folder);

#endif
