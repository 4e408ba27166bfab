/* SPDX-License-Identifier: MIT */
#include "model/safetensors.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "model/half.h"

struct vit158_safetensors {
    vit158_file_bytes bytes;
    uint64_t data_start;
    vit158_header header;
};

static vit158_status read_at(const vit158_safetensors *file, uint64_t position, void *out,
                             size_t n_bytes, vit158_error *error)
{
    return file->bytes.read(file->bytes.context, position, out, n_bytes, error);
}

/* Checks the prefix and sets the header's length. */
static vit158_status read_prefix(const vit158_safetensors *file, uint64_t *header_bytes,
                                 vit158_error *error)
{
    uint8_t prefix[VIT158_PREFIX_BYTES + 1];
    if (file->bytes.count < sizeof prefix)
        return vit158_fail(error, VIT158_E_TRUNCATED, "only %llu bytes long",
                           (unsigned long long)file->bytes.count);
    VIT158_RETURN_IF_ERROR(read_at(file, 0, prefix, sizeof prefix, error));
    vit158_bytes in = vit158_bytes_over(prefix, VIT158_PREFIX_BYTES);
    *header_bytes = vit158_bytes_u64(&in, false);
    if (prefix[VIT158_PREFIX_BYTES] != '{')
        return vit158_fail(error, VIT158_E_FORMAT, "not a safetensors file");
    if (*header_bytes > VIT158_MAX_HEADER_BYTES)
        return vit158_fail(error, VIT158_E_LIMIT, "a header of %llu bytes",
                           (unsigned long long)*header_bytes);
    if (*header_bytes > file->bytes.count - VIT158_PREFIX_BYTES)
        return vit158_fail(error, VIT158_E_TRUNCATED, "ends inside its header");
    return VIT158_OK;
}

static vit158_status read_header(vit158_safetensors *file, vit158_error *error)
{
    uint64_t header_bytes = 0;
    VIT158_RETURN_IF_ERROR(read_prefix(file, &header_bytes, error));
    char *json = malloc((size_t)header_bytes + 1);
    if (json == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory");
    vit158_status status = read_at(file, VIT158_PREFIX_BYTES, json, (size_t)header_bytes, error);
    if (status == VIT158_OK)
        status = vit158_header_parse(&file->header, json, (size_t)header_bytes, error);
    free(json);
    VIT158_RETURN_IF_ERROR(status);
    file->data_start = VIT158_PREFIX_BYTES + header_bytes;
    const uint64_t data_bytes = file->bytes.count - file->data_start;
    if (data_bytes < file->header.data_bytes)
        return vit158_fail(error, VIT158_E_TRUNCATED, "%llu of %llu bytes of data are missing",
                           (unsigned long long)(file->header.data_bytes - data_bytes),
                           (unsigned long long)file->header.data_bytes);
    if (data_bytes > file->header.data_bytes)
        return vit158_fail(error, VIT158_E_FORMAT, "%llu bytes follow the last tensor",
                           (unsigned long long)(data_bytes - file->header.data_bytes));
    return VIT158_OK;
}

vit158_status vit158_safetensors_over(vit158_safetensors **out, const vit158_file_bytes *bytes,
                                      vit158_error *error)
{
    *out = NULL;
    vit158_safetensors *file = calloc(1, sizeof *file);
    vit158_status status = VIT158_OK;
    if (file == NULL) {
        if (bytes->close != NULL)
            bytes->close(bytes->context);
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory");
    }
    file->bytes = *bytes;
    status = read_header(file, error);
    if (status != VIT158_OK) {
        vit158_safetensors_close(file);
        return status;
    }
    *out = file;
    return VIT158_OK;
}

void vit158_safetensors_close(vit158_safetensors *file)
{
    if (file == NULL)
        return;
    if (file->bytes.close != NULL)
        file->bytes.close(file->bytes.context);
    vit158_header_clear(&file->header);
    free(file);
}

const vit158_header *vit158_safetensors_header(const vit158_safetensors *file)
{
    return &file->header;
}

uint64_t vit158_safetensors_file_bytes(const vit158_safetensors *file)
{
    return file->bytes.count;
}

uint64_t vit158_safetensors_header_bytes(const vit158_safetensors *file)
{
    return file->data_start;
}

const vit158_tensor_entry *vit158_safetensors_find(const vit158_safetensors *file, const char *name)
{
    for (uint32_t i = 0; i < file->header.tensor_count; i++) {
        if (strcmp(file->header.tensors[i].name, name) == 0)
            return &file->header.tensors[i];
    }
    return NULL;
}

vit158_status vit158_safetensors_read(const vit158_safetensors *file,
                                      const vit158_tensor_entry *entry, void *out,
                                      vit158_error *error)
{
    return read_at(file, file->data_start + entry->begin, out, (size_t)(entry->end - entry->begin),
                   error);
}

/* Widens n 16-bit values that lie in the second half of the bytes of `out`, front to back: result i
 * ends at byte 4 i + 4 <= 2 (n + i + 1), where the next value to read begins. */
static void widen_in_place(float *out, size_t n, bool brain)
{
    uint8_t *bytes = (uint8_t *)out;
    for (size_t i = 0; i < n; i++) {
        uint16_t half;
        memcpy(&half, bytes + 2 * (n + i), sizeof half);
        const float value = brain ? vit158_bf16_widen(half) : vit158_f16_widen(half);
        memcpy(bytes + 4 * i, &value, sizeof value);
    }
}

vit158_status vit158_safetensors_read_f32(const vit158_safetensors *file,
                                          const vit158_tensor_entry *entry, float *out,
                                          vit158_error *error)
{
    const size_t n = (size_t)entry->n_elements;
    if (vit158_dtype_bytes(entry->dtype) == 1)
        return vit158_fail(error, VIT158_E_TENSOR, "tensor %s: %s is not a float type", entry->name,
                           vit158_dtype_name(entry->dtype));
    if (entry->dtype == VIT158_DTYPE_F32) {
        VIT158_RETURN_IF_ERROR(vit158_safetensors_read(file, entry, out, error));
    } else {
        VIT158_RETURN_IF_ERROR(vit158_safetensors_read(file, entry, (uint8_t *)out + 2 * n, error));
        widen_in_place(out, n, entry->dtype == VIT158_DTYPE_BF16);
    }
    for (size_t i = 0; i < n; i++) {
        if (!vit158_is_finite(out[i]))
            return vit158_fail(error, VIT158_E_VALUE, "tensor %s: value %zu is not finite",
                               entry->name, i);
    }
    return VIT158_OK;
}

vit158_status vit158_safetensors_get_f32(const vit158_safetensors *file, const char *name,
                                         float *out, uint64_t n_elements, vit158_error *error)
{
    const vit158_tensor_entry *entry = vit158_safetensors_find(file, name);
    if (entry == NULL)
        return vit158_fail(error, VIT158_E_TENSOR, "no tensor %s", name);
    if (entry->n_elements != n_elements)
        return vit158_fail(error, VIT158_E_TENSOR, "tensor %s: %llu elements, not %llu", name,
                           (unsigned long long)entry->n_elements, (unsigned long long)n_elements);
    return vit158_safetensors_read_f32(file, entry, out, error);
}
