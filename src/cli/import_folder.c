/* SPDX-License-Identifier: MIT
 *
 * Keeps the file it read last open, because tensors are read piece by piece.
 */
#define _XOPEN_SOURCE 700
#include "cli/import_folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file_problem.h"
#include "base/folder.h"
#include "cli/files.h"

struct vit158_import_folder {
    char *path;
    char *open_name; /* of `file`, NULL if none is open */
    FILE *file;
    uint64_t n_bytes;
};

static void close_file(vit158_import_folder *folder)
{
    if (folder->file != NULL)
        fclose(folder->file);
    free(folder->open_name);
    folder->file = NULL;
    folder->open_name = NULL;
}

static bool open_file(vit158_import_folder *folder, const char *name)
{
    struct stat info;
    if (folder->open_name != NULL && strcmp(folder->open_name, name) == 0)
        return true;
    close_file(folder);
    char *path = vit158_join_path(folder->path, name);
    folder->open_name = strdup(name);
    if (path != NULL && folder->open_name != NULL)
        folder->file = fopen(path, "rb");
    free(path);
    if (folder->file == NULL || fstat(fileno(folder->file), &info) != 0 || !S_ISREG(info.st_mode)) {
        close_file(folder);
        return false;
    }
    folder->n_bytes = (uint64_t)info.st_size;
    return true;
}

static uint64_t size_of(void *context, const char *name)
{
    vit158_import_folder *folder = context;
    return open_file(folder, name) ? folder->n_bytes : VIT158_NO_FILE;
}

static bool read_from(void *context, const char *name, uint64_t offset, void *out, size_t n_bytes)
{
    vit158_import_folder *folder = context;
    return open_file(folder, name) && fseeko(folder->file, (off_t)offset, SEEK_SET) == 0 &&
           fread(out, 1, n_bytes, folder->file) == n_bytes;
}

vit158_status vit158_import_folder_open(vit158_import_folder **out, vit158_import_files *files,
                                        const char **file, const char *source, vit158_error *error)
{
    struct stat info;
    *out = NULL;
    if (stat(source, &info) != 0)
        return vit158_fail(error, VIT158_E_IO, "%s", vit158_file_problem(errno));
    const bool is_folder = S_ISDIR(info.st_mode);
    vit158_import_folder *folder = calloc(1, sizeof *folder);
    char *path = is_folder ? strdup(source) : vit158_path_beside(source, ".");
    if (folder == NULL || path == NULL) {
        free(folder);
        free(path);
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory");
    }
    folder->path = path;
    *file = is_folder ? NULL : vit158_base_name(source);
    *files = (vit158_import_files){folder, size_of, read_from};
    *out = folder;
    return VIT158_OK;
}

void vit158_import_folder_close(vit158_import_folder *folder)
{
    if (folder == NULL)
        return;
    close_file(folder);
    free(folder->path);
    free(folder);
}
