/* SPDX-License-Identifier: MIT */
#include "model/recipe_read.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/json_in.h"
#include "model/metadata.h"

/* Images are resized to at most this, whatever crop_pct says. */
#define MAX_RESIZE 4096U

static vit158_status read_resize(vit158_recipe *recipe, const vit158_header *header,
                                 vit158_error *error)
{
    double crop_pct = 1.0;
    VIT158_RETURN_IF_ERROR(vit158_metadata_number(&crop_pct, header, "crop_pct", 0.0, 1.0, error));
    uint32_t resize = 0;
    VIT158_RETURN_IF_ERROR(vit158_metadata_count(&resize, header, "resize", MAX_RESIZE, error));
    if (resize == 0) { /* timm: floor(image_size / crop_pct) */
        const double side = (double)recipe->crop_size / crop_pct;
        if (side >= (double)MAX_RESIZE + 1.0)
            return vit158_fail(error, VIT158_E_LIMIT,
                               "metadata crop_pct: image_size / crop_pct is above the limit of %u",
                               MAX_RESIZE);
        resize = (uint32_t)side;
    }
    if (resize < recipe->crop_size)
        return vit158_fail(error, VIT158_E_METADATA,
                           "metadata resize: %u is less than the image size of %u", resize,
                           recipe->crop_size);
    recipe->resize_size = resize;
    return VIT158_OK;
}

static vit158_status read_resize_mode(vit158_recipe *recipe, const vit158_header *header,
                                      vit158_error *error)
{
    const char *name = vit158_header_metadata(header, "resize_mode");
    if (name == NULL || strcmp(name, "shortest") == 0) {
        recipe->resize_mode = VIT158_RESIZE_SHORTEST;
        return VIT158_OK;
    }
    if (strcmp(name, "squash") != 0)
        return vit158_fail(error, VIT158_E_UNSUPPORTED,
                           "metadata resize_mode: shortest or squash, not %s", name);
    recipe->resize_mode = VIT158_RESIZE_SQUASH;
    if (vit158_is_version_1(header)) /* whose readers ignore the key */
        return vit158_fail(error, VIT158_E_METADATA,
                           "metadata format_version: resize_mode squash needs version 2, not 1");
    return VIT158_OK;
}

static vit158_status read_filter(vit158_recipe *recipe, const vit158_header *header,
                                 vit158_error *error)
{
    const char *name = vit158_header_metadata(header, "interpolation");
    if (name == NULL || strcmp(name, "bicubic") == 0)
        recipe->filter = VIT158_FILTER_BICUBIC;
    else if (strcmp(name, "bilinear") == 0)
        recipe->filter = VIT158_FILTER_BILINEAR;
    else
        return vit158_fail(error, VIT158_E_UNSUPPORTED,
                           "metadata interpolation: bicubic or bilinear, not %s", name);
    return VIT158_OK;
}

vit158_status vit158_recipe_read(vit158_model *model, const vit158_header *header,
                                 vit158_error *error)
{
    vit158_recipe *recipe = &model->recipe;
    recipe->channels = model->info.channels;
    recipe->crop_size = model->info.image_size;
    VIT158_RETURN_IF_ERROR(read_resize(recipe, header, error));
    VIT158_RETURN_IF_ERROR(read_resize_mode(recipe, header, error));
    VIT158_RETURN_IF_ERROR(read_filter(recipe, header, error));
    VIT158_RETURN_IF_ERROR(vit158_metadata_numbers(recipe->mean, recipe->channels, header, "mean",
                                                   -100.0, 100.0, error));
    VIT158_RETURN_IF_ERROR(
        vit158_metadata_numbers(recipe->std, recipe->channels, header, "std", 1e-6, 100.0, error));
    double unsure = 0.0; /* for callers, who read the metadata */
    VIT158_RETURN_IF_ERROR(vit158_metadata_number(&unsure, header, "unsure", -DBL_MIN, 1.0, error));
    VIT158_RETURN_IF_ERROR(vit158_metadata_eps(&model->norm_eps, 1e-6, header, "norm_eps", error));
    return vit158_metadata_eps(&model->inner_norm_eps, 1e-5, header, "inner_norm_eps", error);
}

/* ---- Labels ---- */

/* Walks the array; with `labels`, decodes each string into `text`. Returns the number of strings,
 * or UINT32_MAX if the text is not an array of strings. */
static uint32_t walk_labels(const char **labels, char *text, const char *json, size_t n_bytes)
{
    vit158_json_in in = vit158_json_in_over(json, n_bytes);
    uint32_t count = 0;
    vit158_json_in_enter(&in, '[');
    while (vit158_json_in_next(&in, ']')) {
        vit158_json_string label;
        if (!vit158_json_in_text(&in, &label))
            break;
        if (labels != NULL) {
            labels[count] = text;
            text += vit158_json_string_decode(text, &label) + 1;
        }
        count++;
    }
    vit158_json_in_end(&in);
    return in.problem == NULL ? count : UINT32_MAX;
}

vit158_status vit158_labels_read(vit158_model *model, const vit158_header *header,
                                 vit158_error *error)
{
    const char *json = vit158_header_metadata(header, "labels");
    if (json == NULL)
        return VIT158_OK;
    const size_t n_bytes = strlen(json);
    const uint32_t count = walk_labels(NULL, NULL, json, n_bytes);
    if (count == UINT32_MAX)
        return vit158_fail(error, VIT158_E_METADATA,
                           "metadata labels is not a JSON array of strings");
    if (count != model->info.classes)
        return vit158_fail(error, VIT158_E_METADATA, "metadata labels: %u labels for %u classes",
                           count, model->info.classes);
    /* Each string's quotes pay for its NUL, so the text never outgrows the JSON. */
    const char **labels = malloc((count + 1) * sizeof *labels);
    model->labels_text = malloc(n_bytes);
    if (labels == NULL || model->labels_text == NULL) {
        free(labels);
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the labels");
    }
    walk_labels(labels, model->labels_text, json, n_bytes);
    model->labels = labels;
    model->labels_bytes = n_bytes + count * sizeof *labels;
    return VIT158_OK;
}
