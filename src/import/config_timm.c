/* SPDX-License-Identifier: MIT
 *
 * timm's config.json, bare or as Hugging Face's timm_wrapper writes it, and the choice between the
 * two libraries.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "import/config_table.h"

typedef vit158_config config;
typedef vit158_json_value value;

static vit158_status take_architecture(config *c, const value *v)
{
    if (!vit158_json_copy(c->out->architecture, sizeof c->out->architecture, v))
        return vit158_config_bad(c, VIT158_E_METADATA, "a name is expected");
    return VIT158_OK;
}

/* 0 where there is no head. */
static vit158_status take_classes(config *c, const value *v)
{
    uint32_t none = 1;
    if (vit158_json_u32(&none, v) && none == 0)
        return VIT158_OK;
    c->out->classifier = true;
    return vit158_config_count(c, &c->out->classes, v);
}

static vit158_status take_pool(config *c, const value *v)
{
    const bool average = v->kind == VIT158_JSON_TEXT && vit158_json_is(&v->raw, "avg");
    const bool token = v->kind == VIT158_JSON_TEXT && vit158_json_is(&v->raw, "token");
    if (average || token)
        c->out->pooling = average ? VIT158_POOLING_SAID_AVG : VIT158_POOLING_SAID_CLS;
    return vit158_config_only(c, v, average ? "avg" : "token",
                              "token and avg are computed here, and no other pooling");
}

static vit158_status not_with_prefix(config *c, const value *v)
{
    return vit158_config_must_be(c, v, false, "the mean is of the patches only here");
}

/* [channels, height, width] */
static vit158_status take_input_size(config *c, const value *v)
{
    uint32_t sides[3] = {0, 0, 0};
    unsigned count = 0;
    vit158_json_in in = vit158_json_in_of(v);
    vit158_json_in_enter(&in, '[');
    value side;
    while (vit158_json_in_element(&in, &side)) {
        if (count == 3 || !vit158_json_u32(&sides[count], &side) || sides[count] == 0)
            return vit158_config_bad(c, VIT158_E_METADATA,
                                     "channels, height and width are expected");
        count++;
    }
    if (count != 3)
        return vit158_config_bad(c, VIT158_E_METADATA, "channels, height and width are expected");
    if (sides[1] != sides[2])
        return vit158_config_bad(c, VIT158_E_UNSUPPORTED, "only squares are computed here");
    c->out->channels = sides[0];
    c->out->image_size = sides[1];
    return VIT158_OK;
}

static vit158_status take_interpolation(config *c, const value *v)
{
    if (!vit158_json_copy(c->out->interpolation, sizeof c->out->interpolation, v) ||
        (strcmp(c->out->interpolation, "bicubic") != 0 &&
         strcmp(c->out->interpolation, "bilinear") != 0))
        return vit158_config_bad(c, VIT158_E_UNSUPPORTED, "bicubic and bilinear are computed here");
    return VIT158_OK;
}

static vit158_status take_crop_pct(config *c, const value *v)
{
    if (v->kind == VIT158_JSON_NULL ||
        vit158_json_number_text(c->out->crop_pct, sizeof c->out->crop_pct, v))
        return VIT158_OK;
    return vit158_config_bad(c, VIT158_E_METADATA, "a number is expected");
}

static vit158_status take_crop_mode(config *c, const value *v)
{
    c->out->squash = v->kind == VIT158_JSON_TEXT && vit158_json_is(&v->raw, "squash");
    if (c->out->squash)
        return VIT158_OK;
    return vit158_config_only(c, v, "center", "center and squash are computed here");
}

static const vit158_config_key pretrained_keys[] = {{"input_size", take_input_size},
                                                    {"interpolation", take_interpolation},
                                                    {"crop_pct", take_crop_pct},
                                                    {"crop_mode", take_crop_mode},
                                                    {"mean", vit158_config_mean},
                                                    {"std", vit158_config_std},
                                                    {"num_classes", take_classes},
                                                    {"label_names", vit158_config_label_array},
                                                    {"label_descriptions", NULL},
                                                    /* at other sizes than the model's own */
                                                    {"test_input_size", NULL},
                                                    {"test_crop_pct", NULL},
                                                    {"min_input_size", NULL},
                                                    {"fixed_input_size", NULL},
                                                    {"pool_size", NULL},
                                                    /* where the weights come from */
                                                    {"url", NULL},
                                                    {"file", NULL},
                                                    {"state_dict", NULL},
                                                    {"hf_hub_id", NULL},
                                                    {"hf_hub_filename", NULL},
                                                    {"source", NULL},
                                                    {"architecture", NULL},
                                                    {"tag", NULL},
                                                    {"custom_load", NULL},
                                                    {"license", NULL},
                                                    {"description", NULL},
                                                    {"origin_url", NULL},
                                                    {"paper_name", NULL},
                                                    {"paper_ids", NULL},
                                                    {"notes", NULL},
                                                    /* names of layers */
                                                    {"first_conv", NULL},
                                                    {"classifier", NULL}};

static vit158_status take_pretrained(config *c, const value *v)
{
    return vit158_config_read(c, v, pretrained_keys,
                              sizeof pretrained_keys / sizeof pretrained_keys[0]);
}

