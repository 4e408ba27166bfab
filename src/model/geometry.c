/* SPDX-License-Identifier: MIT
 *
 * Slots and geometry of vit158_layout: dimensions come from tensor shapes, metadata must agree.
 */
#include <string.h>

#include "base/error.h"
#include "base/sizes.h"
#include "model/layout.h"
#include "model/metadata.h"

uint32_t vit158_linear_n_in(const vit158_block_shape *shape, uint32_t linear)
{
    return linear == VIT158_FC2    ? shape->mlp
           : linear == VIT158_PROJ ? shape->attention
                                   : shape->dim;
}

uint32_t vit158_linear_n_out(const vit158_block_shape *shape, uint32_t linear)
{
    if (linear == VIT158_QKV)
        return 3 * shape->attention;
    return linear == VIT158_FC1 ? shape->mlp : shape->dim;
}

bool vit158_layout_is_uneven(const vit158_layout *layout)
{
    const vit158_model_info *info = &layout->info;
    for (uint32_t i = 0; i < info->depth; i++)
        if (layout->shapes[i].attention != info->dim || layout->shapes[i].mlp != info->mlp_dim)
            return true;
    return false;
}

const vit158_tensor_entry *vit158_layout_tensor(const vit158_layout *layout,
                                                const vit158_header *header, uint32_t slot)
{
    const uint16_t one_more = layout->tensors[slot];
    return one_more != 0 ? &header->tensors[one_more - 1] : NULL;
}

static vit158_status check_format(const vit158_header *header, vit158_error *error)
{
    const char *format = vit158_header_metadata(header, "format");
    if (format == NULL || strcmp(format, "vit158") != 0)
        return VIT158_OK; /* a checkpoint of another tool, which may write "pt" here */
    const char *version = vit158_header_metadata(header, "format_version");
    if (version == NULL)
        return vit158_fail(error, VIT158_E_METADATA, "metadata format_version is missing");
    if (strcmp(version, "1") != 0 && strcmp(version, "2") != 0)
        return vit158_fail(error, VIT158_E_UNSUPPORTED,
                           "metadata format_version: this library reads versions 1 and 2, not %s",
                           version);
    return VIT158_OK;
}

/* Fills the slots, the depth, and the blocks' widths as the biases have them. */
static vit158_status assign_slots(vit158_layout *out, const vit158_header *header,
                                  vit158_error *error)
{
    for (uint32_t i = 0; i < header->tensor_count; i++) {
        const uint32_t slot = vit158_slot_of_name(header->tensors[i].name);
        if (slot == VIT158_SLOT_COUNT)
            return vit158_fail(error, VIT158_E_TENSOR, "unknown tensor %s",
                               header->tensors[i].name);
        out->tensors[slot] = (uint16_t)(i + 1);
        if (slot >= VIT158_SLOT_GLOBALS) {
            const uint32_t blocks = (slot - VIT158_SLOT_GLOBALS) / VIT158_BLOCK_PARTS + 1;
            if (blocks > out->info.depth)
                out->info.depth = blocks;
            const uint32_t length = (uint32_t)header->tensors[i].n_elements;
            if (slot == vit158_linear_slot(blocks - 1, VIT158_QKV, VIT158_LINEAR_BIAS))
                out->shapes[blocks - 1].attention = length / 3;
            if (slot == vit158_linear_slot(blocks - 1, VIT158_FC1, VIT158_LINEAR_BIAS))
                out->shapes[blocks - 1].mlp = length;
        }
    }
    return out->info.depth > 0 ? VIT158_OK
                               : vit158_fail(error, VIT158_E_TENSOR, "no tensor of block 0");
}

static vit158_status need(const vit158_tensor_entry **out, const vit158_layout *layout,
                          const vit158_header *header, uint32_t slot, uint32_t rank,
                          vit158_error *error)
{
    *out = vit158_layout_tensor(layout, header, slot);
    char name[VIT158_SLOT_NAME_BYTES];
    vit158_slot_name(name, slot);
    if (*out == NULL)
        return vit158_fail(error, VIT158_E_TENSOR, "tensor %s is missing", name);
    if ((*out)->rank != rank)
        return vit158_fail(error, VIT158_E_TENSOR, "tensor %s: %u dimensions, not %u", name,
                           (*out)->rank, rank);
    return VIT158_OK;
}

