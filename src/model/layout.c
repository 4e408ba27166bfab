/* SPDX-License-Identifier: MIT
 *
 * Presence, shape and element type of every tensor, given the geometry.
 */
#include "model/layout.h"

#include <string.h>

#include "base/error.h"
#include "model/linear_parts.h"

vit158_expectation vit158_expect_vector(uint32_t n)
{
    return (vit158_expectation){
        .needed = true, .dtypes = VIT158_AS_FLOAT, .rank = 1, .shape = {n}, .is_parameter = true};
}

vit158_expectation vit158_expect_scales(const vit158_stored_type *type, uint32_t n)
{
    vit158_expectation result = vit158_expect_vector(n);
    result.needed = type != NULL && type->coded;
    result.unasked = "its matrix needs no scale";
    result.dtypes = VIT158_AS_SCALE;
    result.is_parameter = false;
    return result;
}

static vit158_expectation of_head(vit158_expectation result, const vit158_variant *variant)
{
    result.needed = !variant->headless;
    result.unasked = "metadata head is none";
    return result;
}

static vit158_expectation expect_global(const vit158_layout *layout, uint32_t slot)
{
    const vit158_model_info *info = &layout->info;
    const uint32_t d = info->dim;
    const vit158_variant *variant = &layout->variant;
    const vit158_stored_type *type = layout->rest_types[slot];
    vit158_expectation result = vit158_expect_vector(d); /* patch bias, norms */
    if (type != NULL && type->coded) {
        result.dtypes = 1U << type->dtype;
        result.is_newer = true;
    }
    switch (slot) {
    case VIT158_SLOT_CLS:
        result.rank = 3;
        result.needed = info->prefix_tokens > 0;
        result.unasked = "metadata prefix_tokens is 0";
        memcpy(result.shape, (uint64_t[]){1, info->prefix_tokens, d}, 3 * sizeof(uint64_t));
        break;
    case VIT158_SLOT_POS:
        result.rank = 3;
        memcpy(result.shape, (uint64_t[]){1, info->tokens, d}, 3 * sizeof(uint64_t));
        break;
    case VIT158_SLOT_PATCH_WEIGHT:
        result.rank = 4;
        memcpy(result.shape, (uint64_t[]){d, info->channels, info->patch_size, info->patch_size},
               4 * sizeof(uint64_t));
        break;
    case VIT158_SLOT_HEAD_WEIGHT:
        result.rank = 2;
        memcpy(result.shape, (uint64_t[]){info->classes, info->embedding}, 2 * sizeof(uint64_t));
        return of_head(result, variant);
    case VIT158_SLOT_HEAD_BIAS:
        return of_head(vit158_expect_vector(info->classes), variant);
    case VIT158_SLOT_NORM_WEIGHT:
    case VIT158_SLOT_NORM_BIAS:
        result.needed = variant->final_norm;
        break;
    case VIT158_SLOT_NORM_PRE_WEIGHT:
    case VIT158_SLOT_NORM_PRE_BIAS:
        result.needed = variant->norm_pre;
        result.is_newer = true;
        break;
    case VIT158_SLOT_FC_NORM_WEIGHT:
    case VIT158_SLOT_FC_NORM_BIAS:
        result.needed = variant->fc_norm && variant->pooling == VIT158_POOLING_AVG;
        result.unasked = "it is of metadata pooling avg";
        result.is_newer = true;
        break;
    case VIT158_SLOT_POS_SCALE:
        return vit158_expect_scales(layout->rest_types[VIT158_SLOT_POS], info->tokens);
    case VIT158_SLOT_PATCH_SCALE:
        return vit158_expect_scales(layout->rest_types[VIT158_SLOT_PATCH_WEIGHT], d);
    case VIT158_SLOT_HEAD_SCALE:
        return vit158_expect_scales(layout->rest_types[VIT158_SLOT_HEAD_WEIGHT], info->classes);
    default:
        break;
    }
    return result;
}

