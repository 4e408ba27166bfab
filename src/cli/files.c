/* SPDX-License-Identifier: MIT
 *
 * See files.h. POSIX calls only for kinds of files and folders.
 */
#define _XOPEN_SOURCE 700
#include "cli/files.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/file_problem.h"
#include "base/folder.h"
#include "base/sha256.h"
#include "cli/model_advice.h"

#define CHUNK_BYTES ((size_t)1 << 18)

static vit158_status io_error(vit158_error *error, const char *doing)
{
    return vit158_fail(error, VIT158_E_IO, "cannot %s: %s", doing, strerror(errno));
}

/* What to do with the address of an image. */
static const char pipe_it[] = "curl -L ADDRESS | vit158 classify -";

/* What the npm command reads as an address. */
static bool is_address(const char *path)
{
    static const char *const schemes[] = {"http://", "https://", "file://", "data:"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (strncasecmp(path, schemes[i], strlen(schemes[i])) == 0)
            return true;
    }
    return false;
}

/* Opens a file or pipe, or standard input for "-", and tells its size, 0 if it is no regular
 * file. `instead` is what to do with an address. */
static vit158_status open_input(FILE **file, uint64_t *n_bytes, const char *path,
                                const char *instead, vit158_error *error)
{
    struct stat info;
    *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (*file == NULL && is_address(path))
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "addresses are read by the npm command only (npx vit158); here: %s",
                           instead);
    if (*file == NULL)
        return vit158_fail(error, VIT158_E_IO, "%s", vit158_file_problem(errno));
    vit158_status status = VIT158_OK;
    if (fstat(fileno(*file), &info) != 0)
        status = io_error(error, "read the file's size");
    else if (S_ISDIR(info.st_mode))
        status = vit158_fail(error, VIT158_E_IO, "%s", vit158_file_problem(EISDIR));
    if (status != VIT158_OK) {
        fclose(*file);
        *file = NULL;
        return status;
    }
    *n_bytes = S_ISREG(info.st_mode) ? (uint64_t)info.st_size : 0;
    return VIT158_OK;
}

static void close_input(FILE *file)
{
    if (file != stdin)
        fclose(file);
}

vit158_status vit158_input_read(uint8_t **bytes, size_t *n_bytes, const char *path,
                                size_t max_bytes, vit158_error *error)
{
    FILE *file;
    uint64_t size;
    *bytes = NULL;
    *n_bytes = 0;
    VIT158_RETURN_IF_ERROR(open_input(&file, &size, path, pipe_it, error));
    vit158_status status = VIT158_OK;
    if (size > max_bytes)
        status =
            vit158_fail(error, VIT158_E_LIMIT, "the file has %llu bytes, at most %llu are read",
                        (unsigned long long)size, (unsigned long long)max_bytes);
    else
        status = vit158_file_read_open(bytes, n_bytes, file, max_bytes, error);
    close_input(file);
    return status;
}