/* Arguments that only say what names and shapes of the tensors say too. */
static const vit158_config_key argument_keys[] = {{"img_size", NULL},
                                                  {"patch_size", NULL},
                                                  {"embed_dim", NULL},
                                                  {"depth", NULL},
                                                  {"init_values", NULL},
                                                  {"no_embed_class", NULL},
                                                  {"class_token", NULL},
                                                  {"reg_tokens", NULL},
                                                  {"qkv_bias", NULL},
                                                  {"num_classes", NULL},
                                                  {"mlp_ratio", NULL},
                                                  {"pre_norm", NULL},
                                                  {"num_heads", NULL},
                                                  {"drop_rate", NULL},
                                                  {"drop_path_rate", NULL},
                                                  {"fc_norm", NULL},
                                                  {"dynamic_img_size", NULL},
                                                  {"scale_attn_norm", NULL},
                                                  {"scale_mlp_norm", NULL},
                                                  {"global_pool", take_pool},
                                                  {"act_layer", vit158_config_activation},
                                                  {"pool_include_prefix", not_with_prefix}};

static vit158_status take_arguments(config *c, const value *v)
{
    vit158_json_in in = vit158_json_in_of(v);
    if (v->kind != VIT158_JSON_OBJECT)
        return v->kind == VIT158_JSON_NULL
                   ? VIT158_OK
                   : vit158_config_bad(c, VIT158_E_METADATA, "an object is expected");
    vit158_json_in_enter(&in, '{');
    vit158_json_string key;
    value argument;
    while (vit158_json_in_member(&in, &key, &argument)) {
        if (vit158_json_is(&key, "num_heads"))
            VIT158_RETURN_IF_ERROR(vit158_config_count(c, &c->out->heads, &argument));
    }
    return vit158_config_read(c, v, argument_keys, sizeof argument_keys / sizeof argument_keys[0]);
}

static const vit158_config_key timm_keys[] = {{"architecture", take_architecture},
                                              {"num_classes", take_classes},
                                              {"num_features", vit158_config_dim},
                                              {"global_pool", take_pool},
                                              {"label_names", vit158_config_label_array},
                                              {"label_descriptions", NULL},
                                              {"id2label", vit158_config_id2label},
                                              {"label2id", NULL},
                                              {"problem_type", vit158_config_problem},
                                              {"pretrained_cfg", take_pretrained},
                                              {"model_args", take_arguments},
                                              {"model_type", NULL},
                                              {"architectures", NULL},
                                              {"do_pooling", NULL},
                                              {"initializer_range", NULL},
                                              {"_name_or_path", NULL},
                                              {"torch_dtype", NULL},
                                              {"dtype", NULL},
                                              {"transformers_version", NULL}};

static vit158_status config_of_timm(config *c, const value *object)
{
    memcpy(c->out->norm_eps, "1e-6", 5); /* of timm's VisionTransformer */
    return vit158_config_read(c, object, timm_keys, sizeof timm_keys / sizeof timm_keys[0]);
}

/* ---- Which of the two ---- */

static vit158_status choose(config *c, const value *root, bool *hugging_face)
{
    char type[48] = "";
    bool timm = false;
    vit158_json_in in = vit158_json_in_of(root);
    vit158_json_in_enter(&in, '{');
    vit158_json_string key;
    value v;
    while (vit158_json_in_member(&in, &key, &v)) {
        if (vit158_json_is(&key, "model_type") && !vit158_json_copy(type, sizeof type, &v))
            return vit158_fail(c->error, VIT158_E_METADATA,
                               "%s: key model_type: a name is expected", c->file);
        timm |= vit158_json_is(&key, "pretrained_cfg") || vit158_json_is(&key, "architecture");
    }
    *hugging_face = strcmp(type, "vit") == 0 || strcmp(type, "deit") == 0;
    if (*hugging_face)
        return vit158_config_hf(c, root);
    if (strcmp(type, "timm_wrapper") == 0 || (type[0] == 0 && timm))
        return config_of_timm(c, root);
    if (type[0] == 0)
        return vit158_fail(c->error, VIT158_E_METADATA,
                           "%s has no model_type: it is of no library known here", c->file);
    return vit158_fail(c->error, VIT158_E_UNSUPPORTED,
                       "%s: model_type %s is not a plain Vision Transformer: vit, deit and "
                       "timm_wrapper are imported",
                       c->file, type);
}

vit158_status vit158_settings_config(vit158_settings *out, bool *hugging_face,
                                     const vit158_import_files *files, vit158_error *error)
{
    static const char name[] = "config.json";
    char *text = NULL;
    size_t n_bytes = 0;
    value root = {0};
    VIT158_RETURN_IF_ERROR(vit158_import_read_text(&text, &n_bytes, files, name, error));
    config c = {.out = out, .file = name, .error = error};
    vit158_json_in in = vit158_json_in_over(text, n_bytes);
    vit158_json_in_value(&in, &root);
    vit158_json_in_end(&in);
    vit158_status status;
    if (in.problem != NULL)
        status =
            vit158_fail(error, VIT158_E_JSON, "%s: %s at byte %zu", name, in.problem, in.position);
    else if (root.kind != VIT158_JSON_OBJECT)
        status = vit158_fail(error, VIT158_E_JSON, "%s: an object is expected", name);
    else
        status = choose(&c, &root, hugging_face);
    free(text);
    return status;
}
