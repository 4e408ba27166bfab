/* SPDX-License-Identifier: MIT */
#define _XOPEN_SOURCE 700
#include "cli/image_source.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file_problem.h"
#include "base/folder.h"
#include "base/rng.h"
#include "cli/files.h"

#define MAX_NESTING 32
#define MAX_ARCHIVE_BYTES ((size_t)2 << 30)
#define MAX_IMAGE_BYTES ((size_t)256 << 20)

/* A record of a tar archive, and where a header has what. */
#define RECORD 512U
#define NAME_AT 0U
#define NAME_BYTES 100U
#define SIZE_AT 124U
#define SIZE_BYTES 12U
#define CHECKSUM_AT 148U
#define CHECKSUM_BYTES 8U
#define TYPE_AT 156U
#define PREFIX_AT 345U
#define PREFIX_BYTES 155U

static vit158_status no_memory(vit158_error *error)
{
    return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the list of images");
}

/* Takes `name`, which may be NULL. */
static vit158_status add_image(vit158_image_source *source, char *name, const uint8_t *bytes,
                               size_t n_bytes, vit158_error *error)
{
    if (name != NULL && source->count == source->capacity) {
        const size_t more = source->capacity ? 2 * source->capacity : 256;
        vit158_source_image *const images = realloc(source->images, more * sizeof *images);
        if (images != NULL) {
            source->images = images;
            source->capacity = more;
        }
    }
    if (name == NULL || source->count == source->capacity) {
        free(name);
        return no_memory(error);
    }
    source->images[source->count++] =
        (vit158_source_image){.name = name, .bytes = bytes, .n_bytes = n_bytes};
    return VIT158_OK;
}

/* ---- Folders ---- */

static vit158_status add_folder(vit158_image_source *source, const char *folder, int nesting,
                                vit158_error *error);

static vit158_status add_entry(vit158_image_source *source, const char *folder, const char *name,
                               int nesting, vit158_error *error)
{
    char *const path = vit158_join_path(folder, name);
    if (path == NULL)
        return no_memory(error);
    if (vit158_is_folder(path)) {
        const vit158_status status = add_folder(source, path, nesting + 1, error);
        free(path);
        return status;
    }
    if (vit158_is_image_name(name))
        return add_image(source, path, NULL, 0, error);
    source->skipped++;
    free(path);
    return VIT158_OK;
}

static vit158_status add_folder(vit158_image_source *source, const char *folder, int nesting,
                                vit158_error *error)
{
    if (nesting > MAX_NESTING)
        return vit158_fail(error, VIT158_E_LIMIT, "folders are nested more than %d deep",
                           MAX_NESTING);
    DIR *const directory = opendir(folder);
    if (directory == NULL)
        return vit158_fail(error, VIT158_E_IO, "%s", vit158_file_problem(errno));
    vit158_status status = VIT158_OK;
    const struct dirent *entry;
    while (status == VIT158_OK && (entry = readdir(directory)) != NULL)
        if (entry->d_name[0] != '.')
            status = add_entry(source, folder, entry->d_name, nesting, error);
    closedir(directory);
    return status;
}

/* ---- Archives ---- */

/* Octal digits, blanks before and behind. False for anything else. */
static bool read_octal(uint64_t *value, const uint8_t *field, size_t n_bytes)
{
    size_t i = 0;
    *value = 0;
    while (i < n_bytes && field[i] == ' ')
        i++;
    const size_t first = i;
    for (; i < n_bytes && field[i] >= '0' && field[i] <= '7'; i++)
        *value = *value * 8 + (uint64_t)(field[i] - '0');
    const bool digits = i > first;
    for (; i < n_bytes; i++)
        if (field[i] != ' ' && field[i] != 0)
            return false;
    return digits;
}

static bool is_header(const uint8_t *record)
{
    uint64_t told, sum = 0;
    for (size_t i = 0; i < RECORD; i++)
        sum += i >= CHECKSUM_AT && i < CHECKSUM_AT + CHECKSUM_BYTES ? ' ' : record[i];
    return read_octal(&told, record + CHECKSUM_AT, CHECKSUM_BYTES) && told == sum;
}

static bool is_empty(const uint8_t *record)
{
    for (size_t i = 0; i < RECORD; i++)
        if (record[i] != 0)
            return false;
    return true;
}

static char *entry_name(const char *archive, const uint8_t *record)
{
    const char *const prefix = (const char *)record + PREFIX_AT;
    const char *const name = (const char *)record + NAME_AT;
    const bool has_prefix = memcmp(record + 257, "ustar", 5) == 0 && prefix[0] != 0;
    const size_t n_bytes = strlen(archive) + PREFIX_BYTES + NAME_BYTES + 4;
    char *const text = malloc(n_bytes);
    if (text != NULL)
        snprintf(text, n_bytes, "%s:%.*s%s%.*s", archive, has_prefix ? (int)PREFIX_BYTES : 0,
                 prefix, has_prefix ? "/" : "", (int)NAME_BYTES, name);
    return text;
}

