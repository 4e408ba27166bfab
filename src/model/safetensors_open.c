/* SPDX-License-Identifier: MIT
 *
 * Safetensors files by their paths.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <stdio.h>

#include "base/error.h"
#include "base/file_problem.h"
#include "model/safetensors.h"

static vit158_status io_error(vit158_error *error)
{
    return vit158_fail(error, VIT158_E_IO, "%s", vit158_file_problem(errno));
}

static vit158_status read_file(void *context, uint64_t position, void *out, size_t n_bytes,
                               vit158_error *error)
{
    FILE *file = context;
    errno = 0;
    if (fseeko(file, (off_t)position, SEEK_SET) != 0)
        return io_error(error);
    if (fread(out, 1, n_bytes, file) != n_bytes)
        return errno != 0 ? io_error(error)
                          : vit158_fail(error, VIT158_E_TRUNCATED, "ends unexpectedly");
    return VIT158_OK;
}

static void close_file(void *context)
{
    fclose(context);
}

vit158_status vit158_safetensors_open(vit158_safetensors **out, const char *path,
                                      vit158_error *error)
{
    *out = NULL;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return io_error(error);
    const off_t length = fseeko(file, 0, SEEK_END) == 0 ? ftello(file) : -1;
    if (length < 0) {
        const vit158_status status = io_error(error);
        fclose(file);
        return status;
    }
    const vit158_file_bytes bytes = {file, (uint64_t)length, read_file, close_file};
    return vit158_safetensors_over(out, &bytes, error);
}

vit158_status vit158_tensors_open(vit158_safetensors **out, const char *path, vit158_error *error)
{
    return vit158_name_error(error, vit158_safetensors_open(out, path, error), path);
}
