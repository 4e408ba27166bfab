/* SPDX-License-Identifier: MIT
 *
 * Presence, shape and element type of every tensor, given the geometry.
 */
#include "model/layout.h"

#include "base/error.h"

/* What a slot must hold. */
typedef struct expectation {
    bool needed;
    uint32_t rank;
    uint64_t shape[VIT158_MAX_RANK];
    const vit158_stored_type *type; /* of a matrix; NULL: some kind of float */
    uint64_t weights;               /* of a matrix */
    bool is_scale;                  /* F32, and [1] is allowed too */
} expectation;

static expectation vector(uint32_t n)
{
    return (expectation){.needed = true, .rank = 1, .shape = {n}};
}

static expectation expect_global(const vit158_model_info *info, uint32_t slot)
{
    const uint32_t d = info->dim;
    switch (slot) {
    case VIT158_SLOT_CLS:
        return (expectation){.needed = true, .rank = 3, .shape = {1, 1, d}};
    case VIT158_SLOT_POS:
        return (expectation){.needed = true, .rank = 3, .shape = {1, info->tokens, d}};
    case VIT158_SLOT_PATCH_WEIGHT:
        return (expectation){.needed = true,
                             .rank = 4,
                             .shape = {d, info->channels, info->patch_size, info->patch_size}};
    case VIT158_SLOT_HEAD_WEIGHT:
        return (expectation){.needed = true, .rank = 2, .shape = {info->classes, d}};
    case VIT158_SLOT_HEAD_BIAS:
        return vector(info->classes);
    default: /* patch bias, final norm */
        return vector(d);
    }
}

static expectation expect_weight(const vit158_model_info *info, uint32_t linear,
                                 const vit158_stored_type *type)
{
    expectation result = {.needed = true, .rank = type->rank, .type = type};
    type->shape(result.shape, vit158_linear_n_out(info, linear), vit158_linear_n_in(info, linear));
    result.weights = (uint64_t)vit158_linear_n_out(info, linear) * vit158_linear_n_in(info, linear);
    return result;
}

static expectation expect_part(const vit158_layout *layout, uint32_t block, uint32_t part)
{
    const vit158_model_info *info = &layout->info;
    expectation result;
    if (part < VIT158_PART_LINEARS) {
        result = vector(info->dim);
        result.needed = layout->outer_norms;
        return result;
    }
    const uint32_t linear = (part - VIT158_PART_LINEARS) / VIT158_LINEAR_PARTS;
    const vit158_stored_type *type = layout->types[block][linear];
    switch ((part - VIT158_PART_LINEARS) % VIT158_LINEAR_PARTS) {
    case VIT158_LINEAR_WEIGHT:
        return expect_weight(info, linear, type);
    case VIT158_LINEAR_BIAS:
        return vector(vit158_linear_n_out(info, linear));
    case VIT158_LINEAR_SCALE:
        result = vector(vit158_linear_n_out(info, linear));
        result.needed = type->coded;
        result.is_scale = true;
        return result;
    default: /* inner norm */
        result = vector(vit158_linear_n_in(info, linear));
        result.needed = layout->inner_norms;
        return result;
    }
}

static bool same_shape(const vit158_tensor_entry *tensor, const expectation *e)
{
    if (tensor->rank != e->rank)
        return false;
    if (e->is_scale && tensor->shape[0] == 1)
        return true;
    for (uint32_t i = 0; i < e->rank; i++) {
        if (tensor->shape[i] != e->shape[i])
            return false;
    }
    return true;
}

static vit158_status check_tensor(const vit158_tensor_entry *tensor, const expectation *e,
                                  uint32_t slot, vit158_error *error)
{
    char name[VIT158_SLOT_NAME_BYTES];
    vit158_slot_name(name, slot);
    if (tensor == NULL)
        return vit158_fail(error, VIT158_E_TENSOR, "tensor %s is missing", name);
    if (!e->needed)
        return vit158_fail(error, VIT158_E_TENSOR, "tensor %s: its matrix needs no scale", name);
    const bool fits = e->is_scale       ? tensor->dtype == VIT158_DTYPE_F32
                      : e->type != NULL ? tensor->dtype == e->type->dtype
                                        : vit158_dtype_bytes(tensor->dtype) > 1;
    if (!fits)
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
                             const expectation *e)
{
    if (e->is_scale)
        return;
    info->parameters += e->type != NULL ? e->weights : tensor->n_elements;
    if (e->type != NULL && e->type->counter != NULL)
        *e->type->counter(info) += e->weights;
}

vit158_status vit158_shapes_check(vit158_layout *layout, const vit158_header *header,
                                  vit158_error *error)
{
    const uint32_t slots = vit158_block_slot(layout->info.depth, 0);
    for (uint32_t slot = 0; slot < slots; slot++) {
        const vit158_tensor_entry *tensor = vit158_layout_tensor(layout, header, slot);
        const uint32_t block =
            slot < VIT158_SLOT_GLOBALS ? 0 : (slot - VIT158_SLOT_GLOBALS) / VIT158_BLOCK_PARTS;
        const expectation e =
            slot < VIT158_SLOT_GLOBALS
                ? expect_global(&layout->info, slot)
                : expect_part(layout, block, (slot - VIT158_SLOT_GLOBALS) % VIT158_BLOCK_PARTS);
        if (tensor == NULL && !e.needed)
            continue;
        VIT158_RETURN_IF_ERROR(check_tensor(tensor, &e, slot, error));
        count_parameters(&layout->info, tensor, &e);
    }
    return VIT158_OK;
}

vit158_status vit158_layout_read(vit158_layout *out, const vit158_header *header,
                                 vit158_error *error)
{
    VIT158_RETURN_IF_ERROR(vit158_layout_geometry(out, header, error));
    VIT158_RETURN_IF_ERROR(vit158_encodings_read(out, header, error));
    return vit158_shapes_check(out, header, error);
}
