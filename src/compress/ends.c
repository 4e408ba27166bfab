/* SPDX-License-Identifier: MIT */
#include "compress/ends.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "model/half.h"

/* Rows of zeros and near-zeros get the smallest scale that F16 holds in full. */
#define LEAST_SCALE 0x1p-14F

static void round_one(vit158_int8_rows *r, size_t row, const float *values)
{
    float largest = 0;
    for (uint32_t i = 0; i < r->n; i++)
        largest = fmaxf(largest, fabsf(values[i]));
    uint16_t half;
    float scale = fmaxf(largest / 127.0F, LEAST_SCALE);
    if (vit158_f16_narrow(&half, scale))
        scale = vit158_f16_widen(half);
    r->scale[row] = scale;
    for (uint32_t i = 0; i < r->n; i++) {
        const float code = fminf(fmaxf(rintf(values[i] / scale), -127.0F), 127.0F);
        r->codes[row * r->n + i] = (int8_t)code;
        r->values[row * r->n + i] = code * scale;
    }
}

static vit158_status round_rows(vit158_int8_rows *r, const float *values, uint32_t rows, uint32_t n,
                                vit158_error *error)
{
    const size_t count = (size_t)rows * n;
    *r = (vit158_int8_rows){.rows = rows, .n = n};
    r->codes = malloc(count);
    r->scale = malloc(rows * sizeof *r->scale);
    r->values = malloc(count * sizeof *r->values);
    if (r->codes == NULL || r->scale == NULL || r->values == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to round the embedding");
    for (size_t row = 0; row < rows; row++)
        round_one(r, row, values + row * n);
    return VIT158_OK;
}

static void free_rows(vit158_int8_rows *r)
{
    free(r->codes);
    free(r->scale);
    free(r->values);
}

vit158_status vit158_ends_create(vit158_ends *ends, const vit158_model *model, vit158_error *error)
{
    const vit158_model_info *const info = &model->info;
    const char *beyond = vit158_variant_beyond_plain(&model->variant, true);
    *ends = (vit158_ends){.model = *model};
    if (beyond != NULL)
        return vit158_fail(error, VIT158_E_UNSUPPORTED,
                           "the model %s, which is not rounded here: vit158 pack --int8 makes a "
                           "small model of it",
                           beyond);
    vit158_status status =
        round_rows(&ends->patch, model->patch.weight, info->dim, model->patch.n_in, error);
    if (status == VIT158_OK)
        status = round_rows(&ends->positions, model->pos, info->tokens, info->dim, error);
    if (status == VIT158_OK)
        status = round_rows(&ends->head, model->head.weight, info->classes, info->dim, error);
    if (status != VIT158_OK) {
        vit158_ends_free(ends);
        return status;
    }
    ends->model.patch.weight = ends->patch.values;
    ends->model.pos = ends->positions.values;
    ends->model.head.weight = ends->head.values;
    return VIT158_OK;
}

void vit158_ends_free(vit158_ends *ends)
{
    free_rows(&ends->patch);
    free_rows(&ends->positions);
    free_rows(&ends->head);
    *ends = (vit158_ends){0};
}
