/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file_problem.h"
#include "base/text.h"

enum { FIRST_BYTES = 1 << 16, SUFFIX_BYTES = 40, NAME_TRIES = 1000 };

/* ---- Reading ---- */

static vit158_status too_large(size_t max_bytes, vit158_error *error)
{
    return vit158_fail(error, VIT158_E_LIMIT, "the file is larger than %zu bytes", max_bytes);
}

/* Bytes to the end, in memory that grows; a pipe says nothing of its length. */
static vit158_status read_all(uint8_t **bytes, size_t *n_bytes, FILE *file, size_t capacity,
                              size_t max_bytes, vit158_error *error)
{
    size_t used = 0;
    uint8_t *data = malloc(capacity);
    while (data != NULL) {
        used += fread(data + used, 1, capacity - used - 1, file);
        if (used + 1 < capacity || used > max_bytes)
            break;
        /* UNREACHABLE: memory ends before capacity does. */
        uint8_t *const larger = capacity > SIZE_MAX / 2 ? NULL : realloc(data, 2 * capacity);
        if (larger == NULL)
            free(data);
        data = larger;
        capacity *= 2;
    }
    if (data == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to read the file");
    vit158_status status = VIT158_OK;
    if (ferror(file))
        status = vit158_fail(error, VIT158_E_IO, "cannot read the file: %s", strerror(errno));
    else if (used > max_bytes)
        status = too_large(max_bytes, error);
    if (status != VIT158_OK) {
        free(data);
        return status;
    }
    data[used] = 0;
    *bytes = data;
    *n_bytes = used;
    return VIT158_OK;
}

vit158_status vit158_file_read_open(uint8_t **bytes, size_t *n_bytes, FILE *file, size_t max_bytes,
                                    vit158_error *error)
{
    *bytes = NULL;
    *n_bytes = 0;
    const size_t most = max_bytes == 0 ? SIZE_MAX : max_bytes;
    struct stat facts;
    size_t capacity = FIRST_BYTES;
    /* UNREACHABLE: an open file has a state. */
    if (fstat(fileno(file), &facts) != 0)
        return vit158_fail(error, VIT158_E_IO, "cannot read the file: %s", strerror(errno));
    if (S_ISDIR(facts.st_mode))
        return vit158_fail(error, VIT158_E_IO, "%s", vit158_file_problem(EISDIR));
    if (S_ISREG(facts.st_mode) && (uint64_t)facts.st_size > most)
        return too_large(most, error);
    if (S_ISREG(facts.st_mode))
        capacity = (size_t)facts.st_size + 2; /* a NUL, and room that shows the end */
    return read_all(bytes, n_bytes, file, capacity, most, error);
}

vit158_status vit158_file_read(uint8_t **bytes, size_t *n_bytes, const char *path, size_t max_bytes,
                               vit158_error *error)
{
    *bytes = NULL;
    *n_bytes = 0;
    FILE *const file = fopen(path, "rb");
    if (file == NULL)
        return vit158_fail(error, VIT158_E_IO, "%s", vit158_file_problem(errno));
    const vit158_status status = vit158_file_read_open(bytes, n_bytes, file, max_bytes, error);
    fclose(file);
    return status;
}

/* ---- Writing ---- */

static void end(vit158_file_writer *out)
{
    free(out->path);
    free(out->temporary);
    *out = (vit158_file_writer){0};
}

static vit158_status cannot_write(const vit158_file_writer *out, vit158_error *error)
{
    return vit158_fail(error, VIT158_E_IO, "%s cannot be written: %s", out->path,
                       vit158_write_problem(out->cause));
}

/* A file of a name that nobody has, for writing; -1 with errno. */
static int create(vit158_file_writer *out)
{
    const size_t room = strlen(out->path) + SUFFIX_BYTES;
    for (unsigned i = 0; i < NAME_TRIES; i++) {
        vit158_format(out->temporary, room, "%s.tmp-%u-%u", out->path, (unsigned)getpid(), i);
        const int handle = open(out->temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
        if (handle >= 0 || errno != EEXIST)
            return handle;
    }
    return -1;
}

vit158_status vit158_file_begin(vit158_file_writer *out, const char *path, vit158_error *error)
{
    *out = (vit158_file_writer){.path = vit158_copy_text(path),
                                .temporary = malloc(strlen(path) + SUFFIX_BYTES)};
    if (out->path == NULL || out->temporary == NULL) {
        end(out);
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to write %s", path);
    }
    const int handle = create(out);
    out->file = handle >= 0 ? fdopen(handle, "wb") : NULL;
    if (out->file != NULL)
        return VIT158_OK;
    out->cause = errno;
    const vit158_status status = cannot_write(out, error);
    if (handle >= 0) {
        close(handle);
        remove(out->temporary);
    }
    end(out);
    return status;
}

/* The first failure: nothing is tried after it. */
static void remember(vit158_file_writer *out)
{
    out->cause = errno;
    out->failed = true;
}

void vit158_file_add(vit158_file_writer *out, const void *bytes, size_t n_bytes)
{
    if (!out->failed && n_bytes > 0 && fwrite(bytes, 1, n_bytes, out->file) != n_bytes)
        remember(out);
}

void vit158_file_add_u32(vit158_file_writer *out, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                              (uint8_t)(value >> 24)};
    vit158_file_add(out, bytes, sizeof bytes);
}

vit158_status vit158_file_flush(vit158_file_writer *out, vit158_error *error)
{
    if (!out->failed && (fflush(out->file) != 0 || fsync(fileno(out->file)) != 0))
        remember(out);
    return out->failed ? cannot_write(out, error) : VIT158_OK;
}

/* A rename is on the disk when its folder is. Systems that cannot sync folders are let be. */
static void sync_folder(char *path)
{
    char *const slash = strrchr(path, '/');
    if (slash != NULL)
        slash[slash == path ? 1 : 0] = '\0';
    const int folder = open(slash != NULL ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return;
    (void)fsync(folder);
    close(folder);
}

vit158_status vit158_file_commit(vit158_file_writer *out, vit158_error *error)
{
    vit158_status status = vit158_file_flush(out, error);
    if (fclose(out->file) != 0 && status == VIT158_OK) {
        remember(out);
        status = cannot_write(out, error);
    }
    out->file = NULL;
    if (status == VIT158_OK && rename(out->temporary, out->path) != 0) {
        remember(out);
        status = cannot_write(out, error);
    }
    if (status == VIT158_OK)
        sync_folder(out->path);
    else
        remove(out->temporary);
    end(out);
    return status;
}

void vit158_file_abandon(vit158_file_writer *out)
{
    if (out->file != NULL)
        fclose(out->file);
    if (out->temporary != NULL)
        remove(out->temporary);
    end(out);
}
