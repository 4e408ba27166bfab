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
    free(list->values);
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

vit158_status vit158_labelled_images_list(vit158_labelled_images *list, size_t *failed,
                                          const char *command, const vit158_model *model,
                                          const char *root, vit158_error *error)
{
    vit158_names folders;
    VIT158_RETURN_IF_ERROR(vit158_list_folder(&folders, root, VIT158_ENTRY_FOLDER, error));
    vit158_status status = VIT158_OK;
    for (size_t i = 0; i < folders.count && status == VIT158_OK; i++) {
        char *const path = vit158_join_path(root, folders.values[i]);
        uint32_t class_index;
        vit158_error folder_error;
        if (path == NULL) {
            status = vit158_fail(error, VIT158_E_MEMORY, "not enough memory for a path");
        } else if (!vit158_find_class(&class_index, model, folders.values[i])) {
            vit158_fail(&folder_error, VIT158_E_ARGUMENT, "the folder names no class of the model");
            vit158_complain(command, path, &folder_error);
            ++*failed;
        } else {
            status = add_class_folder(list, path, class_index, error);
        }
        free(path);
    }
    vit158_names_free(&folders);
    return status;
}
