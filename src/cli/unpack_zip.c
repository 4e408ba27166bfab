/* SPDX-License-Identifier: MIT */
#include "cli/unpack_zip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32.h"
#include "base/error.h"
#include "base/file.h"
#include "base/folder.h"
#include "cli/files.h"
#include "cli/import_folder.h"
#include "image/stb.h"
#include "import/zip_read.h"
#include "model/what_is.h"

#define MAX_PATH_BYTES 512U
#define MAX_IMAGE_BYTES (256U << 20)
#define HASH_CHARS 64U
#define HEAD_BYTES 512U  /* that vit158_what_is may look at */
#define DONE ".unpacked" /* holds the archive's SHA-256, written last */

typedef struct unpacking {
    const char *path; /* of the archive, for messages */
    const char *name; /* of the archive in its folder */
    const char *to;
    vit158_import_files files;
    vit158_zip zip;
    size_t skip; /* bytes of the folder around everything */
    uint32_t crc_table[256];
} unpacking;

bool vit158_is_zip(const char *path)
{
    uint8_t head[HEAD_BYTES];
    if (vit158_is_folder(path))
        return false;
    FILE *const file = fopen(path, "rb");
    const size_t n_bytes = file != NULL ? fread(head, 1, sizeof head, file) : 0;
    if (file != NULL)
        fclose(file);
    return vit158_is_archive(vit158_what_is(head, n_bytes));
}

/* ---- Names ---- */

/* Folders, hidden files and what macOS adds are no images of anyone. */
static bool is_image(const vit158_zip_entry *entry, char path[MAX_PATH_BYTES + 1])
{
    if (entry->name_bytes == 0 || entry->name_bytes > MAX_PATH_BYTES)
        return false;
    memcpy(path, entry->name, entry->name_bytes);
    path[entry->name_bytes] = 0;
    return strlen(path) == entry->name_bytes && path[0] != '.' && strstr(path, "/.") == NULL &&
           strncmp(path, "__MACOSX/", 9) != 0 && vit158_is_image_name(path);
}

/* Only below the folder that it is unpacked to. */
static vit158_status check_name(const vit158_zip_entry *entry, const char *archive,
                                vit158_error *error)
{
    bool safe = entry->name_bytes > 0 && entry->name[0] != '/';
    for (uint32_t i = 0; i < entry->name_bytes; i++) {
        const bool first = i == 0 || entry->name[i - 1] == '/';
        const uint32_t left = entry->name_bytes - i;
        safe = safe && entry->name[i] != '\\' && (unsigned char)entry->name[i] >= ' ';
        if (first && left >= 2 && memcmp(entry->name + i, "..", 2) == 0)
            safe = safe && left > 2 && entry->name[i + 2] != '/';
    }
    return safe ? VIT158_OK
                : vit158_fail(error, VIT158_E_VALUE,
                              "%s: the name of an entry is no path below the archive's folder; "
                              "zip the folder again",
                              archive);
}

/* The length of the first folder's name and its slash. */
static size_t first_folder(const char *path)
{
    const char *const slash = strchr(path, '/');
    return slash != NULL ? (size_t)(slash - path) + 1 : 0;
}

/* The folder that all images share, unless it is a class or the training half. */
static vit158_status look_through(unpacking *u, vit158_error *error)
{
    char path[MAX_PATH_BYTES + 1], shared[MAX_PATH_BYTES + 1] = "";
    uint32_t count = 0;
    bool deep = true;
    for (uint32_t i = 0; i < u->zip.count; i++) {
        VIT158_RETURN_IF_ERROR(check_name(&u->zip.entries[i], u->path, error));
        if (!is_image(&u->zip.entries[i], path))
            continue;
        if (count++ == 0) {
            memcpy(shared, path, sizeof shared);
            u->skip = first_folder(path);
        }
        deep = deep && first_folder(path + first_folder(path)) > 0;
        if (u->skip > 0 && strncmp(path, shared, u->skip) != 0)
            u->skip = 0;
    }
    if (!deep || (u->skip == 6 && memcmp(shared, "train/", 6) == 0))
        u->skip = 0;
    return count > 0
               ? VIT158_OK
               : vit158_fail(error, VIT158_E_VALUE,
                             "%s has no images (*.jpg, *.jpeg, *.png) in class folders", u->path);
}

/* ---- Bytes ---- */

