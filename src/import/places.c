/* SPDX-License-Identifier: MIT */
#include "import/places.h"

#include <string.h>

#include "base/error.h"

#define PAIR(family, name, place)                                                                  \
    {family, name ".weight", place},                                                               \
    {                                                                                              \
        family, name ".bias", (place) + 1                                                          \
    }

typedef struct known_name {
    vit158_family family;
    const char *name;
    uint32_t place;
} known_name;

/* Hugging Face's without "vit." and "deit.". */
static const known_name globals[] = {
    {VIT158_FAMILY_TIMM, "cls_token", VIT158_PLACE_CLS},
    {VIT158_FAMILY_TIMM, "dist_token", VIT158_PLACE_DIST},
    {VIT158_FAMILY_TIMM, "reg_token", VIT158_PLACE_REG},
    {VIT158_FAMILY_TIMM, "pos_embed", VIT158_PLACE_POS},
    PAIR(VIT158_FAMILY_TIMM, "patch_embed.proj", VIT158_PLACE_PATCH_WEIGHT),
    PAIR(VIT158_FAMILY_TIMM, "norm_pre", VIT158_PLACE_NORM_PRE_WEIGHT),
    PAIR(VIT158_FAMILY_TIMM, "norm", VIT158_PLACE_NORM_WEIGHT),
    PAIR(VIT158_FAMILY_TIMM, "fc_norm", VIT158_PLACE_FC_NORM_WEIGHT),
    PAIR(VIT158_FAMILY_TIMM, "head", VIT158_PLACE_HEAD_WEIGHT),
    PAIR(VIT158_FAMILY_TIMM, "head_dist", VIT158_PLACE_HEAD_DIST_WEIGHT),
    {VIT158_FAMILY_HF, "embeddings.cls_token", VIT158_PLACE_CLS},
    {VIT158_FAMILY_HF, "embeddings.distillation_token", VIT158_PLACE_DIST},
    {VIT158_FAMILY_HF, "embeddings.position_embeddings", VIT158_PLACE_POS},
    PAIR(VIT158_FAMILY_HF, "embeddings.patch_embeddings.projection", VIT158_PLACE_PATCH_WEIGHT),
    PAIR(VIT158_FAMILY_HF, "layernorm", VIT158_PLACE_NORM_WEIGHT),
    PAIR(VIT158_FAMILY_HF, "classifier", VIT158_PLACE_HEAD_WEIGHT),
    PAIR(VIT158_FAMILY_HF, "cls_classifier", VIT158_PLACE_HEAD_WEIGHT),
    PAIR(VIT158_FAMILY_HF, "distillation_classifier", VIT158_PLACE_HEAD_DIST_WEIGHT),
    {VIT158_FAMILY_TORCHVISION, "class_token", VIT158_PLACE_CLS},
    {VIT158_FAMILY_TORCHVISION, "encoder.pos_embedding", VIT158_PLACE_POS},
    PAIR(VIT158_FAMILY_TORCHVISION, "conv_proj", VIT158_PLACE_PATCH_WEIGHT),
    PAIR(VIT158_FAMILY_TORCHVISION, "encoder.ln", VIT158_PLACE_NORM_WEIGHT),
    PAIR(VIT158_FAMILY_TORCHVISION, "heads.head", VIT158_PLACE_HEAD_WEIGHT)};

