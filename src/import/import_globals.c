/* SPDX-License-Identifier: MIT
 *
 * The tensors of the whole model: tokens before the patches beside each other, positions, patch
 * embedding, norms, and the head, of DeiT the mean of both.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "import/importer.h"
#include "import/positions.h"
#include "model/names.h"

typedef vit158_importer importer;

/* A tensor of the whole model, whatever its rank, as [rank] `shape`. */
static vit158_status copy_global(importer *im, uint32_t place, const char *name, uint32_t rank,
                                 const uint64_t *shape, bool optional)
{
    const vit158_source_tensor *tensor = vit158_import_take(im, place);
    uint64_t count = 1;
    for (uint32_t i = 0; i < rank; i++)
        count *= shape[i];
    if (tensor == NULL && !optional)
        return vit158_fail(im->error, VIT158_E_TENSOR, "%s: its %s is missing", im->weight_file,
                           name);
    if (tensor != NULL &&
        (tensor->rank != rank || memcmp(tensor->shape, shape, rank * sizeof *shape) != 0))
        return vit158_fail(im->error, VIT158_E_TENSOR,
                           "tensor %s: its shape is not what the others' shapes say", tensor->name);
    float *values = vit158_import_floats(im, (size_t)count);
    if (values == NULL)
        return VIT158_E_MEMORY;
    vit158_status status = VIT158_OK;
    if (tensor != NULL) {
        status = vit158_source_values(values, &im->source, tensor, im->error);
    } else {
        memset(values, 0, (size_t)count * sizeof *values);
        im->zeros++;
    }
    if (status == VIT158_OK)
        vit158_import_keep(im, name, rank, shape, values);
    free(values);
    return status;
}

/* Positions with rows for the tokens before the patches, on the grid of the images' size. */
static vit158_status make_positions(importer *im)
{
    const uint32_t dim = im->info.dim;
    const uint32_t from = im->source_grid;
    const uint32_t to = im->info.image_size / im->info.patch_size;
    const vit158_source_tensor *tensor = vit158_import_take(im, VIT158_PLACE_POS);
    const uint32_t prefix = im->info.prefix_tokens;
    const uint32_t embedded = im->no_embed_class ? 0 : prefix; /* that have positions */
    const size_t in_rows = (size_t)from * from + embedded;
    const uint64_t shape[3] = {1, im->info.tokens, dim};
    /* shape[1] is in_rows: the plan took the grid from it. */
    if (tensor->shape[0] != 1 || tensor->shape[2] != dim)
        return vit158_fail(im->error, VIT158_E_TENSOR,
                           "tensor %s: its shape is not what the others' shapes say", tensor->name);
    float *in = vit158_import_floats(im, in_rows * dim);
    float *out = vit158_import_floats(im, (size_t)im->info.tokens * dim);
    vit158_status status = in != NULL && out != NULL ? VIT158_OK : VIT158_E_MEMORY;
    if (status == VIT158_OK)
        status = vit158_source_values(in, &im->source, tensor, im->error);
    if (status == VIT158_OK) {
        const float *grid = in + (size_t)embedded * dim;
        float *resized = out + (size_t)prefix * dim;
        memcpy(out, in, (size_t)embedded * dim * sizeof *out);
        if (from == to)
            memcpy(resized, grid, (size_t)to * to * dim * sizeof *out);
        else
            status = vit158_resize_positions(resized, to, grid, from, dim, im->error);
    }
    if (status == VIT158_OK)
        vit158_import_keep(im, "pos_embed", 3, shape, out);
    free(in);
    free(out);
    return status;
}

/* Class token, distillation token and registers, in the order in which the libraries put them. */
static vit158_status make_prefix(importer *im)
{
    static const uint32_t places[] = {VIT158_PLACE_CLS, VIT158_PLACE_DIST, VIT158_PLACE_REG};
    const uint32_t dim = im->info.dim, prefix = im->info.prefix_tokens;
    const uint64_t shape[3] = {1, prefix, dim};
    if (prefix == 0)
        return VIT158_OK;
    float *values = vit158_import_floats(im, (size_t)prefix * dim);
    vit158_status status = values != NULL ? VIT158_OK : VIT158_E_MEMORY;
    size_t used = 0;
    for (size_t i = 0; status == VIT158_OK && i < sizeof places / sizeof places[0]; i++) {
        const vit158_source_tensor *tensor = vit158_import_take(im, places[i]);
        if (tensor == NULL)
            continue;
        if (tensor->shape[2] != dim)
            status = vit158_fail(im->error, VIT158_E_TENSOR,
                                 "tensor %s: its shape is not what the others' shapes say",
                                 tensor->name);
        else
            status = vit158_source_values(values + used, &im->source, tensor, im->error);
        used += (size_t)tensor->n_elements;
    }
    if (status == VIT158_OK)
        vit158_import_keep(im, "cls_token", 3, shape, values);
    free(values);
    return status;
}

