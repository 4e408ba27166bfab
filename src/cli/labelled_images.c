/* SPDX-License-Identifier: MIT */
#include "cli/labelled_images.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/folder.h"
#include "cli/class_names.h"
#include "cli/console.h"
#include "cli/files.h"

void vit158_labelled_images_free(vit158_labelled_images *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->values[i].path);
    for (size_t i = 0; i < list->unknown_count; i++)
        free(list->unknown[i]);
    free(list->values);
    free(list->unknown);
    *list = (vit158_labelled_images){0};
}

/* Takes ownership of `path`, which may be NULL. */
static vit158_status add_image(vit158_labelled_images *list, char *path, uint32_t class_index,
                               vit158_error *error)
{
    if (path != NULL && list->count == list->capacity) {
        const size_t capacity = list->capacity > 0 ? list->capacity * 2 : 256;
        vit158_labelled_image *const values = realloc(list->values, capacity * sizeof *values);
        if (values != NULL) {
            list->values = values;
            list->capacity = capacity;
        }
    }
    if (path == NULL || list->count == list->capacity) {
        free(path);
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the list of images");
    }
    list->values[list->count++] = (vit158_labelled_image){path, class_index};
    return VIT158_OK;
}

static vit158_status add_class_folder(vit158_labelled_images *list, const char *folder,
                                      uint32_t class_index, vit158_error *error)
{
    vit158_names files;
    VIT158_RETURN_IF_ERROR(vit158_list_folder(&files, folder, VIT158_ENTRY_IMAGE, error));
    vit158_status status = VIT158_OK;
    for (size_t i = 0; i < files.count && status == VIT158_OK; i++)
        status = add_image(list, vit158_join_path(folder, files.values[i]), class_index, error);
    vit158_names_free(&files);
    return status;
}

/* Takes ownership of `path`. */
static vit158_status add_unknown(vit158_labelled_images *list, char *path, vit158_error *error)
{
    char **const unknown =
        realloc(list->unknown, (list->unknown_count + 1) * sizeof *list->unknown);
    if (unknown == NULL) {
        free(path);
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the list of folders");
    }
    list->unknown = unknown;
    list->unknown[list->unknown_count++] = path;
    return VIT158_OK;
}

static vit158_status add_folder(vit158_labelled_images *list, const vit158_model *model,
                                const char *root, const char *name, vit158_error *error)
{
    char *const path = vit158_join_path(root, name);
    uint32_t class_index;
    if (path == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for a path");
    if (!vit158_find_class(&class_index, model, name))
        return add_unknown(list, path, error);
    const vit158_status status = add_class_folder(list, path, class_index, error);
    free(path);
    return status;
}

vit158_status vit158_labelled_images_list(vit158_labelled_images *list, const vit158_model *model,
                                          const char *root, vit158_error *error)
{
    vit158_names folders;
    VIT158_RETURN_IF_ERROR(vit158_list_folder(&folders, root, VIT158_ENTRY_FOLDER, error));
    vit158_status status = VIT158_OK;
    for (size_t i = 0; i < folders.count && status == VIT158_OK; i++)
        status = add_folder(list, model, root, folders.values[i], error);
    vit158_names_free(&folders);
    return status;
}

void vit158_complain_unknown_folder(const char *command, const char *folder)
{
    vit158_complain(command, folder,
                    &(vit158_error){.message = "the folder names no class of the model"});
}