/* Names in a block, without the block's prefix. */
static const known_name parts[] = {
    PAIR(VIT158_FAMILY_TIMM, "norm1", VIT158_IN_NORM1_WEIGHT),
    PAIR(VIT158_FAMILY_TIMM, "norm2", VIT158_IN_NORM2_WEIGHT),
    PAIR(VIT158_FAMILY_TIMM, "attn.qkv", VIT158_IN_QKV_WEIGHT),
    PAIR(VIT158_FAMILY_TIMM, "attn.proj", VIT158_IN_PROJ_WEIGHT),
    PAIR(VIT158_FAMILY_TIMM, "mlp.fc1", VIT158_IN_FC1_WEIGHT),
    PAIR(VIT158_FAMILY_TIMM, "mlp.fc2", VIT158_IN_FC2_WEIGHT),
    {VIT158_FAMILY_TIMM, "ls1.gamma", VIT158_IN_LS1},
    {VIT158_FAMILY_TIMM, "ls2.gamma", VIT158_IN_LS2},
    {VIT158_FAMILY_TIMM, "gamma_1", VIT158_IN_LS1},
    {VIT158_FAMILY_TIMM, "gamma_2", VIT158_IN_LS2},
    PAIR(VIT158_FAMILY_TIMM, "attn.qkv.norm", VIT158_IN_INNER_NORMS),
    PAIR(VIT158_FAMILY_TIMM, "attn.proj.norm", VIT158_IN_INNER_NORMS + 2),
    PAIR(VIT158_FAMILY_TIMM, "attn.norm", VIT158_IN_INNER_NORMS + 2), /* scale_attn_norm */
    PAIR(VIT158_FAMILY_TIMM, "mlp.fc1.norm", VIT158_IN_INNER_NORMS + 4),
    PAIR(VIT158_FAMILY_TIMM, "mlp.fc2.norm", VIT158_IN_INNER_NORMS + 6),
    PAIR(VIT158_FAMILY_TIMM, "mlp.norm", VIT158_IN_INNER_NORMS + 6), /* scale_mlp_norm */
    PAIR(VIT158_FAMILY_HF, "layernorm_before", VIT158_IN_NORM1_WEIGHT),
    PAIR(VIT158_FAMILY_HF, "layernorm_after", VIT158_IN_NORM2_WEIGHT),
    PAIR(VIT158_FAMILY_HF4, "attention.attention.query", VIT158_IN_QUERY_WEIGHT),
    PAIR(VIT158_FAMILY_HF4, "attention.attention.key", VIT158_IN_KEY_WEIGHT),
    PAIR(VIT158_FAMILY_HF4, "attention.attention.value", VIT158_IN_VALUE_WEIGHT),
    PAIR(VIT158_FAMILY_HF4, "attention.output.dense", VIT158_IN_PROJ_WEIGHT),
    PAIR(VIT158_FAMILY_HF4, "intermediate.dense", VIT158_IN_FC1_WEIGHT),
    PAIR(VIT158_FAMILY_HF4, "output.dense", VIT158_IN_FC2_WEIGHT),
    PAIR(VIT158_FAMILY_HF5, "attention.q_proj", VIT158_IN_QUERY_WEIGHT),
    PAIR(VIT158_FAMILY_HF5, "attention.k_proj", VIT158_IN_KEY_WEIGHT),
    PAIR(VIT158_FAMILY_HF5, "attention.v_proj", VIT158_IN_VALUE_WEIGHT),
    PAIR(VIT158_FAMILY_HF5, "attention.o_proj", VIT158_IN_PROJ_WEIGHT),
    PAIR(VIT158_FAMILY_HF5, "mlp.fc1", VIT158_IN_FC1_WEIGHT),
    PAIR(VIT158_FAMILY_HF5, "mlp.fc2", VIT158_IN_FC2_WEIGHT),
    PAIR(VIT158_FAMILY_TORCHVISION, "ln_1", VIT158_IN_NORM1_WEIGHT),
    PAIR(VIT158_FAMILY_TORCHVISION, "ln_2", VIT158_IN_NORM2_WEIGHT),
    {VIT158_FAMILY_TORCHVISION, "self_attention.in_proj_weight", VIT158_IN_QKV_WEIGHT},
    {VIT158_FAMILY_TORCHVISION, "self_attention.in_proj_bias", VIT158_IN_QKV_BIAS},
    PAIR(VIT158_FAMILY_TORCHVISION, "self_attention.out_proj", VIT158_IN_PROJ_WEIGHT),
    PAIR(VIT158_FAMILY_TORCHVISION, "mlp.0", VIT158_IN_FC1_WEIGHT),
    PAIR(VIT158_FAMILY_TORCHVISION, "mlp.3", VIT158_IN_FC2_WEIGHT),
    PAIR(VIT158_FAMILY_TORCHVISION, "mlp.linear_1", VIT158_IN_FC1_WEIGHT),
    PAIR(VIT158_FAMILY_TORCHVISION, "mlp.linear_2", VIT158_IN_FC2_WEIGHT)};

