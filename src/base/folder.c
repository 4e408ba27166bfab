/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "base/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file_problem.h"
#include "base/text.h"

bool vit158_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

vit158_status vit158_make_folder(const char *path, vit158_error *error)
{
    if (mkdir(path, 0777) == 0)
        return VIT158_OK;
    const int cause = errno;
    if (cause == EEXIST && vit158_is_folder(path))
        return VIT158_OK;
    return vit158_fail(error, VIT158_E_IO, "cannot create %s: %s", path,
                       cause == EEXIST ? "a file has that name" : vit158_write_problem(cause));
}

char *vit158_join_path(const char *folder, const char *name)
{
    const size_t n_bytes = strlen(folder) + strlen(name) + 2;
    const size_t n_folder = strlen(folder);
    char *const path = malloc(n_bytes);
    if (path != NULL)
        vit158_format(path, n_bytes, "%s%s%s", folder,
                      n_folder && folder[n_folder - 1] == '/' ? "" : "/", name);
    return path;
}

bool vit158_is_image_name(const char *name)
{
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".webp"};
    const char *const dot = strrchr(name, '.');
    for (size_t i = 0; dot != NULL && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(dot, endings[i]) == 0)
            return true;
    return false;
}

/* An entry of the open folder. */
static bool wanted(int folder, const char *name, vit158_entry_kind kind)
{
    struct stat info;
    if (name[0] == '.')
        return false;
    if (kind == VIT158_ENTRY_IMAGE)
        return vit158_is_image_name(name);
    return fstatat(folder, name, &info, 0) == 0 && S_ISDIR(info.st_mode);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool append_name(vit158_names *names, size_t *capacity, const char *name)
{
    if (names->count == *capacity) {
        const size_t more = *capacity ? *capacity * 2 : 64;
        char **const values = realloc(names->values, more * sizeof *values);
        if (values == NULL)
            return false;
        names->values = values;
        *capacity = more;
    }
    char *const copy = vit158_copy_text(name);
    if (copy != NULL)
        names->values[names->count++] = copy;
    return copy != NULL;
}

vit158_status vit158_list_folder(vit158_names *names, const char *folder, vit158_entry_kind kind,
                                 vit158_error *error)
{
    *names = (vit158_names){0};
    DIR *const directory = opendir(folder);
    if (directory == NULL)
        return vit158_fail(error, VIT158_E_IO, "%s",
                           errno == ENOTDIR ? "it is not a folder" : vit158_file_problem(errno));
    size_t capacity = 0;
    vit158_status status = VIT158_OK;
    const struct dirent *entry;
    while (status == VIT158_OK && (entry = readdir(directory)) != NULL) {
        if (wanted(dirfd(directory), entry->d_name, kind) &&
            !append_name(names, &capacity, entry->d_name))
            status = vit158_fail(error, VIT158_E_MEMORY, "not enough memory to list the folder");
    }
    closedir(directory);
    if (status != VIT158_OK) {
        vit158_names_free(names);
        return status;
    }
    if (names->count > 1)
        qsort(names->values, names->count, sizeof *names->values, compare_names);
    return VIT158_OK;
}

void vit158_names_free(vit158_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->values[i]);
    free(names->values);
    *names = (vit158_names){0};
}
