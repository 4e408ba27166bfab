/* SPDX-License-Identifier: MIT
 *
 * Hugging Face's texts: config.json of ViT and DeiT, and preprocessor_config.json.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "import/config_table.h"

typedef vit158_config config;
typedef vit158_json_value value;

/* ---- config.json ---- */

static vit158_status take_depth(config *c, const value *v)
{
    return vit158_config_count(c, &c->out->depth, v);
}

static vit158_status take_heads(config *c, const value *v)
{
    return vit158_config_count(c, &c->out->heads, v);
}

static vit158_status take_mlp_dim(config *c, const value *v)
{
    return vit158_config_count(c, &c->out->mlp_dim, v);
}

static vit158_status take_channels(config *c, const value *v)
{
    return vit158_config_count(c, &c->out->channels, v);
}

static vit158_status take_classes(config *c, const value *v)
{
    return vit158_config_count(c, &c->out->classes, v);
}

static vit158_status take_image_size(config *c, const value *v)
{
    return vit158_config_side(c, &c->out->image_size, v);
}

static vit158_status take_patch_size(config *c, const value *v)
{
    return vit158_config_side(c, &c->out->patch_size, v);
}

static vit158_status take_eps(config *c, const value *v)
{
    if (!vit158_json_number_text(c->out->norm_eps, sizeof c->out->norm_eps, v))
        return vit158_config_bad(c, VIT158_E_METADATA, "a number is expected");
    return VIT158_OK;
}

static vit158_status take_architectures(config *c, const value *v)
{
    vit158_json_in in = vit158_json_in_of(v);
    if (v->kind == VIT158_JSON_NULL)
        return VIT158_OK;
    vit158_json_in_enter(&in, '[');
    while (vit158_json_in_next(&in, ']')) {
        vit158_json_string name;
        if (!vit158_json_in_text(&in, &name))
            break;
        c->out->classifier |=
            !vit158_json_is(&name, "ViTModel") && !vit158_json_is(&name, "DeiTModel");
        if (vit158_json_is(&name, "DeiTForImageClassificationWithTeacher"))
            c->out->distilled = true;
        else if (!vit158_json_is(&name, "ViTForImageClassification") &&
                 !vit158_json_is(&name, "ViTModel") && !vit158_json_is(&name, "DeiTModel") &&
                 !vit158_json_is(&name, "DeiTForImageClassification") &&
                 !vit158_json_is(&name, "TimmWrapperForImageClassification"))
            return vit158_config_bad(c, VIT158_E_UNSUPPORTED,
                                     "only classifiers are imported, and models without a head: "
                                     "ViTForImageClassification, DeiTForImageClassification, "
                                     "DeiTForImageClassificationWithTeacher, ViTModel, DeiTModel");
    }
    return in.problem == NULL ? VIT158_OK
                              : vit158_config_bad(c, VIT158_E_METADATA, "names are expected");
}

static vit158_status take_pruned(config *c, const value *v)
{
    if (v->kind == VIT158_JSON_NULL || (v->kind == VIT158_JSON_OBJECT && v->raw.raw_bytes == 2))
        return VIT158_OK;
    return vit158_config_bad(c, VIT158_E_UNSUPPORTED, "models with pruned heads are not computed");
}

static const vit158_config_key hf_keys[] = {{"model_type", NULL},
                                            {"architectures", take_architectures},
                                            {"hidden_size", vit158_config_dim},
                                            {"num_hidden_layers", take_depth},
                                            {"num_attention_heads", take_heads},
                                            {"intermediate_size", take_mlp_dim},
                                            {"num_channels", take_channels},
                                            {"num_labels", take_classes},
                                            {"image_size", take_image_size},
                                            {"patch_size", take_patch_size},
                                            {"layer_norm_eps", take_eps},
                                            {"hidden_act", vit158_config_activation},
                                            {"problem_type", vit158_config_problem},
                                            {"id2label", vit158_config_id2label},
                                            {"pruned_heads", take_pruned},
                                            /* said by the tensors' names and shapes */
                                            {"qkv_bias", NULL},
                                            /* the other way round of id2label */
                                            {"label2id", NULL},
                                            /* of training */
                                            {"attention_probs_dropout_prob", NULL},
                                            {"hidden_dropout_prob", NULL},
                                            {"drop_path_rate", NULL},
                                            {"initializer_range", NULL},
                                            /* of other tasks and outputs */
                                            {"encoder_stride", NULL},
                                            {"use_mask_token", NULL},
                                            {"pooler_act", NULL},
                                            {"pooler_output_size", NULL},
                                            {"return_dict", NULL},
                                            {"output_attentions", NULL},
                                            {"output_hidden_states", NULL},
                                            {"is_encoder_decoder", NULL},
                                            {"is_decoder", NULL},
                                            {"tie_word_embeddings", NULL},
                                            {"use_cache", NULL},
                                            {"chunk_size_feed_forward", NULL},
                                            /* of the library */
                                            {"_name_or_path", NULL},
                                            {"_attn_implementation", NULL},
                                            {"_attn_implementation_autoset", NULL},
                                            {"_commit_hash", NULL},
                                            {"finetuning_task", NULL},
                                            {"torch_dtype", NULL},
                                            {"dtype", NULL},
                                            {"torchscript", NULL},
                                            {"transformers_version", NULL}};

