/* SPDX-License-Identifier: MIT
 *
 * The files of a source as the importer sees them: names without folders, random reads, nothing
 * written. Natively they lie in a folder, in the wasm module with the caller, in tests in memory.
 */
#ifndef VIT158_IMPORT_IMPORT_FILES_H
#define VIT158_IMPORT_IMPORT_FILES_H

#include <stdbool.h>

#include "vit158.h"

#define VIT158_NO_FILE UINT64_MAX
/* Texts (config.json and the like) may be as long as this. */
#define VIT158_MAX_TEXT_BYTES (4U << 20)

typedef struct vit158_import_files {
    void *context;
    /* Length of a file, VIT158_NO_FILE if there is none of that name that can be read. */
    uint64_t (*size)(void *context, const char *name);
    /* Reads n_bytes bytes that lie within the file; false if that fails. */
    bool (*read)(void *context, const char *name, uint64_t offset, void *out, size_t n_bytes);
} vit158_import_files;

static inline bool vit158_import_exists(const vit158_import_files *files, const char *name)
{
    return files->size(files->context, name) != VIT158_NO_FILE;
}

/* n_bytes bytes at an offset. Errors: VIT158_E_IO, VIT158_E_TRUNCATED. */
vit158_status vit158_import_read(const vit158_import_files *files, const char *name,
                                 uint64_t offset, void *out, size_t n_bytes, vit158_error *error);

/* A whole text with a NUL behind it; the caller frees it. Errors: as above, VIT158_E_LIMIT,
 * VIT158_E_MEMORY. */
vit158_status vit158_import_read_text(char **text, size_t *n_bytes,
                                      const vit158_import_files *files, const char *name,
                                      vit158_error *error);

#endif
