/* SPDX-License-Identifier: MIT */
#include "import/import_files.h"

#include <stdlib.h>

#include "base/error.h"

vit158_status vit158_import_read(const vit158_import_files *files, const char *name,
                                 uint64_t offset, void *out, size_t n_bytes, vit158_error *error)
{
    const uint64_t size = files->size(files->context, name);
    if (size == VIT158_NO_FILE)
        return vit158_fail(error, VIT158_E_IO, "%s cannot be opened", name);
    if (offset > size || n_bytes > size - offset)
        return vit158_fail(error, VIT158_E_TRUNCATED, "%s ends too early: the download is cut off",
                           name);
    if (n_bytes > 0 && !files->read(files->context, name, offset, out, n_bytes))
        return vit158_fail(error, VIT158_E_IO, "%s cannot be read", name);
    return VIT158_OK;
}

vit158_status vit158_import_read_text(char **text, size_t *n_bytes,
                                      const vit158_import_files *files, const char *name,
                                      vit158_error *error)
{
    *text = NULL;
    *n_bytes = 0;
    const uint64_t size = files->size(files->context, name);
    if (size == VIT158_NO_FILE)
        return vit158_fail(error, VIT158_E_IO, "%s cannot be opened", name);
    if (size > VIT158_MAX_TEXT_BYTES)
        return vit158_fail(error, VIT158_E_LIMIT, "%s has %llu bytes, at most %u are read", name,
                           (unsigned long long)size, VIT158_MAX_TEXT_BYTES);
    char *bytes = malloc((size_t)size + 1);
    if (bytes == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to read %s", name);
    const vit158_status status = vit158_import_read(files, name, 0, bytes, (size_t)size, error);
    if (status != VIT158_OK) {
        free(bytes);
        return status;
    }
    bytes[size] = 0;
    *text = bytes;
    *n_bytes = (size_t)size;
    return VIT158_OK;
}
