/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "train/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"

vit158_status vit158_train_file_read(uint8_t **bytes, size_t *n_bytes, const char *path,
                                     vit158_error *error)
{
    *bytes = NULL;
    *n_bytes = 0;
    FILE *file = fopen(path, "rb");
    if (!file)
        return vit158_fail(error, VIT158_E_IO, "cannot open %s: %s", path, strerror(errno));
    size_t capacity = 1 << 16, used = 0;
    uint8_t *data = malloc(capacity);
    while (data) {
        used += fread(data + used, 1, capacity - used - 1, file);
        if (used + 1 < capacity)
            break;
        capacity *= 2;
        uint8_t *larger = realloc(data, capacity);
        if (!larger)
            free(data);
        data = larger;
    }
    const int bad = ferror(file);
    fclose(file);
    if (!data)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory to read %s", path);
    if (bad) {
        free(data);
        return vit158_fail(error, VIT158_E_IO, "cannot read %s", path);
    }
    data[used] = 0;
    *bytes = data;
    *n_bytes = used;
    return VIT158_OK;
}

vit158_status vit158_train_file_begin(vit158_train_file_writer *out, const char *path,
                                      vit158_error *error)
{
    memset(out, 0, sizeof *out);
    if (strlen(path) >= sizeof out->path)
        return vit158_fail(error, VIT158_E_ARGUMENT, "file name of %zu bytes is too long",
                           strlen(path));
    vit158_format(out->path, sizeof out->path, "%s", path);
    vit158_format(out->temporary, sizeof out->temporary, "%s.tmp", path);
    out->file = fopen(out->temporary, "wb");
    if (!out->file)
        return vit158_fail(error, VIT158_E_IO, "cannot create %s: %s", out->temporary,
                           strerror(errno));
    return VIT158_OK;
}

static void remember(vit158_train_file_writer *out)
{
    if (!out->failed)
        out->cause = errno;
    out->failed = true;
}

void vit158_train_file_add(vit158_train_file_writer *out, const void *bytes, size_t n_bytes)
{
    if (!out->failed && n_bytes && fwrite(bytes, 1, n_bytes, out->file) != n_bytes)
        remember(out);
}

void vit158_train_file_add_u32(vit158_train_file_writer *out, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                              (uint8_t)(value >> 24)};
    vit158_train_file_add(out, bytes, 4);
}

void vit158_train_file_abandon(vit158_train_file_writer *out)
{
    if (out->file)
        fclose(out->file);
    out->file = NULL;
    remove(out->temporary);
}

vit158_status vit158_train_file_commit(vit158_train_file_writer *out, vit158_error *error)
{
    if (!out->failed && (fflush(out->file) != 0 || fsync(fileno(out->file)) != 0))
        remember(out);
    const int closed = fclose(out->file);
    out->file = NULL;
    if (closed != 0)
        remember(out);
    if (!out->failed && rename(out->temporary, out->path) != 0)
        remember(out);
    if (out->failed) {
        remove(out->temporary);
        return vit158_fail(error, VIT158_E_IO, "cannot write %s: %s; the old file is untouched",
                           out->path, strerror(out->cause));
    }
    return VIT158_OK;
}