static const struct {
    vit158_family family;
    const char *prefix;
} blocks[] = {{VIT158_FAMILY_TIMM, "blocks."},
              {VIT158_FAMILY_HF4, "encoder.layer."},
              {VIT158_FAMILY_HF5, "layers."},
              {VIT158_FAMILY_TORCHVISION, "encoder.layers.encoder_layer_"}};

/* Tensors that a classifier's answer does not depend on. */
static const char *const ignored[] = {"embeddings.mask_token", "mask_token", "pooler.dense.weight",
                                      "pooler.dense.bias", "embeddings.position_ids"};

/* Parts of names that tell what a model has and the engine has not. */
static const struct {
    const char *part;
    const char *what;
} unsupported[] = {{"q_norm", "it normalises queries and keys (qk_norm)"},
                   {"q_ln", "it normalises queries and keys (qk_norm)"},
                   {"mlp.w12", "its MLP is a SwiGLU"},
                   {"mlp.w1.", "its MLP is a SwiGLU"},
                   {"mlp.fc1_g", "its MLP is a SwiGLU"},
                   {"up_proj", "its MLP is a SwiGLU"},
                   {"weights_in", "its MLP is a SwiGLU"},
                   {"rel_pos", "its positions are relative"},
                   {"relative_position", "its positions are relative"},
                   {"rope", "its positions are rotary"},
                   {"attn_pool", "its head pools by attention"},
                   {"pre_logits", "it has a hidden layer before its head"},
                   {"patch_embed.backbone", "its stem is a convolutional network"},
                   {"patch_embed.conv", "its stem is a convolutional network"},
                   {"conv1.weight", "it is a convolutional network"},
                   {"downsample", "it works in windows or stages (Swin and the like)"}};

const char *vit158_family_name(vit158_family family)
{
    static const char *const names[] = {"unknown",
                                        "timm",
                                        "Hugging Face (transformers 4)",
                                        "Hugging Face (transformers 5)",
                                        "Hugging Face",
                                        "torchvision"};
    return names[family];
}

/* ---- One name ---- */

static bool find_name(const known_name *table, size_t count, const char *name, vit158_family family,
                      known_name *out)
{
    for (size_t i = 0; i < count; i++) {
        const bool both = table[i].family == VIT158_FAMILY_HF &&
                          (family == VIT158_FAMILY_HF4 || family == VIT158_FAMILY_HF5);
        if (family != VIT158_FAMILY_NONE && table[i].family != family && !both)
            continue;
        if (strcmp(table[i].name, name) == 0) {
            *out = table[i];
            return true;
        }
    }
    return false;
}

/* "12.rest": the number, at most three digits without leading zeros. */
static const char *take_number(const char *text, uint32_t *number)
{
    size_t digits = 0;
    *number = 0;
    while (digits < 4 && text[digits] >= '0' && text[digits] <= '9')
        *number = *number * 10 + (uint32_t)(text[digits++] - '0');
    if (digits == 0 || digits > 3 || (digits > 1 && text[0] == '0') || text[digits] != '.')
        return NULL;
    return text + digits + 1;
}

static bool find_in_block(const char *name, known_name *out)
{
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        const size_t length = strlen(blocks[i].prefix);
        uint32_t block;
        if (strncmp(name, blocks[i].prefix, length) != 0)
            continue;
        const char *rest = take_number(name + length, &block);
        if (rest == NULL || block >= VIT158_PLACE_MAX_DEPTH ||
            !find_name(parts, sizeof parts / sizeof parts[0], rest, blocks[i].family, out))
            continue;
        out->family = blocks[i].family;
        out->place = vit158_place_in(block, out->place);
        return true;
    }
    return false;
}

static const char *skip(const char *name, const char *prefix)
{
    const size_t length = strlen(prefix);
    return strncmp(name, prefix, length) == 0 ? name + length : name;
}

static bool find_place(const char *full_name, known_name *out)
{
    const char *name = skip(full_name, "vit.");
    if (name == full_name)
        name = skip(full_name, "deit.");
    if (find_in_block(name, out) ||
        find_name(globals, sizeof globals / sizeof globals[0], name, VIT158_FAMILY_NONE, out))
        return true;
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) {
        if (strcmp(name, ignored[i]) == 0) {
            *out = (known_name){VIT158_FAMILY_NONE, name, VIT158_PLACE_IGNORED};
            return true;
        }
    }
    return false;
}