static vit158_expectation expect(const vit158_layout *layout, uint32_t slot)
{
    uint32_t block, linear, part;
    if (slot < VIT158_SLOT_GLOBALS)
        return expect_global(layout, slot);
    vit158_expectation result;
    if (vit158_slot_of_linear(slot, &block, &linear, &part)) {
        result = vit158_linear_parts[part].expect(layout, block, linear);
        result.is_newer = vit158_linear_parts[part].is_newer;
        return result;
    }
    result = vit158_expect_vector(layout->info.dim);
    result.needed = layout->outer_norms;
    return result;
}

static bool same_shape(const vit158_tensor_entry *tensor, const vit158_expectation *e)
{
    if (tensor->rank != e->rank)
        return false;
    if (e->or_one && tensor->shape[0] == 1)
        return true;
    for (uint32_t i = 0; i < e->rank; i++) {
        if (tensor->shape[i] != e->shape[i])
            return false;
    }
    return true;
}

static vit158_status check_tensor(const vit158_tensor_entry *tensor, const vit158_expectation *e,
                                  uint32_t slot, vit158_error *error)
{
    char name[VIT158_SLOT_NAME_BYTES];
    vit158_slot_name(name, slot);
    if (tensor == NULL)
        return vit158_fail(error, VIT158_E_TENSOR, "tensor %s is missing", name);
    if (!e->needed && !e->allowed)
        return vit158_fail(error, VIT158_E_TENSOR, "tensor %s: %s", name, e->unasked);
    if ((e->dtypes & 1U << tensor->dtype) == 0)
        return vit158_fail(error, VIT158_E_TENSOR, "tensor %s: elements of %s do not belong there",
                           name, vit158_dtype_name(tensor->dtype));
    if (!same_shape(tensor, e))
        return vit158_fail(error, VIT158_E_TENSOR,
                           "tensor %s: its shape does not fit the model (%llu elements, "
                           "first dimension %llu)",
                           name, (unsigned long long)tensor->n_elements,
                           (unsigned long long)(tensor->rank > 0 ? tensor->shape[0] : 0));
    return VIT158_OK;
}

static void count_parameters(vit158_model_info *info, const vit158_tensor_entry *tensor,
                             const vit158_expectation *e)
{
    if (!e->is_parameter)
        return;
    info->parameters += e->type != NULL ? e->weights : tensor->n_elements;
    if (e->type != NULL && e->type->counter != NULL)
        *e->type->counter(info) += e->weights;
}

/* A reader of version 1 would ignore what is newer and answer wrongly. */
static vit158_status check_version(const vit158_header *header, const vit158_tensor_entry *tensor,
                                   const vit158_expectation *e, vit158_error *error)
{
    const bool half_scale = e->dtypes == VIT158_AS_SCALE && tensor->dtype == VIT158_DTYPE_F16;
    if ((!e->is_newer && !half_scale) || !vit158_is_version_1(header))
        return VIT158_OK;
    return vit158_fail(error, VIT158_E_METADATA,
                       "metadata format_version: tensor %s needs version 2, not 1", tensor->name);
}

/* Presence, shape and element type of every tensor, and the parameter counts. */
static vit158_status check_shapes(vit158_layout *layout, const vit158_header *header,
                                  vit158_error *error)
{
    const uint32_t slots = vit158_block_slot(layout->info.depth, 0);
    for (uint32_t slot = 0; slot < slots; slot++) {
        const vit158_tensor_entry *tensor = vit158_layout_tensor(layout, header, slot);
        const vit158_expectation e = expect(layout, slot);
        if (tensor == NULL && !e.needed)
            continue;
        VIT158_RETURN_IF_ERROR(check_tensor(tensor, &e, slot, error));
        VIT158_RETURN_IF_ERROR(check_version(header, tensor, &e, error));
        count_parameters(&layout->info, tensor, &e);
    }
    return VIT158_OK;
}

vit158_status vit158_layout_read(vit158_layout *out, const vit158_header *header,
                                 vit158_error *error)
{
    VIT158_RETURN_IF_ERROR(vit158_layout_geometry(out, header, error));
    VIT158_RETURN_IF_ERROR(vit158_encodings_read(out, header, error));
    return check_shapes(out, header, error);
}