static vit158_status push_file(vit158_loader *loader, FILE *file, vit158_error *error)
{
    uint8_t *const chunk = malloc(CHUNK_BYTES);
    if (chunk == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to read the file");
    vit158_status status = VIT158_OK;
    bool is_empty = true; /* pipes and devices, too */
    size_t n_bytes;
    while (status == VIT158_OK && (n_bytes = fread(chunk, 1, CHUNK_BYTES, file)) > 0) {
        is_empty = false;
        status = vit158_loader_push(loader, chunk, n_bytes, error);
    }
    if (status == VIT158_OK && ferror(file))
        status = io_error(error, "read the file");
    else if (is_empty)
        status = vit158_fail(error, VIT158_E_TRUNCATED, "is empty: the download failed");
    free(chunk);
    return status;
}

vit158_status vit158_open_model_file(vit158_model **model, const char *path, vit158_error *error)
{
    FILE *file;
    uint64_t size;
    vit158_loader *loader;
    *model = NULL;
    if (open_input(&file, &size, path, "curl -LO ADDRESS, and then the file", error) != VIT158_OK)
        return vit158_advise(path, error);
    vit158_status status = vit158_loader_create(&loader, size, error);
    if (status == VIT158_OK)
        status = push_file(loader, file, error);
    if (status == VIT158_OK)
        status = vit158_loader_finish(loader, model, error);
    vit158_loader_close(loader);
    close_input(file);
    return status == VIT158_OK ? VIT158_OK : vit158_advise(path, error);
}

const char *vit158_base_name(const char *path)
{
    const char *const slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* The folder part of a path: "a/b" gives "a", "b" gives ".", "/b" gives "/". */
static char *folder_of(const char *path)
{
    const char *const slash = strrchr(path, '/');
    if (slash == NULL)
        return strdup(".");
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

char *vit158_path_beside(const char *from, const char *name)
{
    if (name[0] == '/' || strchr(from, '/') == NULL)
        return strdup(name);
    char *const folder = folder_of(from);
    char *const path = folder != NULL ? vit158_join_path(folder, name) : NULL;
    free(folder);
    return path;
}

/* The folder of a file without links and dots, ending with a slash. */
static vit158_status real_folder(char **out, const char *file, vit158_error *error)
{
    char *const folder = folder_of(file);
    char *const real = folder != NULL ? realpath(folder, NULL) : NULL;
    vit158_status status = VIT158_OK;
    *out = real != NULL ? vit158_join_path(real, "") : NULL;
    if (real == NULL && folder != NULL)
        status = vit158_fail(error, VIT158_E_IO, "%s", vit158_write_problem(errno));
    else if (*out == NULL)
        status = vit158_fail(error, VIT158_E_MEMORY, "not enough memory for a path");
    free(folder);
    free(real);
    return status;
}

/* Both folders begin and end with a slash; NULL if memory is short. */
static char *relative(const char *from, const char *folder, const char *name)
{
    size_t common = 0;
    for (size_t i = 0; from[i] != '\0' && from[i] == folder[i]; i++)
        if (from[i] == '/')
            common = i + 1;
    size_t ups = 0;
    for (const char *at = from + common; (at = strchr(at, '/')) != NULL; at++)
        ups++;
    const size_t room = 3 * ups + strlen(folder + common) + strlen(name) + 1;
    char *const path = malloc(room);
    if (path == NULL)
        return NULL;
    for (size_t i = 0; i < ups; i++)
        memcpy(path + 3 * i, "../", 3);
    snprintf(path + 3 * ups, room - 3 * ups, "%s%s", folder + common, name);
    return path;
}

vit158_status vit158_relative_path(char **out, const char *from, const char *file,
                                   vit158_error *error)
{
    char *base = NULL;
    char *folder = NULL;
    *out = NULL;
    vit158_status status = real_folder(&base, from, error);
    if (status == VIT158_OK)
        status = real_folder(&folder, file, error);
    if (status == VIT158_OK) {
        *out = relative(base, folder, vit158_base_name(file));
        if (*out == NULL)
            status = vit158_fail(error, VIT158_E_MEMORY, "not enough memory for a path");
    }
    free(base);
    free(folder);
    return status;
}

vit158_status vit158_hash_file(char out[65], const char *path, vit158_error *error)
{
    FILE *file;
    uint64_t size;
    VIT158_RETURN_IF_ERROR(open_input(&file, &size, path, pipe_it, error));
    vit158_sha256 hash = vit158_sha256_start();
    uint8_t *const chunk = malloc(CHUNK_BYTES);
    vit158_status status = VIT158_OK;
    size_t n_bytes;
    while (chunk != NULL && (n_bytes = fread(chunk, 1, CHUNK_BYTES, file)) > 0)
        vit158_sha256_add(&hash, chunk, n_bytes);
    if (chunk == NULL)
        status = vit158_fail(error, VIT158_E_MEMORY, "not enough memory to read the file");
    else if (ferror(file))
        status = io_error(error, "read the file");
    vit158_sha256_end_hex(&hash, out);
    free(chunk);
    close_input(file);
    return status;
}
