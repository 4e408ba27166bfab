/* SPDX-License-Identifier: MIT
 *
 * CIFAR-10's binary files: records of one label byte and 3 x 32 x 32 bytes, planes in the order
 * red, green, blue. Several files are given separated by commas.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "train/data.h"

#define SIDE 32U
#define RECORD_BYTES (1U + 3U * SIDE * SIDE)
#define CLASSES 10U

static const char class_names[] = "airplane\0automobile\0bird\0cat\0deer\0dog\0frog\0horse\0ship\0"
                                  "truck"; /* and the NUL C adds */

/* Reads one file's records behind those already in `data`. */
static vit158_status append(vit158_train_dataset *data, const char *path, vit158_error *error)
{
    uint8_t *bytes;
    size_t n_bytes;
    vit158_error inner;
    if (vit158_file_read(&bytes, &n_bytes, path, 0, &inner) != VIT158_OK)
        return vit158_fail(error, inner.status, "%s: %s", path, inner.message);
    const size_t records = n_bytes / RECORD_BYTES;
    vit158_status status = VIT158_OK;
    vit158_train_dataset joined = {0};
    if (records == 0 || n_bytes % RECORD_BYTES)
        status = vit158_fail(error, VIT158_E_TRUNCATED,
                             "%s has %zu bytes, no whole number of records of %u", path, n_bytes,
                             RECORD_BYTES);
    else if (records > 10000000)
        status = vit158_fail(error, VIT158_E_LIMIT, "%s has too many records", path);
    if (status == VIT158_OK)
        status = vit158_train_dataset_allocate(&joined, data->count + (uint32_t)records, 3, SIDE,
                                               CLASSES, sizeof class_names, error);
    if (status == VIT158_OK) {
        const size_t size = vit158_train_dataset_image(&joined);
        memcpy(joined.names, class_names, sizeof class_names);
        if (data->count) {
            memcpy(joined.pixels, data->pixels, data->count * size);
            memcpy(joined.labels, data->labels, data->count * sizeof *data->labels);
        }
        for (size_t i = 0; i < records && status == VIT158_OK; i++) {
            const uint8_t *record = bytes + i * RECORD_BYTES;
            if (record[0] >= CLASSES)
                status = vit158_fail(error, VIT158_E_FORMAT, "%s: record %zu has label %u", path, i,
                                     record[0]);
            joined.labels[data->count + i] = record[0];
            memcpy(joined.pixels + (data->count + i) * size, record + 1, size);
        }
    }
    free(bytes);
    if (status == VIT158_OK) {
        vit158_train_dataset_free(data);
        *data = joined;
    } else {
        vit158_train_dataset_free(&joined);
    }
    return status;
}

vit158_status vit158_train_data_cifar(vit158_train_dataset *data, const char *paths,
                                      vit158_error *error)
{
    memset(data, 0, sizeof *data);
    while (*paths) {
        char path[VIT158_TRAIN_RECIPE_TEXT];
        const size_t n = strcspn(paths, ",");
        vit158_format(path, sizeof path, "%.*s", (int)n, paths);
        const vit158_status status = append(data, path, error);
        if (status != VIT158_OK) {
            vit158_train_dataset_free(data);
            return status;
        }
        paths += n + (paths[n] == ',');
    }
    return VIT158_OK;
}
