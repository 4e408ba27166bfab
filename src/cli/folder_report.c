/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "cli/folder_report.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/folder.h"
#include "base/sha256.h"
#include "cli/console.h"
#include "cli/files.h"
#include "cli/image_classifier.h"

#define MAX_DECODED_BYTES ((size_t)1 << 30)
#define SHOWN 5 /* duplicates that are named */

typedef struct known_file {
    char hash[65];
    char *path;      /* owned */
    uint32_t folder; /* 0 train, 1 val */
} known_file;

typedef struct report {
    known_file *files;
    size_t count, capacity;
    size_t damaged;
    vit158_names known; /* class folders of train */
    size_t images[2], classes[2];
    size_t smallest, largest; /* classes of train */
    char *names[2];           /* of these, owned */
} report;

static void free_report(report *r)
{
    for (size_t i = 0; i < r->count; i++)
        free(r->files[i].path);
    free(r->files);
    vit158_names_free(&r->known);
    free(r->names[0]);
    free(r->names[1]);
}

/* Takes ownership of `path`. */
static vit158_status add_file(report *r, char *path, uint32_t folder, vit158_error *error)
{
    if (path != NULL && r->count == r->capacity) {
        const size_t capacity = r->capacity > 0 ? 2 * r->capacity : 256;
        known_file *const files = realloc(r->files, capacity * sizeof *files);
        if (files != NULL) {
            r->files = files;
            r->capacity = capacity;
        }
    }
    if (path == NULL || r->count == r->capacity) {
        free(path);
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the list of images");
    }
    uint8_t *bytes = NULL;
    size_t n_bytes;
    vit158_image image;
    vit158_error why;
    vit158_status status = vit158_read_image(&bytes, &n_bytes, path, &why);
    if (status == VIT158_OK)
        status = vit158_image_decode(&image, bytes, n_bytes, MAX_DECODED_BYTES, &why);
    if (status == VIT158_OK) {
        vit158_image_free(&image);
        known_file *const f = &r->files[r->count++];
        *f = (known_file){.path = path, .folder = folder};
        vit158_sha256_hex(f->hash, bytes, n_bytes);
    } else {
        vit158_complain("finetune", path, &why);
        r->damaged++;
        free(path);
    }
    free(bytes);
    return VIT158_OK;
}

static void note_size(report *r, const char *name, size_t count)
{
    const bool sizes[2] = {r->names[0] == NULL || count < r->smallest,
                           r->names[1] == NULL || count > r->largest};
    r->smallest = sizes[0] ? count : r->smallest;
    r->largest = sizes[1] ? count : r->largest;
    for (int i = 0; i < 2; i++)
        if (sizes[i]) {
            free(r->names[i]);
            r->names[i] = strdup(name);
        }
}

static vit158_status look_at_class(report *r, const char *root, const char *name, uint32_t folder,
                                   vit158_error *error)
{
    vit158_names files;
    char *const path = vit158_join_path(root, name);
    if (path == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for a path");
    vit158_status status = vit158_list_folder(&files, path, VIT158_ENTRY_IMAGE, error);
    if (status == VIT158_OK) {
        for (size_t i = 0; i < files.count && status == VIT158_OK; i++)
            status = add_file(r, vit158_join_path(path, files.values[i]), folder, error);
        r->images[folder] += files.count;
        if (folder == 0)
            note_size(r, name, files.count);
        vit158_names_free(&files);
    }
    free(path);
    return status;
}

static bool has_class(const vit158_names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->values[i], name) == 0)
            return true;
    return false;
}

static vit158_status look_at(report *r, const char *root, uint32_t folder, vit158_error *error)
{
    vit158_names classes;
    VIT158_RETURN_IF_ERROR(vit158_list_folder(&classes, root, VIT158_ENTRY_FOLDER, error));
    vit158_status status = VIT158_OK;
    r->classes[folder] = classes.count;
    if (folder == 0)
        r->known = classes;
    for (size_t i = 0; folder == 1 && i < classes.count && status == VIT158_OK; i++)
        if (!has_class(&r->known, classes.values[i]))
            status = vit158_fail(error, VIT158_E_ARGUMENT,
                                 "it has the class \"%s\", which the training images have not",
                                 classes.values[i]);
    for (size_t i = 0; i < classes.count && status == VIT158_OK; i++)
        status = look_at_class(r, root, classes.values[i], folder, error);
    if (folder == 1)
        vit158_names_free(&classes);
    return status;
}

static int by_hash(const void *a, const void *b)
{
    const known_file *const x = a, *const y = b;
    const int order = strcmp(x->hash, y->hash);
    return order != 0 ? order : (int)x->folder - (int)y->folder;
}

/* Files of val whose bytes are in train as well. */
static void print_duplicates(report *r, FILE *out)
{
    size_t found = 0;
    qsort(r->files, r->count, sizeof *r->files, by_hash);
    for (size_t i = 0, first = 0; i < r->count; i++) {
        if (strcmp(r->files[i].hash, r->files[first].hash) != 0)
            first = i;
        if (r->files[first].folder != 0 || r->files[i].folder != 1)
            continue;
        if (found++ < SHOWN) {
            fputs("  the same image twice: ", out);
            vit158_print_safely(out, r->files[first].path);
            fputs(" and ", out);
            vit158_print_safely(out, r->files[i].path);
            fputc('\n', out);
        }
    }
    if (found > 0)
        fprintf(out, "  %zu images to judge by are learned from, too: accuracy will look better\n",
                found);
}

static void print_report(report *r, FILE *out)
{
    fprintf(out, "%zu images of %zu classes", r->images[0], r->classes[0]);
    if (r->names[0] != NULL && r->names[1] != NULL) {
        fprintf(out, ": from %zu (", r->smallest);
        vit158_print_safely(out, r->names[0]);
        fprintf(out, ") to %zu (", r->largest);
        vit158_print_safely(out, r->names[1]);
        fputc(')', out);
    }
    if (r->images[1] > 0)
        fprintf(out, "; %zu images of %zu classes to judge by", r->images[1], r->classes[1]);
    fputc('\n', out);
    print_duplicates(r, out);
}

vit158_status vit158_folder_report(uint32_t *classes, const char *train, const char *val, FILE *out,
                                   vit158_error *error)
{
    report r = {0};
    vit158_status status = vit158_name_error(error, look_at(&r, train, 0, error), train);
    if (status == VIT158_OK && val != NULL && val[0] != 0)
        status = vit158_name_error(error, look_at(&r, val, 1, error), val);
    if (status == VIT158_OK && out != NULL)
        print_report(&r, out);
    *classes = (uint32_t)r.classes[0];
    if (status == VIT158_OK && r.damaged > 0)
        status = vit158_fail(error, VIT158_E_VALUE,
                             "%zu files cannot be learned from: remove or mend them", r.damaged);
    free_report(&r);
    return status;
}