/* A dimension read off a shape: 1 .. max. */
static vit158_status set_dimension(uint32_t *out, uint64_t value, uint32_t max, const char *what,
                                   vit158_error *error)
{
    if (value == 0)
        return vit158_fail(error, VIT158_E_TENSOR, "%s is 0", what);
    if (value > max)
        return vit158_fail(error, VIT158_E_LIMIT, "%s: %llu is above the limit of %u", what,
                           (unsigned long long)value, max);
    *out = (uint32_t)value;
    return VIT158_OK;
}

static uint32_t square_root(uint32_t n)
{
    uint32_t root = 0;
    while ((root + 1) * (root + 1) <= n)
        root++;
    return root;
}

static vit158_status read_patches(vit158_model_info *info, const vit158_tensor_entry *patch,
                                  const vit158_tensor_entry *pos, vit158_error *error)
{
    VIT158_RETURN_IF_ERROR(
        set_dimension(&info->dim, patch->shape[0], VIT158_MAX_DIM, "dim", error));
    VIT158_RETURN_IF_ERROR(set_dimension(&info->patch_size, patch->shape[2], VIT158_MAX_PATCH_SIZE,
                                         "patch_size", error));
    if (patch->shape[1] != 1 && patch->shape[1] != 3)
        return vit158_fail(error, VIT158_E_UNSUPPORTED,
                           "tensor patch_embed.proj.weight: %llu channels, not 1 or 3",
                           (unsigned long long)patch->shape[1]);
    info->channels = (uint32_t)patch->shape[1];
    VIT158_RETURN_IF_ERROR(
        set_dimension(&info->tokens, pos->shape[1], VIT158_MAX_TOKENS, "tokens", error));
    const uint32_t prefix = info->prefix_tokens;
    const uint32_t grid = info->tokens > prefix ? square_root(info->tokens - prefix) : 0;
    if (grid == 0 || grid * grid != info->tokens - prefix)
        return vit158_fail(error, VIT158_E_TENSOR,
                           "tensor pos_embed: %u tokens are not a square grid and %u before it",
                           info->tokens, prefix);
    return set_dimension(&info->image_size, (uint64_t)grid * info->patch_size,
                         VIT158_MAX_IMAGE_SIZE, "image_size", error);
}

static vit158_status read_shapes(vit158_layout *out, const vit158_header *header,
                                 vit158_error *error)
{
    const vit158_tensor_entry *patch, *pos, *head, *fc1;
    const vit158_variant *variant = &out->variant;
    const uint32_t fc1_bias = vit158_linear_slot(0, VIT158_FC1, VIT158_LINEAR_BIAS);
    VIT158_RETURN_IF_ERROR(need(&patch, out, header, VIT158_SLOT_PATCH_WEIGHT, 4, error));
    VIT158_RETURN_IF_ERROR(need(&pos, out, header, VIT158_SLOT_POS, 3, error));
    VIT158_RETURN_IF_ERROR(need(&fc1, out, header, fc1_bias, 1, error));
    vit158_model_info *info = &out->info;
    info->prefix_tokens = variant->prefix_tokens;
    VIT158_RETURN_IF_ERROR(read_patches(info, patch, pos, error));
    info->embedding = vit158_variant_embedding(variant, info->dim);
    VIT158_RETURN_IF_ERROR(
        set_dimension(&info->mlp_dim, fc1->shape[0], VIT158_MAX_MLP_DIM, "mlp_dim", error));
    if (variant->headless)
        return VIT158_OK;
    VIT158_RETURN_IF_ERROR(need(&head, out, header, VIT158_SLOT_HEAD_BIAS, 1, error));
    return set_dimension(&info->classes, head->shape[0], VIT158_MAX_CLASSES, "classes", error);
}

/* Heads, and the widths of each block, which in version 1 are those of the first. */
static vit158_status read_blocks(vit158_layout *out, const vit158_header *header,
                                 vit158_error *error)
{
    vit158_model_info *info = &out->info;
    const bool even = vit158_is_version_1(header);
    const uint32_t mlp_dim = info->mlp_dim;
    VIT158_RETURN_IF_ERROR(
        vit158_metadata_count(&info->heads, header, "heads", VIT158_MAX_HEADS, error));
    if (info->heads == 0)
        return vit158_fail(error, VIT158_E_METADATA,
                           "metadata heads is missing (no tensor's shape tells it)");
    info->head_dim = info->dim / info->heads;
    if (!even)
        VIT158_RETURN_IF_ERROR(
            vit158_metadata_count(&info->head_dim, header, "head_dim", info->dim, error));
    const uint32_t head_dim = info->head_dim;
    uint32_t most = 0;
    bool whole = head_dim > 0;
    for (uint32_t i = 0; i < info->depth && whole; i++) {
        vit158_block_shape *shape = &out->shapes[i];
        shape->dim = info->dim;
        if (even || shape->attention - 1 >= info->dim) /* what is wrong layout.c will say */
            shape->attention = info->dim;
        if (even || shape->mlp - 1 >= VIT158_MAX_MLP_DIM)
            shape->mlp = mlp_dim;
        whole = shape->attention % head_dim == 0;
        most = (uint32_t)vit158_larger(most, shape->attention);
        info->mlp_dim = (uint32_t)vit158_larger(info->mlp_dim, shape->mlp);
    }
    if (!whole || most != info->heads * head_dim)
        return vit158_fail(error, VIT158_E_METADATA,
                           "metadata heads: %u heads of %u do not make up the width of the blocks",
                           info->heads, head_dim);
    return VIT158_OK;
}

