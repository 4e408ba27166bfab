/* SPDX-License-Identifier: MIT
 *
 * The tensor names of a Vision Transformer file (timm's, see FORMAT.md), as numbers: every possible
 * tensor has a slot, so that looking up, finding what is missing and naming it in a message are
 * array accesses.
 */
#ifndef VIT158_MODEL_NAMES_H
#define VIT158_MODEL_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#define VIT158_MAX_DEPTH 256U

/* Slots of the whole model. */
enum {
    VIT158_SLOT_CLS,
    VIT158_SLOT_POS,
    VIT158_SLOT_PATCH_WEIGHT,
    VIT158_SLOT_PATCH_BIAS,
    VIT158_SLOT_NORM_WEIGHT,
    VIT158_SLOT_NORM_BIAS,
    VIT158_SLOT_HEAD_WEIGHT,
    VIT158_SLOT_HEAD_BIAS,
    VIT158_SLOT_NORM_PRE_WEIGHT,
    VIT158_SLOT_NORM_PRE_BIAS,
    VIT158_SLOT_FC_NORM_WEIGHT,
    VIT158_SLOT_FC_NORM_BIAS,
    VIT158_SLOT_POS_SCALE, /* of int8 ones, here and below */
    VIT158_SLOT_PATCH_SCALE,
    VIT158_SLOT_HEAD_SCALE,
    VIT158_SLOT_GLOBALS
};

/* Parts of a block: the outer norms, then the tensors of each of the four matrices, which
 * linear_parts.h describes. */
enum {
    VIT158_PART_NORM1_WEIGHT,
    VIT158_PART_NORM1_BIAS,
    VIT158_PART_NORM2_WEIGHT,
    VIT158_PART_NORM2_BIAS,
    VIT158_PART_LINEARS
};
enum { VIT158_QKV, VIT158_PROJ, VIT158_FC1, VIT158_FC2, VIT158_BLOCK_LINEARS };
enum {
    VIT158_LINEAR_WEIGHT,
    VIT158_LINEAR_BIAS,
    VIT158_LINEAR_NORM_WEIGHT,
    VIT158_LINEAR_NORM_BIAS,
    VIT158_LINEAR_SCALE,
    VIT158_LINEAR_ROWS,
    VIT158_LINEAR_STEP,
    VIT158_LINEAR_PARTS
};
#define VIT158_BLOCK_PARTS (VIT158_PART_LINEARS + VIT158_BLOCK_LINEARS * VIT158_LINEAR_PARTS)
#define VIT158_SLOT_COUNT (VIT158_SLOT_GLOBALS + VIT158_MAX_DEPTH * VIT158_BLOCK_PARTS)

static inline uint32_t vit158_block_slot(uint32_t block, uint32_t part)
{
    return VIT158_SLOT_GLOBALS + block * VIT158_BLOCK_PARTS + part;
}

static inline uint32_t vit158_linear_slot(uint32_t block, uint32_t linear, uint32_t part)
{
    return vit158_block_slot(block, VIT158_PART_LINEARS + linear * VIT158_LINEAR_PARTS + part);
}

/* "blocks.255.attn.qkv.norm.weight" and a NUL fit. */
#define VIT158_SLOT_NAME_BYTES 40U

/* The slot of a name, or VIT158_SLOT_COUNT if it is no tensor of ours. */
uint32_t vit158_slot_of_name(const char *name);

/* The name of a slot below VIT158_SLOT_COUNT. */
void vit158_slot_name(char name[VIT158_SLOT_NAME_BYTES], uint32_t slot);

/* Whether its values must be above 0: scales and the like. */
bool vit158_slot_is_positive(uint32_t slot);

/* The block and matrix that a slot is of, and which of its parts; false for other slots. */
bool vit158_slot_of_linear(uint32_t slot, uint32_t *block, uint32_t *linear, uint32_t *part);

/* "attn.qkv" and the like; static storage. */
const char *vit158_linear_name(uint32_t linear);

#endif
