/* SPDX-License-Identifier: MIT
 *
 * Files in memory as a source of vit158_import_run.
 */
#ifndef MEMORY_FILES_H
#define MEMORY_FILES_H

#include <string.h>

#include "import/import_files.h"

typedef struct memory_file {
    const char *name;
    const void *bytes;
    size_t n_bytes;
} memory_file;

typedef struct memory_files {
    memory_file files[8];
    size_t count;
} memory_files;

static inline const memory_file *memory_find(const memory_files *all, const char *name)
{
    for (size_t i = 0; i < all->count; i++) {
        if (strcmp(all->files[i].name, name) == 0)
            return &all->files[i];
    }
    return NULL;
}

static inline uint64_t memory_size(void *context, const char *name)
{
    const memory_file *file = memory_find(context, name);
    return file != NULL ? file->n_bytes : VIT158_NO_FILE;
}

static inline bool memory_read(void *context, const char *name, uint64_t offset, void *out,
                               size_t n_bytes)
{
    const memory_file *file = memory_find(context, name);
    if (file == NULL || offset > file->n_bytes || n_bytes > file->n_bytes - offset)
        return false;
    memcpy(out, (const char *)file->bytes + offset, n_bytes);
    return true;
}

static inline vit158_import_files memory_source(memory_files *all)
{
    return (vit158_import_files){all, memory_size, memory_read};
}

#endif