static vit158_status unknown_name(const char *name, vit158_error *error)
{
    for (size_t i = 0; i < sizeof unsupported / sizeof unsupported[0]; i++) {
        if (strstr(name, unsupported[i].part) != NULL)
            return vit158_fail(error, VIT158_E_UNSUPPORTED,
                               "tensor %s: this is no plain Vision Transformer, %s, which the "
                               "engine does not compute",
                               name, unsupported[i].what);
    }
    return vit158_fail(error, VIT158_E_TENSOR,
                       "tensor %s is not known as a part of a Vision Transformer by timm, Hugging "
                       "Face or torchvision",
                       name);
}

/* ---- All names ---- */

/* Bytes of what stands before all names, as wrappers put it there ("module.", "model.backbone."): a
 * part of a model is never in all of them, unless the model knows the name with it. */
static size_t common_prefix(const vit158_source *source)
{
    const char *first = source->tensors[0].name;
    size_t taken = 0;
    known_name known;
    while (!find_place(first + taken, &known)) {
        const char *dot = strchr(first + taken, '.');
        if (dot == NULL)
            return taken;
        const size_t length = (size_t)(dot + 1 - first);
        for (uint32_t i = 1; i < source->tensor_count; i++) {
            if (strncmp(source->tensors[i].name, first, length) != 0)
                return taken;
        }
        taken = length;
    }
    return taken;
}

static bool same_family(vit158_family *known, vit158_family found)
{
    if (found == VIT158_FAMILY_NONE || found == *known)
        return true;
    const bool found_hf = found >= VIT158_FAMILY_HF4 && found <= VIT158_FAMILY_HF;
    const bool known_hf = *known >= VIT158_FAMILY_HF4 && *known <= VIT158_FAMILY_HF;
    if (found_hf && known_hf) {
        if (*known == VIT158_FAMILY_HF)
            *known = found;
        return found == VIT158_FAMILY_HF || *known == found;
    }
    if (*known != VIT158_FAMILY_NONE)
        return false;
    *known = found;
    return true;
}

static vit158_status put(vit158_places *out, vit158_source *source, uint32_t index, size_t skipped,
                         vit158_error *error)
{
    vit158_source_tensor *tensor = &source->tensors[index];
    known_name found;
    if (!find_place(tensor->name + skipped, &found))
        return unknown_name(tensor->name, error);
    if (!same_family(&out->family, found.family))
        return vit158_fail(error, VIT158_E_TENSOR, "tensor %s has a name of %s among names of %s",
                           tensor->name, vit158_family_name(found.family),
                           vit158_family_name(out->family));
    tensor->place = found.place;
    if (found.place == VIT158_PLACE_IGNORED) {
        out->ignored++;
        return VIT158_OK;
    }
    if (out->tensors[found.place] != 0)
        return vit158_fail(error, VIT158_E_TENSOR, "tensors %s and %s are the same part twice",
                           source->tensors[out->tensors[found.place] - 1].name, tensor->name);
    out->tensors[found.place] = index + 1;
    if (found.place >= VIT158_PLACE_GLOBALS) {
        const uint32_t depth = (found.place - VIT158_PLACE_GLOBALS) / VIT158_IN_BLOCK + 1;
        out->depth = depth > out->depth ? depth : out->depth;
    }
    return VIT158_OK;
}

vit158_status vit158_places_find(vit158_places *out, vit158_source *source, vit158_error *error)
{
    memset(out, 0, sizeof *out);
    if (source->tensor_count == 0)
        return vit158_fail(error, VIT158_E_TENSOR, "%s holds no tensor", source->file_names[0]);
    out->prefix_bytes = common_prefix(source);
    for (uint32_t i = 0; i < source->tensor_count; i++)
        VIT158_RETURN_IF_ERROR(put(out, source, i, out->prefix_bytes, error));
    if (out->depth == 0)
        return vit158_fail(error, VIT158_E_TENSOR,
                           "there is no block: the file holds %u tensors, "
                           "but not those of a Vision Transformer",
                           source->tensor_count);
    return VIT158_OK; /* a block's names are of one version, so the family is not both */
}