/* The entry's bytes, n_bytes of them, to be freed. */
static vit158_status read_entry(uint8_t **out, const unpacking *u, const vit158_zip_entry *entry,
                                const char *path, vit158_error *error)
{
    uint64_t offset = 0;
    if (entry->n_bytes > MAX_IMAGE_BYTES || entry->packed_bytes > MAX_IMAGE_BYTES)
        return vit158_fail(error, VIT158_E_LIMIT, "%s: %s has more than %u MiB", u->path, path,
                           MAX_IMAGE_BYTES >> 20);
    VIT158_RETURN_IF_ERROR(vit158_zip_data(&offset, entry, &u->files, u->name, error));
    uint8_t *packed = calloc((size_t)entry->packed_bytes + VIT158_INFLATE_PAD, 1);
    uint8_t *bytes = entry->deflated ? malloc((size_t)entry->n_bytes + 1) : packed;
    vit158_status status = VIT158_OK;
    if (packed == NULL || bytes == NULL)
        status =
            vit158_fail(error, VIT158_E_MEMORY, "not enough memory for %s of %s", path, u->path);
    if (status == VIT158_OK)
        status = vit158_import_read(&u->files, u->name, offset, packed, entry->packed_bytes, error);
    if (status == VIT158_OK &&
        ((entry->deflated &&
          !vit158_stb_inflate(bytes, entry->n_bytes, packed, entry->packed_bytes)) ||
         vit158_crc32(u->crc_table, bytes, entry->n_bytes) != entry->crc32))
        status = vit158_fail(error, VIT158_E_FORMAT, "%s: %s is damaged; zip the folder again",
                             u->path, path);
    if (bytes != packed)
        free(packed);
    if (status != VIT158_OK)
        free(bytes);
    *out = status == VIT158_OK ? bytes : NULL;
    return status;
}

static vit158_status write_bytes(const char *path, const uint8_t *bytes, size_t n_bytes,
                                 vit158_error *error)
{
    vit158_file_writer out;
    VIT158_RETURN_IF_ERROR(vit158_file_begin(&out, path, error));
    vit158_file_add(&out, bytes, n_bytes);
    return vit158_file_commit(&out, error);
}

/* Every folder above `path`. */
static vit158_status make_folders(char *path, size_t from, vit158_error *error)
{
    for (char *slash = strchr(path + from, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        const vit158_status status = vit158_make_folder(path, error);
        *slash = '/';
        if (status != VIT158_OK)
            return status;
    }
    return VIT158_OK;
}

static vit158_status unpack_entry(const unpacking *u, const vit158_zip_entry *entry,
                                  const char *path, vit158_error *error)
{
    uint8_t *bytes = NULL;
    char *const target = vit158_join_path(u->to, path + u->skip);
    if (target == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory");
    vit158_status status = make_folders(target, strlen(u->to) + 1, error);
    if (status == VIT158_OK)
        status = read_entry(&bytes, u, entry, path, error);
    if (status == VIT158_OK)
        status = write_bytes(target, bytes, entry->n_bytes, error);
    free(bytes);
    free(target);
    return status;
}

static vit158_status unpack_all(unpacking *u, vit158_error *error)
{
    char path[MAX_PATH_BYTES + 1];
    VIT158_RETURN_IF_ERROR(vit158_zip_open(&u->zip, &u->files, u->name, error));
    VIT158_RETURN_IF_ERROR(look_through(u, error));
    for (uint32_t i = 0; i < u->zip.count; i++)
        if (is_image(&u->zip.entries[i], path))
            VIT158_RETURN_IF_ERROR(unpack_entry(u, &u->zip.entries[i], path, error));
    return VIT158_OK;
}

/* ---- Once ---- */

/* *done = whether `mark` says that this archive was unpacked. */
static vit158_status check_mark(bool *done, const char *mark, const char hash[HASH_CHARS + 1],
                                const char *to, vit158_error *error)
{
    uint8_t *text = NULL;
    size_t n_bytes = 0;
    vit158_error none;
    *done = vit158_file_read(&text, &n_bytes, mark, HASH_CHARS, &none) == VIT158_OK;
    const bool same = *done && n_bytes == HASH_CHARS && memcmp(text, hash, HASH_CHARS) == 0;
    free(text);
    return !*done || same ? VIT158_OK
                          : vit158_fail(error, VIT158_E_ARGUMENT,
                                        "%s holds the images of another archive: name another "
                                        "folder with --work",
                                        to);
}

vit158_status vit158_unpack_zip(const char *zip, const char *to, vit158_error *error)
{
    char hash[HASH_CHARS + 1];
    bool done = false;
    vit158_import_folder *folder = NULL;
    unpacking u = {.path = zip, .to = to};
    char *const mark = vit158_join_path(to, DONE);
    if (mark == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory");
    vit158_crc32_table(u.crc_table);
    vit158_status status = vit158_name_error(error, vit158_hash_file(hash, zip, error), zip);
    if (status == VIT158_OK)
        status = check_mark(&done, mark, hash, to, error);
    if (status == VIT158_OK && !done)
        status = vit158_import_folder_open(&folder, &u.files, &u.name, zip, error);
    if (status == VIT158_OK && !done)
        status = vit158_make_folder(to, error);
    if (status == VIT158_OK && !done)
        status = unpack_all(&u, error);
    if (status == VIT158_OK && !done)
        status = write_bytes(mark, (const uint8_t *)hash, HASH_CHARS, error);
    vit158_zip_clear(&u.zip);
    vit158_import_folder_close(folder);
    free(mark);
    return status;
}