/* A norm of the whole model, weight and bias. */
static vit158_status copy_norm(importer *im, uint32_t place, const char *name)
{
    char full[VIT158_SLOT_NAME_BYTES];
    const uint64_t width = im->info.dim;
    vit158_format(full, sizeof full, "%s.weight", name);
    VIT158_RETURN_IF_ERROR(copy_global(im, place, full, 1, &width, false));
    vit158_format(full, sizeof full, "%s.bias", name);
    return copy_global(im, place + 1, full, 1, &width, true);
}

/* Two heads whose logits are averaged: halves of their weights side by side, the mean of their
 * biases. Half of a float is exact. */
static vit158_status join_heads(importer *im)
{
    const uint32_t dim = im->info.dim, classes = im->info.classes;
    const size_t count = (size_t)classes * dim;
    const uint64_t shape[2] = {classes, 2 * (uint64_t)dim};
    const uint64_t biases = classes;
    float *parts = vit158_import_floats(im, 2 * count);
    float *joined = vit158_import_floats(im, 2 * count);
    vit158_status status = parts != NULL && joined != NULL ? VIT158_OK : VIT158_E_MEMORY;
    static const uint32_t places[2] = {VIT158_PLACE_HEAD_WEIGHT, VIT158_PLACE_HEAD_DIST_WEIGHT};
    for (uint32_t i = 0; status == VIT158_OK && i < 2; i++)
        status = vit158_import_place(im, parts + i * count, places[i], classes, dim, false);
    for (size_t at = 0; status == VIT158_OK && at < 2 * count; at++) {
        const size_t row = at / (2 * dim), column = at % (2 * dim);
        joined[at] = 0.5F * parts[column / dim * count + row * dim + column % dim];
    }
    if (status == VIT158_OK)
        vit158_import_keep(im, "head.weight", 2, shape, joined);
    for (uint32_t i = 0; status == VIT158_OK && i < 2; i++)
        status = vit158_import_place(im, parts + i * count, places[i] + 1, classes, 0, true);
    for (uint32_t c = 0; status == VIT158_OK && c < classes; c++)
        joined[c] = 0.5F * (parts[c] + parts[count + c]);
    if (status == VIT158_OK)
        vit158_import_keep(im, "head.bias", 1, &biases, joined);
    free(parts);
    free(joined);
    return status;
}

static vit158_status make_head(importer *im)
{
    const vit158_model_info *info = &im->info;
    const uint64_t head[2] = {info->classes, info->dim};
    const uint64_t classes = info->classes;
    if (im->variant.headless)
        return VIT158_OK;
    if (im->variant.head_tokens == 2)
        return join_heads(im);
    VIT158_RETURN_IF_ERROR(
        copy_global(im, VIT158_PLACE_HEAD_WEIGHT, "head.weight", 2, head, false));
    return copy_global(im, VIT158_PLACE_HEAD_BIAS, "head.bias", 1, &classes, true);
}

vit158_status vit158_import_globals(importer *im)
{
    const vit158_model_info *info = &im->info;
    const uint64_t patch[4] = {info->dim, info->channels, info->patch_size, info->patch_size};
    const uint64_t width = info->dim;
    VIT158_RETURN_IF_ERROR(make_prefix(im));
    VIT158_RETURN_IF_ERROR(make_positions(im));
    VIT158_RETURN_IF_ERROR(
        copy_global(im, VIT158_PLACE_PATCH_WEIGHT, "patch_embed.proj.weight", 4, patch, false));
    VIT158_RETURN_IF_ERROR(
        copy_global(im, VIT158_PLACE_PATCH_BIAS, "patch_embed.proj.bias", 1, &width, true));
    if (im->variant.norm_pre)
        VIT158_RETURN_IF_ERROR(copy_norm(im, VIT158_PLACE_NORM_PRE_WEIGHT, "norm_pre"));
    if (im->variant.final_norm)
        VIT158_RETURN_IF_ERROR(copy_norm(im, im->norm_place, "norm"));
    if (im->variant.fc_norm)
        VIT158_RETURN_IF_ERROR(copy_norm(im, VIT158_PLACE_FC_NORM_WEIGHT, "fc_norm"));
    return make_head(im);
}
