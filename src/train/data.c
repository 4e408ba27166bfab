/* SPDX-License-Identifier: MIT */
#include "train/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/folder.h"
#include "base/text.h"
#include "train/plain_text.h"

static bool has_suffix(const char *path, const char *suffix)
{
    const size_t n = strlen(path), m = strlen(suffix);
    return n >= m && strcmp(path + n - m, suffix) == 0;
}

/* The labels file that belongs to an IDX images file: "images-idx3" becomes "labels-idx1". */
static vit158_status open_idx(vit158_train_dataset *data, const char *path, vit158_error *error)
{
    char labels[VIT158_TRAIN_RECIPE_TEXT];
    const char *at = strstr(path, "images-idx3");
    vit158_format(labels, sizeof labels, "%.*slabels-idx1%s", (int)(at - path), path,
                  at + strlen("images-idx3"));
    return vit158_train_data_idx(data, path, labels, error);
}

static vit158_status open_any(vit158_train_dataset *data, const char *path,
                              const vit158_train_recipe *recipe, vit158_error *error)
{
    if (has_suffix(path, ".vds"))
        return vit158_train_dataset_load(data, path, error);
    if (strstr(path, "images-idx3") != NULL)
        return open_idx(data, path, error);
    if (has_suffix(path, ".bin"))
        return vit158_train_data_cifar(data, path, error);
    if (vit158_is_folder(path))
        return vit158_train_data_folder(data, path, recipe, error);
    return vit158_fail(error, VIT158_E_IO,
                       "%s is no folder, data cache (.vds), IDX file or CIFAR file (.bin)", path);
}

/* Takes images every - 1, 2 every - 1, ... out of `all` into `val`. */
static vit158_status split(vit158_train_dataset *all, vit158_train_dataset *val, uint32_t every,
                           vit158_error *error)
{
    const size_t size = vit158_train_dataset_image(all);
    if (all->count < every)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "%u images are too few to take every %u-th for validation", all->count,
                           every);
    VIT158_RETURN_IF_ERROR(vit158_train_dataset_allocate(
        val, all->count / every, all->channels, all->side, all->classes, all->name_bytes, error));
    memcpy(val->names, all->names, all->name_bytes);
    uint32_t kept = 0, taken = 0;
    for (uint32_t i = 0; i < all->count; i++) {
        vit158_train_dataset *to = i % every == every - 1 ? val : all;
        const uint32_t at = to == val ? taken++ : kept++;
        to->labels[at] = all->labels[i];
        memmove(to->pixels + at * size, all->pixels + i * size, size);
    }
    all->count = kept;
    return VIT158_OK;
}

/* The recipe's names of the classes instead of the data's. */
static vit158_status rename_classes(vit158_train_dataset *data, const char *labels,
                                    vit158_error *error)
{
    uint32_t count = 1;
    for (const char *s = labels; *s; s++)
        count += *s == ',';
    if (count != data->classes)
        return vit158_fail(error, VIT158_E_ARGUMENT, "%u labels for %u classes", count,
                           data->classes);
    const size_t n_bytes = strlen(labels) + 1;
    char *names = malloc(n_bytes);
    if (names == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for labels");
    memcpy(names, labels, n_bytes);
    for (size_t i = 0; i < n_bytes; i++)
        names[i] = names[i] == ',' ? '\0' : names[i];
    free(data->names);
    data->names = names;
    data->name_bytes = (uint32_t)n_bytes;
    return VIT158_OK;
}

static bool class_of_name(uint32_t *index, const vit158_train_dataset *data, const char *name)
{
    for (*index = 0; *index < data->classes; ++*index)
        if (strcmp(vit158_train_dataset_name(data, *index), name) == 0)
            return true;
    return false;
}

/* Labels of `val` by name into those of `train`: it may have fewer classes, in another order. */
static vit158_status match_classes(vit158_train_dataset *val, const vit158_train_dataset *train,
                                   const vit158_train_recipe *recipe, vit158_error *error)
{
    uint16_t *own = malloc(val->classes * sizeof *own);
    char *names = malloc(train->name_bytes + 1U);
    vit158_status status = VIT158_OK;
    if (own == NULL || names == NULL)
        status = vit158_fail(error, VIT158_E_MEMORY, "no memory for %u classes", train->classes);
    for (uint32_t c = 0; c < val->classes && status == VIT158_OK; c++) {
        uint32_t index;
        if (!class_of_name(&index, train, vit158_train_dataset_name(val, c)))
            status = vit158_fail(error, VIT158_E_ARGUMENT,
                                 "%s has the class \"%s\", which %s has not", recipe->val_data,
                                 vit158_train_dataset_name(val, c), recipe->train_data);
        own[c] = (uint16_t)index;
    }
    if (status != VIT158_OK) {
        free(own);
        free(names);
        return status;
    }
    for (uint32_t i = 0; i < val->count; i++)
        val->labels[i] = own[val->labels[i]];
    memcpy(names, train->names, train->name_bytes);
    free(own);
    free(val->names);
    val->names = names;
    val->name_bytes = train->name_bytes;
    val->classes = train->classes;
    return VIT158_OK;
}

static vit158_status check_names(const vit158_train_dataset *data, vit158_error *error)
{
    const char *name = data->names;
    for (uint32_t c = 0; c < data->classes; c++, name += strlen(name) + 1) {
        char what[48];
        snprintf(what, sizeof what, "the name of class %u", c);
        VIT158_RETURN_IF_ERROR(vit158_train_check_text(what, name, error));
    }
    return VIT158_OK;
}

vit158_status vit158_train_data_open(vit158_train_dataset *train, vit158_train_dataset *val,
                                     const vit158_train_recipe *recipe, vit158_error *error)
{
    memset(train, 0, sizeof *train);
    memset(val, 0, sizeof *val);
    VIT158_RETURN_IF_ERROR(open_any(train, recipe->train_data, recipe, error));
    vit158_status status = recipe->val_data[0] ? open_any(val, recipe->val_data, recipe, error)
                                               : split(train, val, recipe->val_every, error);
    if (status == VIT158_OK && recipe->val_data[0])
        status = match_classes(val, train, recipe, error);
    if (status == VIT158_OK && recipe->labels[0])
        status = rename_classes(train, recipe->labels, error);
    if (status == VIT158_OK)
        status = check_names(train, error);
    if (status != VIT158_OK) {
        vit158_train_dataset_free(train);
        vit158_train_dataset_free(val);
    }
    return status;
}
