/* SPDX-License-Identifier: MIT */
#include "model/names.h"

#include <string.h>

#include "base/text.h"
#include "model/linear_parts.h"

static const char *const globals[VIT158_SLOT_GLOBALS] = {
    [VIT158_SLOT_CLS] = "cls_token",
    [VIT158_SLOT_POS] = "pos_embed",
    [VIT158_SLOT_PATCH_WEIGHT] = "patch_embed.proj.weight",
    [VIT158_SLOT_PATCH_BIAS] = "patch_embed.proj.bias",
    [VIT158_SLOT_NORM_WEIGHT] = "norm.weight",
    [VIT158_SLOT_NORM_BIAS] = "norm.bias",
    [VIT158_SLOT_HEAD_WEIGHT] = "head.weight",
    [VIT158_SLOT_HEAD_BIAS] = "head.bias",
    [VIT158_SLOT_NORM_PRE_WEIGHT] = "norm_pre.weight",
    [VIT158_SLOT_NORM_PRE_BIAS] = "norm_pre.bias",
    [VIT158_SLOT_FC_NORM_WEIGHT] = "fc_norm.weight",
    [VIT158_SLOT_FC_NORM_BIAS] = "fc_norm.bias",
    [VIT158_SLOT_POS_SCALE] = "pos_embed.scale",
    [VIT158_SLOT_PATCH_SCALE] = "patch_embed.proj.scale",
    [VIT158_SLOT_HEAD_SCALE] = "head.scale",
};
static const char *const outer_norms[VIT158_PART_LINEARS] = {"norm1.weight", "norm1.bias",
                                                             "norm2.weight", "norm2.bias"};
static const char *const linears[VIT158_BLOCK_LINEARS] = {"attn.qkv", "attn.proj", "mlp.fc1",
                                                          "mlp.fc2"};
static uint32_t find(const char *const *names, uint32_t count, const char *name)
{
    uint32_t i = 0;
    while (i < count && strcmp(names[i], name) != 0)
        i++;
    return i;
}

/* The part named by what follows "blocks.N.", or VIT158_BLOCK_PARTS. */
static uint32_t part_of_name(const char *name)
{
    const uint32_t norm = find(outer_norms, VIT158_PART_LINEARS, name);
    if (norm < VIT158_PART_LINEARS)
        return norm;
    for (uint32_t linear = 0; linear < VIT158_BLOCK_LINEARS; linear++) {
        const size_t n_bytes = strlen(linears[linear]);
        if (strncmp(name, linears[linear], n_bytes) != 0 || name[n_bytes] != '.')
            continue;
        uint32_t part = 0;
        while (part < VIT158_LINEAR_PARTS &&
               strcmp(vit158_linear_parts[part].name, name + n_bytes + 1) != 0)
            part++;
        if (part < VIT158_LINEAR_PARTS)
            return VIT158_PART_LINEARS + linear * VIT158_LINEAR_PARTS + part;
    }
    return VIT158_BLOCK_PARTS;
}

uint32_t vit158_slot_of_name(const char *name)
{
    const uint32_t global = find(globals, VIT158_SLOT_GLOBALS, name);
    if (global < VIT158_SLOT_GLOBALS)
        return global;
    if (strncmp(name, "blocks.", 7) != 0)
        return VIT158_SLOT_COUNT;
    const char *digit = name + 7;
    if (digit[0] == '0' && digit[1] != '.')
        return VIT158_SLOT_COUNT;
    uint32_t block = 0;
    for (; *digit >= '0' && *digit <= '9'; digit++) {
        block = block * 10 + (uint32_t)(*digit - '0');
        if (block >= VIT158_MAX_DEPTH)
            return VIT158_SLOT_COUNT;
    }
    if (digit == name + 7 || *digit != '.')
        return VIT158_SLOT_COUNT;
    const uint32_t part = part_of_name(digit + 1);
    return part < VIT158_BLOCK_PARTS ? vit158_block_slot(block, part) : VIT158_SLOT_COUNT;
}

void vit158_slot_name(char name[VIT158_SLOT_NAME_BYTES], uint32_t slot)
{
    if (slot < VIT158_SLOT_GLOBALS) {
        vit158_format(name, VIT158_SLOT_NAME_BYTES, "%s", globals[slot]);
        return;
    }
    const uint32_t block = (slot - VIT158_SLOT_GLOBALS) / VIT158_BLOCK_PARTS;
    const uint32_t part = (slot - VIT158_SLOT_GLOBALS) % VIT158_BLOCK_PARTS;
    if (part < VIT158_PART_LINEARS) {
        vit158_format(name, VIT158_SLOT_NAME_BYTES, "blocks.%u.%s", block, outer_norms[part]);
        return;
    }
    const uint32_t linear = (part - VIT158_PART_LINEARS) / VIT158_LINEAR_PARTS;
    vit158_format(name, VIT158_SLOT_NAME_BYTES, "blocks.%u.%s.%s", block, linears[linear],
                  vit158_linear_parts[(part - VIT158_PART_LINEARS) % VIT158_LINEAR_PARTS].name);
}

const char *vit158_linear_name(uint32_t linear)
{
    return linears[linear];
}

bool vit158_slot_of_linear(uint32_t slot, uint32_t *block, uint32_t *linear, uint32_t *part)
{
    if (slot < VIT158_SLOT_GLOBALS || slot >= VIT158_SLOT_COUNT)
        return false;
    const uint32_t in_block = (slot - VIT158_SLOT_GLOBALS) % VIT158_BLOCK_PARTS;
    if (in_block < VIT158_PART_LINEARS)
        return false;
    *block = (slot - VIT158_SLOT_GLOBALS) / VIT158_BLOCK_PARTS;
    *linear = (in_block - VIT158_PART_LINEARS) / VIT158_LINEAR_PARTS;
    *part = (in_block - VIT158_PART_LINEARS) % VIT158_LINEAR_PARTS;
    return true;
}

bool vit158_slot_is_positive(uint32_t slot)
{
    uint32_t block, linear, part;
    if (slot == VIT158_SLOT_POS_SCALE || slot == VIT158_SLOT_PATCH_SCALE ||
        slot == VIT158_SLOT_HEAD_SCALE)
        return true;
    return vit158_slot_of_linear(slot, &block, &linear, &part) &&
           vit158_linear_parts[part].positive;
}
