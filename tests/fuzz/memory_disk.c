/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "fuzz/memory_disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

#define PLACES 4
#define NAME_BYTES 64
#define TEMPORARY ".tmp"

typedef struct place {
    char name[NAME_BYTES]; /* "" = free */
    const uint8_t *bytes;
    size_t n_bytes;
    char *owned; /* freed with the place, or NULL */
} place;

static place places[PLACES];

/* What a writer has written so far, by open_memstream. */
static char *stream_bytes;
static size_t stream_length;

static place *find(const char *name)
{
    for (size_t i = 0; i < PLACES; i++) {
        if (strcmp(places[i].name, name) == 0)
            return &places[i];
    }
    return NULL;
}

static place *take(const char *name)
{
    place *p = find(name);
    if (p == NULL)
        p = find("");
    if (p == NULL || strlen(name) >= NAME_BYTES)
        abort();
    free(p->owned);
    *p = (place){0};
    strcpy(p->name, name);
    return p;
}

static void drop(const char *name)
{
    place *p = find(name);
    if (p == NULL)
        return;
    free(p->owned);
    *p = (place){0};
}

void memory_disk_put(const char *name, const void *bytes, size_t n_bytes)
{
    place *p = take(name);
    p->bytes = bytes;
    p->n_bytes = n_bytes;
}

const uint8_t *memory_disk_get(const char *name, size_t *n_bytes)
{
    const place *p = find(name);
    if (p != NULL)
        *n_bytes = p->n_bytes;
    return p != NULL ? p->bytes : NULL;
}

void memory_disk_clear(void)
{
    for (size_t i = 0; i < PLACES; i++) {
        if (strstr(places[i].name, TEMPORARY) != NULL)
            abort();
        free(places[i].owned);
        places[i] = (place){0};
    }
}

FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);

FILE *__wrap_fopen(const char *path, const char *mode)
{
    if (strncmp(path, MEMORY_DISK, sizeof MEMORY_DISK - 1) != 0)
        return __real_fopen(path, mode);
    const place *p = find(path);
    /* fmemopen takes no length of 0; a file of one byte is too short for every reader, too. */
    static uint8_t nothing[1];
    if (p == NULL)
        return NULL;
    return fmemopen(p->n_bytes > 0 ? (void *)(uintptr_t)p->bytes : nothing,
                    p->n_bytes > 0 ? p->n_bytes : 1, "rb");
}

/* ---- base/file.h ---- */

vit158_status vit158_file_read(uint8_t **bytes, size_t *n_bytes, const char *path, size_t max_bytes,
                               vit158_error *error)
{
    const uint8_t *found = memory_disk_get(path, n_bytes);
    *bytes = NULL;
    if (found == NULL)
        return vit158_fail(error, VIT158_E_IO, "cannot open the file: it is not there");
    if (max_bytes != 0 && *n_bytes > max_bytes)
        return vit158_fail(error, VIT158_E_LIMIT, "the file is larger than %zu bytes", max_bytes);
    *bytes = malloc(*n_bytes + 1);
    if (*bytes == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to read the file");
    memcpy(*bytes, found, *n_bytes);
    (*bytes)[*n_bytes] = 0;
    return VIT158_OK;
}

/* Of a stream: fopen gives streams over memory, so there is no size to ask for first. */
vit158_status vit158_file_read_open(uint8_t **bytes, size_t *n_bytes, FILE *file, size_t max_bytes,
                                    vit158_error *error)
{
    size_t capacity = 4096;
    *bytes = malloc(capacity);
    *n_bytes = 0;
    while (*bytes != NULL) {
        *n_bytes += fread(*bytes + *n_bytes, 1, capacity - *n_bytes - 1, file);
        if (feof(file) || ferror(file) || (max_bytes != 0 && *n_bytes > max_bytes))
            break;
        uint8_t *const more = realloc(*bytes, capacity *= 2);
        if (more == NULL)
            free(*bytes);
        *bytes = more;
    }
    if (*bytes == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to read the file");
    (*bytes)[*n_bytes] = 0;
    if (max_bytes == 0 || *n_bytes <= max_bytes)
        return VIT158_OK;
    free(*bytes);
    *bytes = NULL;
    return vit158_fail(error, VIT158_E_LIMIT, "the file is larger than %zu bytes", max_bytes);
}

vit158_status vit158_file_begin(vit158_file_writer *out, const char *path, vit158_error *error)
{
    (void)error;
    char *temporary = NULL;
    if (asprintf(&temporary, "%s" TEMPORARY, path) < 0)
        abort();
    *out = (vit158_file_writer){.path = strdup(path), .temporary = temporary};
    out->file = open_memstream(&stream_bytes, &stream_length);
    if (out->file == NULL || out->path == NULL)
        abort();
    take(temporary);
    return VIT158_OK;
}

void vit158_file_add(vit158_file_writer *out, const void *bytes, size_t n_bytes)
{
    if (n_bytes > 0 && fwrite(bytes, 1, n_bytes, out->file) != n_bytes)
        abort();
}

void vit158_file_add_u32(vit158_file_writer *out, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                              (uint8_t)(value >> 24)};
    vit158_file_add(out, bytes, sizeof bytes);
}

vit158_status vit158_file_flush(vit158_file_writer *out, vit158_error *error)
{
    (void)error;
    fflush(out->file);
    place *p = find(out->temporary);
    p->bytes = (const uint8_t *)stream_bytes;
    p->n_bytes = stream_length;
    return VIT158_OK;
}

static void end(vit158_file_writer *out)
{
    drop(out->temporary);
    free(out->path);
    free(out->temporary);
    *out = (vit158_file_writer){0};
    stream_bytes = NULL;
}

vit158_status vit158_file_commit(vit158_file_writer *out, vit158_error *error)
{
    (void)error;
    fclose(out->file);
    place *p = take(out->path);
    p->bytes = (const uint8_t *)stream_bytes;
    p->owned = stream_bytes;
    p->n_bytes = stream_length;
    end(out);
    return VIT158_OK;
}

void vit158_file_abandon(vit158_file_writer *out)
{
    fclose(out->file);
    free(stream_bytes);
    end(out);
}