vit158_status vit158_config_hf(config *c, const value *object)
{
    /* What the library takes where the file says nothing. */
    memcpy(c->out->norm_eps, "1e-12", 6);
    c->out->pooling = VIT158_POOLING_SAID_CLS;
    return vit158_config_read(c, object, hf_keys, sizeof hf_keys / sizeof hf_keys[0]);
}

/* ---- preprocessor_config.json ---- */

static vit158_status take_resample(config *c, const value *v)
{
    uint32_t filter = 0;
    if (v->kind == VIT158_JSON_NULL)
        return VIT158_OK;
    if (!vit158_json_u32(&filter, v) || (filter != 2 && filter != 3))
        return vit158_config_bad(c, VIT158_E_UNSUPPORTED,
                                 "2 (bilinear) and 3 (bicubic) are computed here");
    vit158_format(c->out->interpolation, sizeof c->out->interpolation, "%s",
                  filter == 2 ? "bilinear" : "bicubic");
    return VIT158_OK;
}

static vit158_status must_resize(config *c, const value *v)
{
    return vit158_config_must_be(c, v, true, "images are always resized here");
}

static vit158_status must_rescale(config *c, const value *v)
{
    return vit158_config_must_be(c, v, true, "bytes are always divided by 255 here");
}

static vit158_status take_normalize(config *c, const value *v)
{
    return vit158_config_must_be(c, v, true,
                                 "images are always normalised here; say true with a "
                                 "mean of 0 and a std of 1");
}

static vit158_status take_rescale(config *c, const value *v)
{
    char text[32];
    if (v->kind == VIT158_JSON_NULL)
        return VIT158_OK;
    if (!vit158_json_number_text(text, sizeof text, v) ||
        strncmp(text, "0.003921568627", 14) != 0 || strlen(text) > 20)
        return vit158_config_bad(c, VIT158_E_UNSUPPORTED, "only 1/255 is computed here");
    return VIT158_OK;
}

static vit158_status take_center_crop(config *c, const value *v)
{
    c->center_crop = v->kind == VIT158_JSON_TRUE;
    return v->kind <= VIT158_JSON_TRUE
               ? VIT158_OK
               : vit158_config_bad(c, VIT158_E_METADATA, "true or false is expected");
}

static vit158_status take_crop_pct(config *c, const value *v)
{
    if (v->kind == VIT158_JSON_NULL ||
        vit158_json_number_text(c->crop_fraction, sizeof c->crop_fraction, v))
        return VIT158_OK;
    return vit158_config_bad(c, VIT158_E_METADATA, "a number is expected");
}

/* {"height": h, "width": w}, {"shortest_edge": s} or a number. */
static vit158_status take_sides(const config *c, const value *v, uint32_t *square, uint32_t *edge)
{
    uint32_t sides[2] = {0, 0};
    if (v->kind != VIT158_JSON_OBJECT)
        return vit158_config_side(c, square, v);
    vit158_json_in in = vit158_json_in_of(v);
    vit158_json_in_enter(&in, '{');
    vit158_json_string key;
    value side;
    while (vit158_json_in_member(&in, &key, &side)) {
        uint32_t *place = vit158_json_is(&key, "height")                          ? &sides[0]
                          : vit158_json_is(&key, "width")                         ? &sides[1]
                          : edge != NULL && vit158_json_is(&key, "shortest_edge") ? edge
                                                                                  : NULL;
        if (place == NULL)
            return vit158_config_bad(c, VIT158_E_UNSUPPORTED,
                                     "height and width, or shortest_edge, are expected");
        if (!vit158_json_u32(place, &side) || *place == 0)
            return vit158_config_bad(c, VIT158_E_METADATA, "whole numbers above 0 are expected");
    }
    if (sides[0] != sides[1])
        return vit158_config_bad(c, VIT158_E_UNSUPPORTED, "only squares are computed here");
    if ((sides[0] != 0) == (edge != NULL && *edge != 0))
        return vit158_config_bad(c, VIT158_E_METADATA,
                                 "height and width, or shortest_edge, are expected");
    *square = sides[0];
    return VIT158_OK;
}