static vit158_status add_entries(vit158_image_source *source, const char *archive,
                                 const uint8_t *bytes, size_t n_bytes, vit158_error *error)
{
    for (size_t at = 0; at + RECORD <= n_bytes && !is_empty(bytes + at);) {
        const uint8_t *const record = bytes + at;
        uint64_t size;
        if (!is_header(record) || !read_octal(&size, record + SIZE_AT, SIZE_BYTES))
            return vit158_fail(error, VIT158_E_FORMAT,
                               "neither a folder nor a tar archive: no header at byte %zu", at);
        at += RECORD;
        if (size > n_bytes - at)
            return vit158_fail(error, VIT158_E_TRUNCATED,
                               "the archive ends within the file at byte %zu", at);
        const bool regular = record[TYPE_AT] == '0' || record[TYPE_AT] == 0;
        char *const name = entry_name(archive, record);
        if (name == NULL)
            return no_memory(error);
        if (regular && vit158_is_image_name(name)) {
            VIT158_RETURN_IF_ERROR(add_image(source, name, bytes + at, (size_t)size, error));
        } else {
            source->skipped += regular;
            free(name);
        }
        const size_t records = (size_t)((size + RECORD - 1) / RECORD);
        at = records * RECORD < n_bytes - at ? at + records * RECORD : n_bytes;
    }
    return VIT158_OK;
}

static vit158_status add_archive(vit158_image_source *source, const char *path, vit158_error *error)
{
    uint8_t *bytes;
    size_t n_bytes;
    VIT158_RETURN_IF_ERROR(vit158_input_read(&bytes, &n_bytes, path, MAX_ARCHIVE_BYTES, error));
    uint8_t **const archives =
        realloc(source->archives, (source->archive_count + 1) * sizeof *archives);
    if (archives == NULL) {
        free(bytes);
        return no_memory(error);
    }
    source->archives = archives;
    source->archives[source->archive_count++] = bytes;
    return add_entries(source, path, bytes, n_bytes, error);
}

/* ---- */

vit158_status vit158_image_source_add(vit158_image_source *source, const char *path,
                                      vit158_error *error)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return vit158_fail(error, VIT158_E_IO, "%s", vit158_file_problem(errno));
    const size_t before = source->count;
    const vit158_status status = S_ISDIR(info.st_mode) ? add_folder(source, path, 0, error)
                                                       : add_archive(source, path, error);
    for (size_t i = before; i < source->count; i++)
        source->images[i].root_bytes = strlen(path);
    return status;
}

static const char *own_name(const vit158_source_image *image)
{
    const char *const slash = strrchr(image->name + image->root_bytes, '/');
    return slash ? slash + 1 : image->name;
}

static int by_name(const void *a, const void *b)
{
    const vit158_source_image *const x = a, *const y = b;
    const size_t shorter = x->root_bytes < y->root_bytes ? x->root_bytes : y->root_bytes;
    int order = strncmp(x->name, y->name, shorter);
    if (order == 0 && x->root_bytes != y->root_bytes)
        order = x->root_bytes < y->root_bytes ? -1 : 1;
    if (order == 0)
        order = strcmp(own_name(x), own_name(y));
    return order != 0 ? order : strcmp(x->name, y->name);
}

static void swap(vit158_source_image *a, vit158_source_image *b)
{
    const vit158_source_image kept = *a;
    *a = *b;
    *b = kept;
}

vit158_status vit158_image_source_draw(vit158_image_source *source, size_t limit, uint64_t seed,
                                       vit158_error *error)
{
    if (source->count == 0)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "no images: expected *.jpg, *.jpeg, *.png or *.webp files");
    if (source->count > UINT32_MAX)
        return vit158_fail(error, VIT158_E_LIMIT, "more than 2^32 images");
    qsort(source->images, source->count, sizeof *source->images, by_name);
    if (limit == 0 || limit >= source->count)
        return VIT158_OK;
    vit158_rng rng = vit158_rng_seed(seed);
    for (size_t i = 0; i < limit; i++)
        swap(&source->images[i],
             &source->images[i + vit158_rng_below(&rng, (uint32_t)(source->count - i))]);
    for (size_t i = limit; i < source->count; i++)
        free(source->images[i].name);
    source->count = limit;
    qsort(source->images, source->count, sizeof *source->images, by_name);
    return VIT158_OK;
}

vit158_status vit158_image_source_decode(const vit158_image_source *source, size_t index,
                                         vit158_image *image, vit158_error *error)
{
    const vit158_source_image *const from = &source->images[index];
    if (from->bytes != NULL)
        return vit158_image_decode(image, from->bytes, from->n_bytes, 0, error);
    uint8_t *bytes;
    size_t n_bytes;
    VIT158_RETURN_IF_ERROR(vit158_input_read(&bytes, &n_bytes, from->name, MAX_IMAGE_BYTES, error));
    const vit158_status status = vit158_image_decode(image, bytes, n_bytes, 0, error);
    free(bytes);
    return status;
}

void vit158_image_source_free(vit158_image_source *source)
{
    for (size_t i = 0; i < source->count; i++)
        free(source->images[i].name);
    for (size_t i = 0; i < source->archive_count; i++)
        free(source->archives[i]);
    free(source->images);
    free(source->archives);
    *source = (vit158_image_source){0};
}
