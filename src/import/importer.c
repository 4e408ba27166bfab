/* SPDX-License-Identifier: MIT
 *
 * What the steps of an import take from the source and put into the draft.
 */
#include "import/importer.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/numerics.h"

typedef vit158_importer importer;

/* ---- From the source ---- */

const char *vit158_import_said(const importer *im, const char *key)
{
    const char *extra = vit158_header_metadata(&im->extra, key);
    const vit158_header *own = vit158_source_metadata(&im->source);
    return extra != NULL || own == NULL ? extra : vit158_header_metadata(own, key);
}

const vit158_source_tensor *vit158_import_take(importer *im, uint32_t place)
{
    const uint32_t one_more = im->places.tensors[place];
    if (one_more == 0)
        return NULL;
    im->source.tensors[one_more - 1].used = true;
    return &im->source.tensors[one_more - 1];
}

float *vit158_import_floats(const importer *im, size_t count)
{
    float *values = calloc(count, sizeof *values);
    if (values == NULL)
        vit158_fail(im->error, VIT158_E_MEMORY, "not enough memory for a tensor");
    return values;
}

static vit158_status missing(const importer *im, uint32_t place)
{
    static const char *const parts[VIT158_IN_INNER_NORMS] = {"weight of its first norm",
                                                             "bias of its first norm",
                                                             "weight of its second norm",
                                                             "bias of its second norm",
                                                             "weight of query, key, value",
                                                             "bias of query, key, value",
                                                             "weight of the query",
                                                             "bias of the query",
                                                             "weight of the key",
                                                             "bias of the key",
                                                             "weight of the value",
                                                             "bias of the value",
                                                             "weight after attention",
                                                             "bias after attention",
                                                             "first weight of the MLP",
                                                             "first bias of the MLP",
                                                             "second weight of the MLP",
                                                             "second bias of the MLP",
                                                             "first LayerScale",
                                                             "second LayerScale"};
    const uint32_t block = (place - VIT158_PLACE_GLOBALS) / VIT158_IN_BLOCK;
    const uint32_t part = (place - VIT158_PLACE_GLOBALS) % VIT158_IN_BLOCK;
    return vit158_fail(im->error, VIT158_E_TENSOR,
                       "%s: block %u lacks the %s: the file is incomplete", im->weight_file, block,
                       part < VIT158_IN_INNER_NORMS ? parts[part] : "norm of a matrix");
}

vit158_status vit158_import_place(importer *im, float *out, uint32_t place, uint32_t rows,
                                  uint32_t columns, bool optional)
{
    const vit158_source_tensor *tensor = vit158_import_take(im, place);
    const uint64_t count = (uint64_t)rows * (columns > 0 ? columns : 1);
    if (tensor == NULL && optional) {
        memset(out, 0, (size_t)count * sizeof *out);
        im->zeros++;
        return VIT158_OK;
    }
    if (tensor == NULL)
        return missing(im, place);
    if (tensor->rank != (columns > 0 ? 2U : 1U) || tensor->shape[0] != rows ||
        (columns > 0 && tensor->shape[1] != columns))
        return vit158_fail(im->error, VIT158_E_TENSOR,
                           "tensor %s: its shape is not %u by %u, as the other tensors' shapes say",
                           tensor->name, rows, columns > 0 ? columns : 1);
    return vit158_source_values(out, &im->source, tensor, im->error);
}

/* ---- Into the draft ---- */

void vit158_import_scales(float *scales, const float *values, uint32_t rows, size_t columns)
{
    for (uint32_t r = 0; r < rows; r++) {
        float largest = 0.0F;
        for (size_t i = 0; i < columns; i++)
            largest = vit158_larger_magnitude(largest, values[r * columns + i]);
        scales[r] = largest > 1e-30F ? largest / 127.0F : 1.0F;
    }
}

void vit158_import_round(int8_t *out, const float *values, const float *scales, uint32_t rows,
                         size_t columns)
{
    for (uint32_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < columns; i++) {
            /* at most 127: the scale is 1/127 of the row's largest, rounded */
            out[r * columns + i] = (int8_t)vit158_rne(values[r * columns + i] / scales[r]);
        }
    }
}

/* The patch embedding or the head as int8; their inputs stay float. */
static void keep_i8_rest(importer *im, const char *name, uint32_t rank, const uint64_t *shape,
                         const float *values, uint64_t count)
{
    const uint32_t rows = (uint32_t)shape[0];
    const size_t columns = (size_t)(count / rows);
    float *scales = vit158_import_floats(im, rows);
    if (scales == NULL) {
        im->draft->failure = (vit158_error){VIT158_E_MEMORY, "not enough memory for a tensor"};
        return;
    }
    vit158_import_scales(scales, values, rows, columns);
    int8_t *place = vit158_draft_i8_rest(im->draft, name, rank, shape, scales, VIT158_DTYPE_F32);
    if (place != NULL)
        vit158_import_round(place, values, scales, rows, columns);
    free(scales);
}

void vit158_import_keep(importer *im, const char *name, uint32_t rank, const uint64_t *shape,
                        const float *values)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < rank; i++)
        count *= shape[i];
    const bool matrix_like = rank > 1 && shape[0] > 1; /* the patch embedding and the head */
    if (matrix_like && im->options->weights == VIT158_IMPORT_I8)
        keep_i8_rest(im, name, rank, shape, values, count);
    else
        vit158_draft_rest(im->draft, name, rank, shape, values);
    if (matrix_like) {
        im->end_weights += count;
        im->end_rows += shape[0];
    } else {
        im->rest_weights += count;
    }
    im->made++;
}
