/* SPDX-License-Identifier: MIT
 *
 * Any bytes as training images: data caches, CIFAR records, or an IDX pair (the first byte says
 * which, two more where the labels end). An error with a sentence, or images whose every label is
 * a class and whose every byte can be read.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/memory_disk.h"
#include "train/data.h"
#include "train/dataset.h"

#define FILE_NAME MEMORY_DISK "data"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static volatile uint32_t sum;

static void touch(const vit158_train_dataset *data)
{
    const size_t n_bytes = data->count * vit158_train_dataset_image(data);
    for (size_t i = 0; i < n_bytes; i++)
        sum += data->pixels[i];
    for (uint32_t i = 0; i < data->count; i++) {
        if (data->labels[i] >= data->classes)
            abort();
    }
    const char *name = data->names;
    for (uint32_t i = 0; i < data->classes; i++, name += strlen(name) + 1)
        sum += (uint32_t)strlen(name);
}

/* zlib opens files by itself: they lie in memory all the same, and keep their descriptor. */
static void put(int *file, char path[32], const uint8_t *bytes, size_t n_bytes)
{
    if (*file == 0)
        *file = memfd_create("fuzz", 0);
    if (*file < 0 || ftruncate(*file, 0) != 0 ||
        pwrite(*file, bytes, n_bytes, 0) != (ssize_t)n_bytes)
        abort();
    snprintf(path, 32, "/proc/self/fd/%d", *file);
}

static vit158_status read_idx(vit158_train_dataset *out, const uint8_t *data, size_t n_bytes,
                              vit158_error *error)
{
    static int images, labels;
    char image_path[32], label_path[32];
    size_t first = (size_t)data[1] | (size_t)data[2] << 8;
    if (first > n_bytes - 3)
        first = n_bytes - 3;
    put(&labels, label_path, data + 3, first);
    put(&images, image_path, data + 3 + first, n_bytes - 3 - first);
    return vit158_train_data_idx(out, image_path, label_path, error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    vit158_train_dataset out;
    vit158_error error = {VIT158_OK, ""};
    if (n_bytes < 4)
        return 0;
    memory_disk_put(FILE_NAME, data + 1, n_bytes - 1);
    vit158_status status;
    if (data[0] % 3 == 0)
        status = read_idx(&out, data, n_bytes, &error);
    else if (data[0] % 3 == 1)
        status = vit158_train_data_cifar(&out, FILE_NAME, &error);
    else
        status = vit158_train_dataset_load(&out, FILE_NAME, &error);
    if (status == VIT158_OK)
        touch(&out);
    else if (error.status != status || strlen(error.message) < 10 || out.pixels != NULL ||
             out.labels != NULL || out.names != NULL)
        abort();
    vit158_train_dataset_free(&out);
    memory_disk_clear();
    return 0;
}
