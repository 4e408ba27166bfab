/* SPDX-License-Identifier: MIT */
#include "model/variant.h"

#include <string.h>

#include "base/error.h"
#include "model/decimal.h"

static const char *const poolings[] = {"cls", "avg", NULL};
static const char *const activations[] = {"gelu", "gelu_tanh", "quick_gelu", NULL};
static const char *const heads[] = {"linear", "none", NULL};
static const char *const inner_norms[] = {"layer", "rms", NULL};

const char *vit158_pooling_name(vit158_pooling pooling)
{
    return poolings[pooling];
}

const char *vit158_activation_name(vit158_activation activation)
{
    return activations[activation];
}

bool vit158_is_version_1(const vit158_header *header)
{
    const char *format = vit158_header_metadata(header, "format");
    const char *version = vit158_header_metadata(header, "format_version");
    return format != NULL && strcmp(format, "vit158") == 0 && version != NULL &&
           strcmp(version, "1") == 0;
}

static vit158_status needs_version_2(const vit158_header *header, const char *what,
                                     vit158_error *error)
{
    if (!vit158_is_version_1(header))
        return VIT158_OK;
    return vit158_fail(error, VIT158_E_METADATA,
                       "metadata format_version: %s needs version 2, not 1", what);
}

/* The place of a key's value in a list, 0 if the key is missing. */
static vit158_status read_name(uint32_t *out, const vit158_header *header, const char *key,
                               const char *const *names, vit158_error *error)
{
    const char *value = vit158_header_metadata(header, key);
    *out = 0;
    if (value == NULL)
        return VIT158_OK;
    while (names[*out] != NULL && strcmp(names[*out], value) != 0)
        (*out)++;
    if (names[*out] == NULL)
        return vit158_fail(error, VIT158_E_UNSUPPORTED, "metadata %s: %s, %s%s%s, not %s", key,
                           names[0], names[1], names[2] != NULL ? ", " : "",
                           names[2] != NULL ? names[2] : "", value);
    return *out > 0 ? needs_version_2(header, key, error) : VIT158_OK;
}

/* A number of tokens, 1 if the key is missing. */
static vit158_status read_tokens(uint32_t *out, const vit158_header *header, const char *key,
                                 uint32_t least, uint32_t most, vit158_error *error)
{
    const char *value = vit158_header_metadata(header, key);
    *out = 1;
    if (value == NULL)
        return VIT158_OK;
    if (!vit158_decimal_u32(out, value, strlen(value)) || *out < least)
        return vit158_fail(error, VIT158_E_METADATA,
                           "metadata %s is not a whole number from %u: %s", key, least, value);
    if (*out > most)
        return vit158_fail(error, VIT158_E_LIMIT, "metadata %s: %u is above %u", key, *out, most);
    return *out != 1 ? needs_version_2(header, key, error) : VIT158_OK;
}

vit158_status vit158_variant_read(vit158_variant *out, const vit158_header *header,
                                  vit158_error *error)
{
    uint32_t pooling, activation, head, inner;
    *out = (vit158_variant){0};
    VIT158_RETURN_IF_ERROR(read_name(&pooling, header, "pooling", poolings, error));
    VIT158_RETURN_IF_ERROR(read_name(&activation, header, "activation", activations, error));
    VIT158_RETURN_IF_ERROR(read_name(&head, header, "head", heads, error));
    VIT158_RETURN_IF_ERROR(read_name(&inner, header, "inner_norm", inner_norms, error));
    out->pooling = (vit158_pooling)pooling;
    out->activation = (vit158_activation)activation;
    out->headless = head != 0;
    out->inner_rms = inner != 0;
    VIT158_RETURN_IF_ERROR(
        read_tokens(&out->prefix_tokens, header, "prefix_tokens", 0, VIT158_MAX_PREFIX, error));
    if (pooling == VIT158_POOLING_CLS && out->prefix_tokens == 0)
        return vit158_fail(error, VIT158_E_METADATA,
                           "metadata pooling: cls takes the first token, but prefix_tokens is 0");
    const uint32_t most = pooling == VIT158_POOLING_CLS ? out->prefix_tokens : 1;
    return read_tokens(&out->head_tokens, header, "head_tokens", 1, most, error);
}

const char *vit158_variant_beyond_plain(const vit158_variant *variant, bool needs_head)
{
    const vit158_variant *v = variant;
    if (v->pooling != VIT158_POOLING_CLS)
        return "averages its patches (pooling avg)";
    if (v->prefix_tokens != 1)
        return "has more tokens before its patches than the class token (prefix_tokens)";
    if (v->activation != VIT158_ACTIVATION_GELU)
        return "has another activation than the exact GELU";
    if (v->norm_pre)
        return "normalises its tokens before the first block (norm_pre)";
    if (v->inner_rms)
        return "has RMSNorms before its matrices (inner_norm rms)";
    if (v->inner_norms != 0 && v->inner_norms != VIT158_ALL_INNER_NORMS)
        return "has inner norms before some of its matrices only";
    if (needs_head && v->headless)
        return "has no head";
    return NULL;
}
