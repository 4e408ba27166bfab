/* SPDX-License-Identifier: MIT
 *
 * Images from a folder of class folders (JPEG, PNG), decoded and brought to the model's size by
 * the engine's own decoder and resize. Classes are the sub-folders in order of their bytes.
 */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
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

typedef struct name_list {
    char **names;
    uint32_t count, capacity;
} name_list;

typedef struct tree {
    const char *root;
    name_list classes;
    name_list *images; /* [classes.count] */
    uint32_t total;
} tree;

static void free_names(name_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        free(list->names[i]);
    free(list->names);
    *list = (name_list){0};
}

static void free_tree(tree *t)
{
    for (uint32_t c = 0; t->images != NULL && c < t->classes.count; c++)
        free_names(&t->images[c]);
    free(t->images);
    free_names(&t->classes);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_image(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL && (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0 ||
                           strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".webp") == 0);
}

static bool add_name(name_list *list, const char *name)
{
    if (list->count == list->capacity) {
        const uint32_t capacity = list->capacity ? 2 * list->capacity : 64;
        char **names = realloc(list->names, capacity * sizeof *names);
        if (names == NULL)
            return false;
        list->names = names;
        list->capacity = capacity;
    }
    list->names[list->count] = strdup(name);
    return list->names[list->count] != NULL && ++list->count;
}

/* Sub-folders, or images, of `path`. */
static vit158_status list_folder(name_list *list, const char *path, bool folders,
                                 vit158_error *error)
{
    DIR *dir = opendir(path);
    if (dir == NULL)
        return vit158_fail(error, VIT158_E_IO, "cannot open the folder %s: %s", path,
                           strerror(errno));
    bool enough = true;
    for (const struct dirent *entry; enough && (entry = readdir(dir)) != NULL;) {
        char full[PATH_BYTES];
        if (entry->d_name[0] == '.')
            continue;
        if (vit158_format(full, sizeof full, "%s/%s", path, entry->d_name) + 1 >= sizeof full)
            continue;
        const bool folder = vit158_is_folder(full);
        if (folders ? folder : !folder && is_image(entry->d_name))
            enough = add_name(list, entry->d_name);
    }
    closedir(dir);
    if (!enough)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for the names in %s", path);
    if (list->count)
        qsort(list->names, list->count, sizeof *list->names, by_bytes);
    return VIT158_OK;
}

static vit158_status read_tree(tree *t, const char *root, vit158_error *error)
{
    *t = (tree){.root = root};
    VIT158_RETURN_IF_ERROR(list_folder(&t->classes, root, true, error));
    if (t->classes.count < 2)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "%s has %u class folders, at least 2 are needed", root,
                           t->classes.count);
    t->images = calloc(t->classes.count, sizeof *t->images);
    if (t->images == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for %u classes", t->classes.count);
    for (uint32_t c = 0; c < t->classes.count; c++) {
        char path[PATH_BYTES];
        vit158_format(path, sizeof path, "%s/%s", root, t->classes.names[c]);
        VIT158_RETURN_IF_ERROR(
            vit158_train_check_text("the name of a class folder", t->classes.names[c], error));
        VIT158_RETURN_IF_ERROR(list_folder(&t->images[c], path, false, error));
        if (t->images[c].count == 0)
            return vit158_fail(error, VIT158_E_ARGUMENT, "class folder %s has no images", path);
        t->total += t->images[c].count;
    }
    return VIT158_OK;
}

/* A name that changes with any file's name, size or date, and with the size wanted. */
static void cache_name(char out[65], const tree *t, const vit158_train_recipe *r)
{
    vit158_sha256 hash = vit158_sha256_start();
    const uint32_t wanted[2] = {r->net.image_size, r->net.channels};
    vit158_sha256_add(&hash, wanted, sizeof wanted);
    for (uint32_t c = 0; c < t->classes.count; c++) {
        for (uint32_t i = 0; i < t->images[c].count; i++) {
            char path[PATH_BYTES];
            struct stat info;
            const size_t n = vit158_format(path, sizeof path, "%s/%s/%s", t->root,
                                           t->classes.names[c], t->images[c].names[i]);
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
    for (uint32_t c = 0; c < t->classes.count; c++) {
        for (uint32_t i = 0; i < t->images[c].count && status == VIT158_OK; i++) {
            char path[PATH_BYTES];
            vit158_format(path, sizeof path, "%s/%s/%s", t->root, t->classes.names[c],
                          t->images[c].names[i]);
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
    for (uint32_t c = 0; c < t->classes.count; c++)
        name_bytes += strlen(t->classes.names[c]) + 1;
    VIT158_RETURN_IF_ERROR(vit158_train_dataset_allocate(data, t->total, r->net.channels,
                                                         r->net.image_size, t->classes.count,
                                                         (uint32_t)name_bytes, error));
    char *to = data->names;
    for (uint32_t c = 0; c < t->classes.count; c++)
        to += vit158_format(to, strlen(t->classes.names[c]) + 1, "%s", t->classes.names[c]) + 1;
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
