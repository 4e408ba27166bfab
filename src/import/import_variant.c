/* SPDX-License-Identifier: MIT
 *
 * What the model computes beyond the plain one: from the tensors that there are, from the texts,
 * and last from the architecture's name. Two things that a file cannot tell are asked for.
 */
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "import/importer.h"
#include "model/names.h"

typedef vit158_importer importer;

static bool has(const importer *im, uint32_t place)
{
    return im->places.tensors[place] != 0;
}

static vit158_status refuse(const importer *im, const char *what)
{
    return vit158_fail(im->error, VIT158_E_UNSUPPORTED,
                       "%s: it %s, which the engine does not compute", im->weight_file, what);
}

static bool said_is(const importer *im, const char *key, const char *value)
{
    const char *said = vit158_import_said(im, key);
    return said != NULL && strcmp(said, value) == 0;
}

/* ---- Tokens before the patches ---- */

/* Tokens of a tensor [1][n][d]; 0 if it is not there. */
static vit158_status count_tokens(const importer *im, uint32_t *count, uint32_t place)
{
    const vit158_source_tensor *tensor = vit158_import_at(im, place);
    if (tensor == NULL)
        return VIT158_OK;
    if (tensor->rank != 3 || tensor->shape[0] != 1 || tensor->shape[1] > VIT158_MAX_PREFIX)
        return vit158_fail(im->error, VIT158_E_TENSOR,
                           "tensor %s: its shape is not 1 by 1 to %u by the width", tensor->name,
                           VIT158_MAX_PREFIX);
    *count += (uint32_t)tensor->shape[1];
    return VIT158_OK;
}

static vit158_status find_prefix(importer *im)
{
    static const uint32_t places[] = {VIT158_PLACE_CLS, VIT158_PLACE_DIST, VIT158_PLACE_REG};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        VIT158_RETURN_IF_ERROR(count_tokens(im, &im->variant.prefix_tokens, places[i]));
    if (im->variant.prefix_tokens > VIT158_MAX_PREFIX)
        return refuse(im, "has more than 64 tokens before its patches");
    if (has(im, VIT158_PLACE_DIST) && !has(im, VIT158_PLACE_CLS))
        return refuse(im, "has a distillation token and no class token");
    return VIT158_OK;
}

/* ---- Pooling and head ---- */

static vit158_status find_pooling(importer *im)
{
    vit158_variant *v = &im->variant;
    const bool class_token = has(im, VIT158_PLACE_CLS);
    bool average = has(im, VIT158_PLACE_FC_NORM_WEIGHT) || !class_token;
    if (vit158_import_said(im, "pooling") != NULL)
        average = said_is(im, "pooling", "avg");
    else if (im->settings.pooling != VIT158_POOLING_UNSAID)
        average = im->settings.pooling == VIT158_POOLING_SAID_AVG;
    v->pooling = average ? VIT158_POOLING_AVG : VIT158_POOLING_CLS;
    if (!average && !class_token)
        return vit158_fail(im->error, VIT158_E_TENSOR, "%s: it takes the class token, but has none",
                           im->weight_file);
    v->norm_pre = has(im, VIT158_PLACE_NORM_PRE_WEIGHT);
    v->final_norm = has(im, VIT158_PLACE_NORM_WEIGHT);
    v->fc_norm = has(im, VIT158_PLACE_FC_NORM_WEIGHT);
    if (!average && v->final_norm && v->fc_norm)
        return refuse(im, "normalises the class token twice (norm and fc_norm)");
    if (!average && v->fc_norm) { /* of one token, so it does not matter when */
        im->norm_place = VIT158_PLACE_FC_NORM_WEIGHT;
        v->fc_norm = false;
    }
    v->final_norm |= !v->fc_norm; /* if it is missing, say so */
    return VIT158_OK;
}

static vit158_status find_head(importer *im)
{
    vit158_variant *v = &im->variant;
    const bool second = has(im, VIT158_PLACE_HEAD_DIST_WEIGHT);
    v->headless = !has(im, VIT158_PLACE_HEAD_WEIGHT);
    if (v->headless && (im->settings.classifier || has(im, VIT158_PLACE_HEAD_BIAS)))
        return vit158_fail(im->error, VIT158_E_TENSOR, "%s: its head's weight is missing",
                           im->weight_file);
    if (second && (v->headless || !has(im, VIT158_PLACE_DIST) || v->pooling != VIT158_POOLING_CLS))
        return vit158_fail(
            im->error, VIT158_E_TENSOR,
            "%s: it has a head for the distillation token, but not what belongs to it",
            im->weight_file);
    if (im->settings.distilled && !second)
        return vit158_fail(im->error, VIT158_E_TENSOR,
                           "%s: it lacks the head of the distillation token", im->weight_file);
    v->head_tokens = second ? 2 : 1;
    return VIT158_OK;
}

