/* SPDX-License-Identifier: MIT
 *
 * IDX files as MNIST has them: big-endian magic, sizes, bytes. zlib's gzread takes plain files too.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/error.h"
#include "train/data.h"

#define IMAGES_MAGIC 0x00000803U
#define LABELS_MAGIC 0x00000801U

static vit158_status read_exactly(gzFile file, void *out, size_t n_bytes, const char *path,
                                  vit158_error *error)
{
    uint8_t *to = out;
    while (n_bytes > 0) {
        const unsigned piece = n_bytes < (1U << 20) ? (unsigned)n_bytes : 1U << 20;
        const int got = gzread(file, to, piece);
        if (got <= 0)
            return vit158_fail(error, VIT158_E_TRUNCATED, "%s ends %zu bytes too early", path,
                               n_bytes);
        to += got;
        n_bytes -= (size_t)got;
    }
    return VIT158_OK;
}

/* Opens the file and reads magic and `count` sizes. */
static vit158_status open_idx(gzFile *file, uint32_t *sizes, uint32_t count, uint32_t magic,
                              const char *path, vit158_error *error)
{
    uint8_t head[16];
    *file = gzopen(path, "rb");
    if (*file == NULL)
        return vit158_fail(error, VIT158_E_IO, "cannot open %s", path);
    vit158_status status = read_exactly(*file, head, 4 + (size_t)4 * count, path, error);
    vit158_bytes in = vit158_bytes_over(head, sizeof head);
    if (status == VIT158_OK && vit158_bytes_u32(&in, true) != magic)
        status = vit158_fail(error, VIT158_E_FORMAT, "%s is not an IDX file of %s", path,
                             magic == IMAGES_MAGIC ? "pictures" : "labels");
    if (status != VIT158_OK) {
        gzclose(*file);
        *file = NULL;
        return status;
    }
    for (uint32_t i = 0; i < count; i++)
        sizes[i] = vit158_bytes_u32(&in, true);
    return VIT158_OK;
}

/* Labels first: the number of classes is their largest value + 1, the names are their digits. */
static vit158_status read_labels(uint8_t **labels, uint32_t *count, uint32_t *classes,
                                 const char *path, vit158_error *error)
{
    gzFile file;
    VIT158_RETURN_IF_ERROR(open_idx(&file, count, 1, LABELS_MAGIC, path, error));
    *labels = *count && *count <= 10000000 ? malloc(*count) : NULL;
    vit158_status status = *labels != NULL
                               ? read_exactly(file, *labels, *count, path, error)
                               : vit158_fail(error, VIT158_E_LIMIT, "%s: %u labels", path, *count);
    gzclose(file);
    if (status != VIT158_OK) {
        free(*labels);
        *labels = NULL;
        return status;
    }
    *classes = 0;
    for (uint32_t i = 0; i < *count; i++)
        *classes = (*labels)[i] >= *classes ? (*labels)[i] + 1U : *classes;
    return VIT158_OK;
}

static void name_digits(vit158_train_dataset *data)
{
    char *to = data->names;
    for (uint32_t c = 0; c < data->classes; c++)
        to += snprintf(to, 5, "%u", c) + 1;
    data->name_bytes = (uint32_t)(to - data->names);
}

vit158_status vit158_train_data_idx(vit158_train_dataset *data, const char *images,
                                    const char *labels_path, vit158_error *error)
{
    memset(data, 0, sizeof *data);
    uint8_t *labels;
    uint32_t label_count = 0, classes = 0, sizes[3] = {0};
    VIT158_RETURN_IF_ERROR(read_labels(&labels, &label_count, &classes, labels_path, error));
    gzFile file = NULL;
    vit158_status status = open_idx(&file, sizes, 3, IMAGES_MAGIC, images, error);
    if (status == VIT158_OK && (sizes[0] != label_count || sizes[1] != sizes[2]))
        status = vit158_fail(error, VIT158_E_FORMAT,
                             "%s: %u images of %u x %u, but %u labels; images must be square",
                             images, sizes[0], sizes[1], sizes[2], label_count);
    if (status == VIT158_OK)
        status =
            vit158_train_dataset_allocate(data, sizes[0], 1, sizes[1], classes, 5 * classes, error);
    if (status == VIT158_OK) {
        name_digits(data);
        for (uint32_t i = 0; i < label_count; i++)
            data->labels[i] = labels[i];
        status = read_exactly(file, data->pixels, data->count * vit158_train_dataset_image(data),
                              images, error);
    }
    if (file != NULL)
        gzclose(file);
    free(labels);
    if (status != VIT158_OK)
        vit158_train_dataset_free(data);
    return status;
}