/* Metadata repeats the geometry for people and for tools that read no shapes: it must be right. */
static vit158_status check_metadata(const vit158_model_info *info, const vit158_header *header,
                                    vit158_error *error)
{
    const struct {
        const char *key;
        uint32_t value;
    } dimensions[] = {{"image_size", info->image_size}, {"patch_size", info->patch_size},
                      {"channels", info->channels},     {"dim", info->dim},
                      {"depth", info->depth},           {"mlp_dim", info->mlp_dim},
                      {"classes", info->classes}};
    for (size_t i = 0; i < sizeof dimensions / sizeof dimensions[0]; i++) {
        uint32_t stated = dimensions[i].value;
        VIT158_RETURN_IF_ERROR(
            vit158_metadata_count(&stated, header, dimensions[i].key, UINT32_MAX, error));
        if (stated != dimensions[i].value)
            return vit158_fail(error, VIT158_E_METADATA,
                               "metadata %s: %u, but the tensors' shapes say %u", dimensions[i].key,
                               stated, dimensions[i].value);
    }
    return VIT158_OK;
}

static bool has_norm(const vit158_layout *layout, uint32_t weight_slot)
{
    return layout->tensors[weight_slot] != 0 || layout->tensors[weight_slot + 1] != 0;
}

/* A norm exists if any of its kind does; layout.c then asks for all of them. */
static vit158_status find_norms(vit158_layout *layout, const vit158_header *header,
                                vit158_error *error)
{
    vit158_variant *variant = &layout->variant;
    for (uint32_t block = 0; block < layout->info.depth; block++) {
        for (uint32_t part = 0; part < VIT158_PART_LINEARS; part++)
            layout->outer_norms |= layout->tensors[vit158_block_slot(block, part)] != 0;
        for (uint32_t linear = 0; linear < VIT158_BLOCK_LINEARS; linear++) {
            const uint32_t weight = vit158_linear_slot(block, linear, VIT158_LINEAR_NORM_WEIGHT);
            const uint32_t bias = vit158_linear_slot(block, linear, VIT158_LINEAR_NORM_BIAS);
            if (layout->tensors[weight] != 0 || layout->tensors[bias] != 0)
                variant->inner_norms |= 1U << linear;
        }
    }
    variant->norm_pre = has_norm(layout, VIT158_SLOT_NORM_PRE_WEIGHT);
    variant->fc_norm = has_norm(layout, VIT158_SLOT_FC_NORM_WEIGHT);
    variant->final_norm = has_norm(layout, VIT158_SLOT_NORM_WEIGHT) || !variant->fc_norm;
    if (variant->inner_norms != 0 && vit158_is_version_1(header)) /* all or none of them */
        variant->inner_norms = VIT158_ALL_INNER_NORMS;
    if (!layout->outer_norms && variant->inner_norms == 0)
        return vit158_fail(error, VIT158_E_TENSOR,
                           "the blocks have no norms, neither norm1 and "
                           "norm2 nor those of the four matrices");
    return VIT158_OK;
}

vit158_status vit158_layout_geometry(vit158_layout *out, const vit158_header *header,
                                     vit158_error *error)
{
    memset(out, 0, sizeof *out);
    VIT158_RETURN_IF_ERROR(check_format(header, error));
    VIT158_RETURN_IF_ERROR(vit158_variant_read(&out->variant, header, error));
    VIT158_RETURN_IF_ERROR(assign_slots(out, header, error));
    VIT158_RETURN_IF_ERROR(read_shapes(out, header, error));
    VIT158_RETURN_IF_ERROR(read_blocks(out, header, error));
    VIT158_RETURN_IF_ERROR(check_metadata(&out->info, header, error));
    return find_norms(out, header, error);
}