static vit158_status take_size(config *c, const value *v)
{
    uint32_t square = 0;
    VIT158_RETURN_IF_ERROR(take_sides(c, v, &square, &c->shortest_edge));
    c->out->squash = square != 0;
    c->out->resize = square != 0 ? square : c->shortest_edge;
    return VIT158_OK;
}

static vit158_status take_crop_size(config *c, const value *v)
{
    return take_sides(c, v, &c->crop, NULL);
}

static const vit158_config_key preprocessor_keys[] = {{"do_resize", must_resize},
                                                      {"do_rescale", must_rescale},
                                                      {"do_normalize", take_normalize},
                                                      {"do_center_crop", take_center_crop},
                                                      {"size", take_size},
                                                      {"crop_size", take_crop_size},
                                                      {"crop_pct", take_crop_pct},
                                                      {"resample", take_resample},
                                                      {"rescale_factor", take_rescale},
                                                      {"image_mean", vit158_config_mean},
                                                      {"image_std", vit158_config_std},
                                                      /* names and formats, not numbers */
                                                      {"feature_extractor_type", NULL},
                                                      {"image_processor_type", NULL},
                                                      {"processor_class", NULL},
                                                      {"do_convert_rgb", NULL},
                                                      {"data_format", NULL},
                                                      {"input_data_format", NULL},
                                                      {"return_tensors", NULL},
                                                      {"default_to_square", NULL},
                                                      {"disable_grouping", NULL},
                                                      {"device", NULL},
                                                      {"_processor_class", NULL},
                                                      {"_valid_processor_keys", NULL}};

/* What the keys amount to: the crop is what the model takes. */
static vit158_status conclude(config *c)
{
    vit158_settings *out = c->out;
    const uint32_t crop = c->center_crop ? c->crop : 0;
    if (c->center_crop && crop == 0)
        return vit158_fail(c->error, VIT158_E_METADATA, "%s: do_center_crop without crop_size",
                           c->file);
    if (crop != 0 && out->image_size != 0 && crop != out->image_size)
        return vit158_fail(c->error, VIT158_E_METADATA,
                           "%s: crop_size is %u, but the model takes %u", c->file, crop,
                           out->image_size);
    if (crop == 0 && out->squash && out->image_size != 0 && out->resize != out->image_size)
        return vit158_fail(c->error, VIT158_E_METADATA, "%s: size is %u, but the model takes %u",
                           c->file, out->resize, out->image_size);
    if (c->crop_fraction[0] != 0 && c->shortest_edge != 0) {
        memcpy(out->crop_pct, c->crop_fraction, sizeof out->crop_pct);
        out->resize = 0;
    }
    if (out->interpolation[0] == 0)
        memcpy(out->interpolation, "bilinear", 9); /* the library's default */
    return VIT158_OK;
}

static vit158_status read_preprocessor(config *c, const char *text, size_t n_bytes)
{
    value root;
    vit158_json_in in = vit158_json_in_over(text, n_bytes);
    vit158_json_in_value(&in, &root);
    vit158_json_in_end(&in);
    if (in.problem != NULL)
        return vit158_fail(c->error, VIT158_E_JSON, "%s: %s at byte %zu", c->file, in.problem,
                           in.position);
    VIT158_RETURN_IF_ERROR(vit158_config_read(
        c, &root, preprocessor_keys, sizeof preprocessor_keys / sizeof preprocessor_keys[0]));
    return conclude(c);
}

vit158_status vit158_settings_preprocessor(vit158_settings *out, const vit158_import_files *files,
                                           vit158_error *error)
{
    static const char name[] = "preprocessor_config.json";
    char *text = NULL;
    size_t n_bytes = 0;
    if (!vit158_import_exists(files, name))
        return VIT158_OK;
    VIT158_RETURN_IF_ERROR(vit158_import_read_text(&text, &n_bytes, files, name, error));
    config c = {.out = out, .file = name, .error = error};
    const vit158_status status = read_preprocessor(&c, text, n_bytes);
    free(text);
    return status;
}
