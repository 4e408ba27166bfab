/* SPDX-License-Identifier: MIT
 *
 * Images from a folder of class folders (JPEG, PNG, WebP), decoded and brought to the model's size
 * by the engine's own decoders and resize. Classes are the sub-folders in order of their bytes.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/folder.h"
#include "base/sha256.h"
#include "base/text.h"
#include "image/preprocess.h"
#include "train/data.h"
#include "train/plain_text.h"

#define PATH_BYTES 1024
#define MAX_DECODED_BYTES ((size_t)1 << 30)

typedef struct tree {
    const char *root;
    vit158_names classes;
    vit158_names *images; /* [classes.count] */
    uint32_t total;
} tree;

static void free_tree(tree *t)
{
    for (size_t c = 0; t->images != NULL && c < t->classes.count; c++)
        vit158_names_free(&t->images[c]);
    free(t->images);
    vit158_names_free(&t->classes);
}

static vit158_status read_class(tree *t, size_t c, vit158_error *error)
{
    char path[PATH_BYTES];
    const char *const name = t->classes.values[c];
    if (vit158_format(path, sizeof path, "%s/%s", t->root, name) + 1 >= sizeof path)
        return vit158_fail(error, VIT158_E_LIMIT, "the path of class folder %s is too long", name);
    VIT158_RETURN_IF_ERROR(vit158_train_check_text("the name of a class folder", name, error));
    VIT158_RETURN_IF_ERROR(vit158_name_error(
        error, vit158_list_folder(&t->images[c], path, VIT158_ENTRY_IMAGE, error), path));
    if (t->images[c].count == 0)
        return vit158_fail(error, VIT158_E_ARGUMENT, "class folder %s has no images", path);
    t->total += (uint32_t)t->images[c].count;
    return VIT158_OK;
}

static vit158_status read_tree(tree *t, const char *root, vit158_error *error)
{
    *t = (tree){.root = root};
    VIT158_RETURN_IF_ERROR(vit158_name_error(
        error, vit158_list_folder(&t->classes, root, VIT158_ENTRY_FOLDER, error), root));
    if (t->classes.count < 2)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "%s has %zu class folders, at least 2 are needed", root,
                           t->classes.count);
    t->images = calloc(t->classes.count, sizeof *t->images);
    if (t->images == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for %zu classes", t->classes.count);
    for (size_t c = 0; c < t->classes.count; c++)
        VIT158_RETURN_IF_ERROR(read_class(t, c, error));
    return VIT158_OK;
}

/* A name that changes with any file's name, size or date, and with the size wanted. */
static void cache_name(char out[65], const tree *t, const vit158_train_recipe *r)
{
    vit158_sha256 hash = vit158_sha256_start();
    const uint32_t wanted[2] = {r->net.image_size, r->net.channels};
    vit158_sha256_add(&hash, wanted, sizeof wanted);
    for (size_t c = 0; c < t->classes.count; c++) {
        for (size_t i = 0; i < t->images[c].count; i++) {
            char path[PATH_BYTES];
            struct stat info;
            const size_t n = vit158_format(path, sizeof path, "%s/%s/%s", t->root,
                                           t->classes.values[c], t->images[c].values[i]);
            vit158_sha256_add(&hash, path, n + 1);
            if (stat(path, &info) == 0) {
                const int64_t facts[2] = {(int64_t)info.st_size, (int64_t)info.st_mtime};
                vit158_sha256_add(&hash, facts, sizeof facts);
            }
        }
    }
    uint8_t digest[32];
    vit158_sha256_end(&hash, digest);
    for (int i = 0; i < 32; i++)
        vit158_format(out + (ptrdiff_t)2 * i, 3, "%c%c", "0123456789abcdef"[digest[i] >> 4],
                      "0123456789abcdef"[digest[i] & 15]);
}