/* ---- Activation ---- */

static vit158_status find_activation(importer *im)
{
    const char *said = vit158_import_said(im, "activation");
    const char *name =
        im->settings.architecture[0] != 0 ? im->settings.architecture : im->weight_file;
    const char *activation = said != NULL                        ? said
                             : im->settings.activation[0] != 0   ? im->settings.activation
                             : strstr(name, "quickgelu") != NULL ? "quick_gelu"
                             : strstr(name, "siglip") != NULL    ? "gelu_tanh"
                                                                 : "gelu";
    for (uint32_t i = VIT158_ACTIVATION_GELU; i <= VIT158_ACTIVATION_QUICK_GELU; i++) {
        im->variant.activation = (vit158_activation)i;
        if (strcmp(activation, vit158_activation_name(im->variant.activation)) == 0)
            return VIT158_OK;
    }
    return vit158_fail(im->error, VIT158_E_METADATA,
                       "--metadata: activation is gelu, gelu_tanh or quick_gelu, not %s",
                       activation);
}

/* ---- Norms ---- */

/* timm's norms before proj and fc2 of a float model, in contrast to BitLinear's; it is there. */
static bool is_scale_norm(const importer *im, uint32_t place)
{
    const vit158_source_tensor *tensor = vit158_import_at(im, place);
    return strstr(tensor->name, "attn.proj.norm.") == NULL &&
           strstr(tensor->name, "mlp.fc2.norm.") == NULL;
}

/* A norm without a bias may be an RMSNorm, and the wrong one still gives an answer. */
static vit158_status check_biases(const importer *im)
{
    const uint32_t norms[] = {
        im->norm_place, VIT158_PLACE_FC_NORM_WEIGHT, VIT158_PLACE_NORM_PRE_WEIGHT,
        vit158_place_in(0, VIT158_IN_NORM1_WEIGHT), vit158_place_in(0, VIT158_IN_NORM2_WEIGHT)};
    for (size_t i = 0; i < sizeof norms / sizeof norms[0]; i++) {
        if (has(im, norms[i]) && !has(im, norms[i] + 1) && !said_is(im, "norm", "layer"))
            return vit158_fail(im->error, VIT158_E_UNSUPPORTED,
                               "%s: its norms have no bias. RMSNorms, which have none, the engine "
                               "does not compute; if these are LayerNorms, say so with --metadata, "
                               "{\"norm\":\"layer\"}",
                               im->weight_file);
    }
    return VIT158_OK;
}

static vit158_status find_inner_norms(importer *im)
{
    vit158_variant *v = &im->variant;
    bool bias = true;
    for (uint32_t linear = 0; linear < VIT158_BLOCK_LINEARS; linear++) {
        const uint32_t place = vit158_place_in(0, VIT158_IN_INNER_NORMS + 2 * linear);
        if (!has(im, place))
            continue;
        v->inner_norms |= 1U << linear;
        bias &= has(im, place + 1);
        im->scale_norms |= is_scale_norm(im, place);
    }
    v->inner_rms = said_is(im, "inner_norm", "rms");
    if (v->inner_norms != 0 && !bias && vit158_import_said(im, "inner_norm") == NULL)
        return vit158_fail(im->error, VIT158_E_METADATA,
                           "%s: its norms before matrices have no bias, so they may be RMSNorms: "
                           "say which with --metadata, {\"inner_norm\":\"rms\"} or \"layer\"",
                           im->weight_file);
    if (v->inner_rms && bias && v->inner_norms != 0)
        return vit158_fail(im->error, VIT158_E_METADATA,
                           "--metadata: inner_norm is rms, but the norms have biases");
    return VIT158_OK;
}

vit158_status vit158_import_variant(importer *im)
{
    im->norm_place = VIT158_PLACE_NORM_WEIGHT;
    VIT158_RETURN_IF_ERROR(find_prefix(im));
    VIT158_RETURN_IF_ERROR(find_pooling(im));
    VIT158_RETURN_IF_ERROR(find_head(im));
    VIT158_RETURN_IF_ERROR(find_activation(im));
    VIT158_RETURN_IF_ERROR(check_biases(im));
    VIT158_RETURN_IF_ERROR(find_inner_norms(im));
    /* Of timm's plain models all but those with norm_pre (CLIP's) have 1e-6. */
    if (im->places.family == VIT158_FAMILY_TIMM && im->variant.norm_pre)
        memcpy(im->settings.norm_eps, "1e-5", 5);
    return VIT158_OK;
}
