/* SPDX-License-Identifier: MIT
 *
 * See path_list.h.
 */
#define _POSIX_C_SOURCE 200809L
#include "cli/path_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file_problem.h"
#include "base/folder.h"
#include "cli/files.h"

/* Takes ownership of `path`; NULL means that memory is short. */
static vit158_image_item *add(vit158_path_list *source, char *path, vit158_error *error)
{
    if (path != NULL && source->count == source->capacity) {
        const size_t capacity = source->capacity ? 2 * source->capacity : 64;
        vit158_image_item *const items = realloc(source->items, capacity * sizeof *items);
        if (items != NULL) {
            source->items = items;
            source->capacity = capacity;
        }
    }
    if (path == NULL || source->count == source->capacity) {
        free(path);
        vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the list of images");
        return NULL;
    }
    vit158_image_item *const item = &source->items[source->count++];
    *item = (vit158_image_item){.path = path};
    return item;
}

static bool is_folder(const char *path)
{
    return strcmp(path, "-") != 0 && vit158_is_folder(path);
}

static bool add_folder(vit158_path_list *source, const char *folder, vit158_error *error)
{
    vit158_names names;
    vit158_error problem;
    vit158_status status = vit158_list_folder(&names, folder, VIT158_ENTRY_IMAGE, &problem);
    if (status == VIT158_OK && names.count == 0)
        status = vit158_fail(&problem, VIT158_E_ARGUMENT,
                             "the folder has no images (*.jpg, *.jpeg, *.png, *.webp)");
    bool ok = true;
    if (status != VIT158_OK) {
        vit158_image_item *const item = add(source, strdup(folder), error);
        ok = item != NULL;
        if (ok) {
            item->status = status;
            item->error = problem;
        }
    }
    for (size_t i = 0; ok && i < names.count; i++)
        ok = add(source, vit158_join_path(folder, names.values[i]), error) != NULL;
    vit158_names_free(&names);
    return ok;
}

vit158_status vit158_path_list_open(vit158_path_list *source, const vit158_arguments *arguments,
                                    vit158_error *error)
{
    *source = (vit158_path_list){0};
    bool ok = true;
    for (int i = 0; ok && i < arguments->count; i++) {
        const char *const path = arguments->values[i];
        ok = is_folder(path) ? add_folder(source, path, error)
                             : add(source, strdup(path), error) != NULL;
    }
    if (!ok)
        vit158_path_list_close(source);
    return ok ? VIT158_OK : VIT158_E_MEMORY;
}

vit158_status vit158_path_list_open_list(vit158_path_list *source, const char *path,
                                         vit158_error *error)
{
    *source = (vit158_path_list){0};
    source->list = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    if (source->list == NULL)
        return vit158_fail(error, VIT158_E_IO, "%s", vit158_file_problem(errno));
    if (is_folder(path)) { /* it opens, and has no lines */
        vit158_path_list_close(source);
        return vit158_fail(error, VIT158_E_IO, "%s", vit158_file_problem(EISDIR));
    }
    return VIT158_OK;
}

/* The next line that is not empty, without its end; false after the last. */
static bool read_line(FILE *list, vit158_image_item *item)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    while ((n = getline(&line, &room, list)) >= 0) {
        while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
            line[--n] = '\0';
        if (n > 0) {
            *item = (vit158_image_item){.path = line};
            return true;
        }
    }
    free(line);
    return false;
}

bool vit158_path_list_take(void *context, vit158_image_item *item)
{
    vit158_path_list *const source = context;
    if (source->list != NULL)
        return read_line(source->list, item);
    if (source->next == source->count)
        return false;
    *item = source->items[source->next];
    source->items[source->next++].path = NULL; /* the taker's now */
    return true;
}

void vit158_path_list_close(vit158_path_list *source)
{
    for (size_t i = 0; i < source->count; i++)
        free(source->items[i].path);
    free(source->items);
    if (source->list != NULL && source->list != stdin)
        fclose(source->list);
    *source = (vit158_path_list){0};
}
