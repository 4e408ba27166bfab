/* SPDX-License-Identifier: MIT
 *
 * Where a source's tensor belongs in the model: its place, found from the names that timm, Hugging
 * Face (versions 4 and 5 of transformers) and torchvision use. Places are finer than the slots of
 * model/names.h: query, key and value apart, LayerScale, extra tokens.
 */
#ifndef VIT158_IMPORT_PLACES_H
#define VIT158_IMPORT_PLACES_H

#include <stddef.h>
#include <stdint.h>

#include "import/source.h"

enum {
    VIT158_PLACE_CLS,
    VIT158_PLACE_DIST,
    VIT158_PLACE_REG,
    VIT158_PLACE_POS,
    VIT158_PLACE_PATCH_WEIGHT,
    VIT158_PLACE_PATCH_BIAS,
    VIT158_PLACE_NORM_PRE_WEIGHT,
    VIT158_PLACE_NORM_PRE_BIAS,
    VIT158_PLACE_NORM_WEIGHT,
    VIT158_PLACE_NORM_BIAS,
    VIT158_PLACE_FC_NORM_WEIGHT,
    VIT158_PLACE_FC_NORM_BIAS,
    VIT158_PLACE_HEAD_WEIGHT,
    VIT158_PLACE_HEAD_BIAS,
    VIT158_PLACE_HEAD_DIST_WEIGHT,
    VIT158_PLACE_HEAD_DIST_BIAS,
    VIT158_PLACE_GLOBALS
};

/* Of a block. A weight's bias is the next place. */
enum {
    VIT158_IN_NORM1_WEIGHT,
    VIT158_IN_NORM1_BIAS,
    VIT158_IN_NORM2_WEIGHT,
    VIT158_IN_NORM2_BIAS,
    VIT158_IN_QKV_WEIGHT,
    VIT158_IN_QKV_BIAS,
    VIT158_IN_QUERY_WEIGHT,
    VIT158_IN_QUERY_BIAS,
    VIT158_IN_KEY_WEIGHT,
    VIT158_IN_KEY_BIAS,
    VIT158_IN_VALUE_WEIGHT,
    VIT158_IN_VALUE_BIAS,
    VIT158_IN_PROJ_WEIGHT,
    VIT158_IN_PROJ_BIAS,
    VIT158_IN_FC1_WEIGHT,
    VIT158_IN_FC1_BIAS,
    VIT158_IN_FC2_WEIGHT,
    VIT158_IN_FC2_BIAS,
    VIT158_IN_LS1,
    VIT158_IN_LS2,
    VIT158_IN_INNER_NORMS, /* weight and bias of qkv, proj, fc1, fc2 */
    VIT158_IN_BLOCK = VIT158_IN_INNER_NORMS + 8
};

#define VIT158_PLACE_MAX_DEPTH 256U
#define VIT158_PLACE_COUNT (VIT158_PLACE_GLOBALS + VIT158_PLACE_MAX_DEPTH * VIT158_IN_BLOCK)
#define VIT158_PLACE_IGNORED VIT158_PLACE_COUNT

static inline uint32_t vit158_place_in(uint32_t block, uint32_t part)
{
    return VIT158_PLACE_GLOBALS + block * VIT158_IN_BLOCK + part;
}

typedef enum vit158_family {
    VIT158_FAMILY_NONE,
    VIT158_FAMILY_TIMM,
    VIT158_FAMILY_HF4,
    VIT158_FAMILY_HF5,
    VIT158_FAMILY_HF, /* a name of both versions */
    VIT158_FAMILY_TORCHVISION
} vit158_family;

typedef struct vit158_places {
    vit158_family family; /* never VIT158_FAMILY_HF */
    size_t prefix_bytes;  /* taken off every name: "module.", "model.backbone.", or none */
    uint32_t depth;
    uint32_t ignored;                     /* tensors without a use */
    uint32_t tensors[VIT158_PLACE_COUNT]; /* 1 + index into the source's tensors, 0 = none */
} vit158_places;

/* "timm", "Hugging Face 4" and so on; static. */
const char *vit158_family_name(vit158_family family);

/* Finds the place of every tensor. Errors: VIT158_E_TENSOR, VIT158_E_UNSUPPORTED: a name that is
 * not known, a place taken twice, names of two libraries. */
vit158_status vit158_places_find(vit158_places *out, vit158_source *source, vit158_error *error);

static inline const vit158_source_tensor *
vit158_place_tensor(const vit158_places *places, const vit158_source *source, uint32_t place)
{
    const uint32_t one_more = places->tensors[place];
    return one_more != 0 ? &source->tensors[one_more - 1] : NULL;
}

#endif