/* One file into planes [channels][side][side]. */
static vit158_status decode(uint8_t *out, const char *path, vit158_preprocess *fit,
                            const vit158_train_dataset *data, vit158_error *error)
{
    uint8_t *bytes;
    size_t n_bytes;
    vit158_error inner;
    vit158_image image;
    if (vit158_file_read(&bytes, &n_bytes, path, 0, &inner) != VIT158_OK)
        return vit158_fail(error, inner.status, "%s: %s", path, inner.message);
    vit158_status status = vit158_image_decode(&image, bytes, n_bytes, MAX_DECODED_BYTES, &inner);
    free(bytes);
    if (status == VIT158_OK) {
        status = vit158_preprocess_begin(fit, image.width, image.height,
                                         (vit158_pixels)image.pixels, &inner);
        if (status == VIT158_OK)
            status = vit158_preprocess_rows(fit, image.data, image.row_bytes, image.height, &inner);
        vit158_image_free(&image);
    }
    if (status != VIT158_OK)
        return vit158_fail(error, status, "%s: %s", path, inner.message);
    const uint8_t *pixels = vit158_preprocess_pixels(fit);
    const size_t area = (size_t)data->side * data->side;
    for (size_t i = 0; i < area; i++)
        for (uint32_t c = 0; c < data->channels; c++)
            out[c * area + i] = pixels[i * data->channels + c];
    return VIT158_OK;
}

static vit158_status decode_all(vit158_train_dataset *data, const tree *t, vit158_error *error)
{
    const vit158_recipe recipe = {.channels = data->channels,
                                  .crop_size = data->side,
                                  .resize_size = data->side,
                                  .filter = VIT158_FILTER_BICUBIC,
                                  .mean = {0},
                                  .std = {1.0F, 1.0F, 1.0F}};
    vit158_arena arena = {0};
    vit158_preprocess_plan(&arena, &recipe);
    void *block = aligned_alloc(VIT158_ARENA_ALIGN, arena.used);
    if (block == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory to resize images");
    arena = vit158_arena_over(block, arena.used);
    vit158_preprocess *fit = vit158_preprocess_plan(&arena, &recipe);
    vit158_status status = VIT158_OK;
    uint8_t *to = data->pixels;
    uint32_t n = 0;
    for (size_t c = 0; c < t->classes.count; c++) {
        for (size_t i = 0; i < t->images[c].count && status == VIT158_OK; i++) {
            char path[PATH_BYTES];
            vit158_format(path, sizeof path, "%s/%s/%s", t->root, t->classes.values[c],
                          t->images[c].values[i]);
            status = decode(to, path, fit, data, error);
            data->labels[n++] = (uint16_t)c;
            to += vit158_train_dataset_image(data);
        }
    }
    free(block);
    return status;
}

static vit158_status decode_tree(vit158_train_dataset *data, const tree *t,
                                 const vit158_train_recipe *r, vit158_error *error)
{
    size_t name_bytes = 0;
    for (size_t c = 0; c < t->classes.count; c++)
        name_bytes += strlen(t->classes.values[c]) + 1;
    VIT158_RETURN_IF_ERROR(
        vit158_train_dataset_allocate(data, t->total, r->net.channels, r->net.image_size,
                                      (uint32_t)t->classes.count, (uint32_t)name_bytes, error));
    char *to = data->names;
    for (size_t c = 0; c < t->classes.count; c++)
        to += vit158_format(to, strlen(t->classes.values[c]) + 1, "%s", t->classes.values[c]) + 1;
    const vit158_status status = decode_all(data, t, error);
    if (status != VIT158_OK)
        vit158_train_dataset_free(data);
    return status;
}

vit158_status vit158_train_data_folder(vit158_train_dataset *data, const char *path,
                                       const vit158_train_recipe *recipe, vit158_error *error)
{
    tree t;
    char name[65], cache[PATH_BYTES];
    struct stat info;
    memset(data, 0, sizeof *data);
    vit158_status status = read_tree(&t, path, error);
    if (status == VIT158_OK) {
        cache_name(name, &t, recipe);
        vit158_format(cache, sizeof cache, "%s/data-%.*s.vds", recipe->cache_dir, 16, name);
        if (stat(cache, &info) == 0) {
            status = vit158_train_dataset_load(data, cache, error);
        } else {
            status = decode_tree(data, &t, recipe, error);
            if (status == VIT158_OK) {
                status = vit158_train_dataset_save(data, cache, error);
                if (status != VIT158_OK)
                    vit158_train_dataset_free(data);
            }
        }
    }
    free_tree(&t);
    return status;
}
