/* SPDX-License-Identifier: MIT */
#include "train/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"

#define MAGIC "VIT158DS"
#define HEADER_BYTES 32U
#define MAX_COUNT 10000000U
#define MAX_SIDE 1024U

void vit158_train_dataset_free(vit158_train_dataset *data)
{
    free(data->pixels);
    free(data->labels);
    free(data->names);
    memset(data, 0, sizeof *data);
}

vit158_status vit158_train_dataset_allocate(vit158_train_dataset *data, uint32_t count,
                                            uint32_t channels, uint32_t side, uint32_t classes,
                                            uint32_t name_bytes, vit158_error *error)
{
    memset(data, 0, sizeof *data);
    if (count == 0 || count > MAX_COUNT || side == 0 || side > MAX_SIDE ||
        (channels != 1 && channels != 3))
        return vit158_fail(error, VIT158_E_LIMIT,
                           "data set of %u images, %u channels, %u pixels a side: at most %u "
                           "images of %u, with 1 or 3 channels",
                           count, channels, side, MAX_COUNT, MAX_SIDE);
    if (classes < 2 || classes > 65535)
        return vit158_fail(error, VIT158_E_LIMIT, "data set has %u classes, must be 2 to 65535",
                           classes);
    *data = (vit158_train_dataset){.count = count,
                                   .channels = channels,
                                   .side = side,
                                   .classes = classes,
                                   .name_bytes = name_bytes};
    data->pixels = malloc(count * vit158_train_dataset_image(data));
    data->labels = calloc(count, sizeof *data->labels);
    data->names = calloc(name_bytes + 1U, 1);
    if (data->pixels == NULL || data->labels == NULL || data->names == NULL) {
        vit158_train_dataset_free(data);
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for %u images", count);
    }
    return VIT158_OK;
}

static vit158_status parse(vit158_train_dataset *data, const uint8_t *bytes, size_t n_bytes,
                           const char *path, vit158_error *error)
{
    vit158_bytes in = vit158_bytes_over(bytes, n_bytes);
    const uint8_t *magic = vit158_bytes_take(&in, 8);
    if (magic == NULL || memcmp(magic, MAGIC, 8) != 0)
        return vit158_fail(error, VIT158_E_FORMAT, "%s is not a data cache", path);
    uint32_t head[6];
    for (int i = 0; i < 6; i++)
        head[i] = vit158_bytes_u32(&in, false);
    if (in.failed || head[0] != 1)
        return vit158_fail(error, VIT158_E_FORMAT, "%s: unknown version of the data cache", path);
    const uint32_t name_bytes = head[5];
    const uint64_t image = (uint64_t)head[2] * head[3] * head[3];
    if (name_bytes > (1U << 20) || head[3] > MAX_SIDE || head[2] > 3 || head[1] > MAX_COUNT ||
        n_bytes - HEADER_BYTES != name_bytes + head[1] * (image + 2))
        return vit158_fail(error, VIT158_E_TRUNCATED,
                           "%s: %zu bytes do not fit its %u images; delete it to decode again",
                           path, n_bytes, head[1]);
    VIT158_RETURN_IF_ERROR(
        vit158_train_dataset_allocate(data, head[1], head[2], head[3], head[4], name_bytes, error));
    memcpy(data->names, bytes + HEADER_BYTES, name_bytes);
    const uint8_t *labels = bytes + HEADER_BYTES + name_bytes;
    uint32_t names = 0;
    for (uint32_t i = 0; i < name_bytes; i++)
        names += data->names[i] == 0;
    for (uint32_t i = 0; i < data->count; i++) {
        data->labels[i] = (uint16_t)(labels[2 * i] | labels[2 * i + 1] << 8);
        if (data->labels[i] >= data->classes || names != data->classes) {
            vit158_train_dataset_free(data);
            return vit158_fail(error, VIT158_E_FORMAT, "%s: labels do not fit its classes", path);
        }
    }
    memcpy(data->pixels, labels + (size_t)2 * data->count, data->count * (size_t)image);
    return VIT158_OK;
}

vit158_status vit158_train_dataset_load(vit158_train_dataset *data, const char *path,
                                        vit158_error *error)
{
    memset(data, 0, sizeof *data);
    uint8_t *bytes;
    size_t n_bytes;
    vit158_error inner;
    if (vit158_file_read(&bytes, &n_bytes, path, 0, &inner) != VIT158_OK)
        return vit158_fail(error, inner.status, "%s: %s", path, inner.message);
    const vit158_status status = parse(data, bytes, n_bytes, path, error);
    free(bytes);
    return status;
}

vit158_status vit158_train_dataset_save(const vit158_train_dataset *data, const char *path,
                                        vit158_error *error)
{
    vit158_file_writer out;
    VIT158_RETURN_IF_ERROR(vit158_file_begin(&out, path, error));
    const uint32_t head[6] = {1,          data->count,   data->channels,
                              data->side, data->classes, data->name_bytes};
    vit158_file_add(&out, MAGIC, 8);
    for (int i = 0; i < 6; i++)
        vit158_file_add_u32(&out, head[i]);
    vit158_file_add(&out, data->names, data->name_bytes);
    for (uint32_t i = 0; i < data->count; i++) {
        const uint8_t label[2] = {(uint8_t)data->labels[i], (uint8_t)(data->labels[i] >> 8)};
        vit158_file_add(&out, label, 2);
    }
    vit158_file_add(&out, data->pixels, data->count * vit158_train_dataset_image(data));
    return vit158_file_commit(&out, error);
}

const char *vit158_train_dataset_name(const vit158_train_dataset *data, uint32_t index)
{
    const char *name = data->names;
    while (index-- > 0)
        name += strlen(name) + 1;
    return name;
}
