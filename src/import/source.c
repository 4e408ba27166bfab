/* SPDX-License-Identifier: MIT */
#include "import/source.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/half.h"

vit158_source_tensor *vit158_source_add(vit158_source *source)
{
    if (source->tensor_count == source->tensor_capacity) {
        const uint32_t more = source->tensor_capacity == 0 ? 256 : 2 * source->tensor_capacity;
        vit158_source_tensor *tensors = realloc(source->tensors, more * sizeof *tensors);
        if (tensors == NULL)
            return NULL;
        source->tensors = tensors;
        source->tensor_capacity = more;
    }
    vit158_source_tensor *tensor = &source->tensors[source->tensor_count++];
    *tensor = (vit158_source_tensor){0};
    return tensor;
}

vit158_status vit158_source_add_file(vit158_source *source, const char *name, vit158_error *error)
{
    if (source->file_count == VIT158_SOURCE_MAX_FILES)
        return vit158_fail(error, VIT158_E_LIMIT, "more than %u files of weights",
                           VIT158_SOURCE_MAX_FILES);
    char *copy = malloc(strlen(name) + 1);
    if (copy == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to open %s", name);
    source->file_names[source->file_count++] = strcpy(copy, name);
    return VIT158_OK;
}

void vit158_source_clear(vit158_source *source)
{
    for (uint32_t i = 0; i < source->file_count; i++) {
        free(source->file_names[i]);
        if (source->headers[i] != NULL)
            vit158_header_clear(source->headers[i]);
        free(source->headers[i]);
    }
    free(source->tensors);
    free(source->names);
    *source = (vit158_source){0};
}

const vit158_header *vit158_source_metadata(const vit158_source *source)
{
    return source->file_count == 1 ? source->headers[0] : NULL;
}

/* ---- Values ---- */

/* F64 to F32, rounded half to even by the machine; a value beyond F32's range is not finite. */
static float from_f64(const uint8_t *bytes)
{
    double value;
    memcpy(&value, bytes, sizeof value);
    return (float)value;
}

static float value_at(const uint8_t *bytes, vit158_dtype dtype)
{
    uint16_t half;
    float single;
    switch (dtype) {
    case VIT158_DTYPE_F64:
        return from_f64(bytes);
    case VIT158_DTYPE_F32:
        memcpy(&single, bytes, sizeof single);
        return single;
    case VIT158_DTYPE_F16:
        memcpy(&half, bytes, sizeof half);
        return vit158_f16_widen(half);
    default:
        memcpy(&half, bytes, sizeof half);
        return vit158_bf16_widen(half);
    }
}

vit158_status vit158_source_values(float *out, const vit158_source *source,
                                   const vit158_source_tensor *tensor, vit158_error *error)
{
    enum { PIECE = 8192 };
    uint8_t piece[PIECE];
    if (tensor->dtype != VIT158_DTYPE_F64 && tensor->dtype != VIT158_DTYPE_F32 &&
        tensor->dtype != VIT158_DTYPE_F16 && tensor->dtype != VIT158_DTYPE_BF16)
        return vit158_fail(error, VIT158_E_TENSOR,
                           "tensor %s: its elements are %s: weights that another tool has "
                           "quantized cannot be imported, take the float checkpoint",
                           tensor->name, vit158_dtype_name(tensor->dtype));
    const size_t element = vit158_dtype_bytes(tensor->dtype);
    const size_t per_piece = PIECE / element;
    const size_t count = (size_t)tensor->n_elements;
    const char *file = source->file_names[tensor->file];
    for (size_t done = 0; done < count;) {
        const size_t now = count - done < per_piece ? count - done : per_piece;
        VIT158_RETURN_IF_ERROR(vit158_import_read(
            source->files, file, tensor->offset + done * element, piece, now * element, error));
        for (size_t i = 0; i < now; i++) {
            const float value = value_at(piece + i * element, tensor->dtype);
            if (!vit158_is_finite(value))
                return vit158_fail(error, VIT158_E_VALUE,
                                   "tensor %s: value %zu is not finite as F32", tensor->name,
                                   done + i);
            out[done + i] = value;
        }
        done += now;
    }
    return VIT158_OK;
}
