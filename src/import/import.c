/* SPDX-License-Identifier: MIT */
#include "import/import.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "import/importer.h"
#include "model/metadata_json.h"

typedef vit158_importer importer;

/* ---- Opening ---- */

/* The folder's weights: safetensors before pickles, whole before shards. */
static vit158_status find_weights(importer *im)
{
    static const char *const names[] = {"model.safetensors", "model.safetensors.index.json",
                                        "pytorch_model.bin", "pytorch_model.bin.index.json"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (vit158_import_exists(im->files, names[i])) {
            im->weight_file = names[i];
            return VIT158_OK;
        }
    }
    return vit158_fail(im->error, VIT158_E_IO,
                       "the folder has neither model.safetensors (or its index.json with shards) "
                       "nor pytorch_model.bin: download the weights, or name the file itself");
}

static vit158_status check_foreign(const importer *im)
{
    const vit158_header *own = vit158_source_metadata(&im->source);
    const char *format = own != NULL ? vit158_header_metadata(own, "format") : NULL;
    if (format == NULL || strcmp(format, "vit158") != 0)
        return VIT158_OK;
    return vit158_fail(im->error, VIT158_E_UNSUPPORTED,
                       "%s is a vit158 model already: it opens as it is", im->weight_file);
}

static vit158_status open_weights(importer *im)
{
    VIT158_RETURN_IF_ERROR(vit158_source_open(&im->source, im->files, im->weight_file, im->error));
    VIT158_RETURN_IF_ERROR(check_foreign(im));
    return vit158_places_find(&im->places, &im->source, im->error);
}

static vit158_status open_folder(importer *im)
{
    bool hugging_face = false;
    if (!vit158_import_exists(im->files, "config.json"))
        return vit158_fail(im->error, VIT158_E_IO,
                           "the folder has no config.json: give a folder as Hugging Face or timm "
                           "write it, or the weight file itself");
    VIT158_RETURN_IF_ERROR(
        vit158_settings_config(&im->settings, &hugging_face, im->files, im->error));
    if (hugging_face)
        VIT158_RETURN_IF_ERROR(vit158_settings_preprocessor(&im->settings, im->files, im->error));
    im->recipe_from = hugging_face ? "preprocessor_config.json" : "config.json";
    VIT158_RETURN_IF_ERROR(find_weights(im));
    VIT158_RETURN_IF_ERROR(open_weights(im));
    const bool hf_names =
        im->places.family == VIT158_FAMILY_HF4 || im->places.family == VIT158_FAMILY_HF5;
    if (hugging_face != hf_names)
        return vit158_fail(im->error, VIT158_E_TENSOR,
                           "config.json is of %s, but %s has names of %s",
                           hugging_face ? "Hugging Face's ViT" : "timm", im->weight_file,
                           vit158_family_name(im->places.family));
    return VIT158_OK;
}

static vit158_status open_file(importer *im)
{
    im->weight_file = im->options->file;
    VIT158_RETURN_IF_ERROR(open_weights(im));
    if (im->places.family == VIT158_FAMILY_HF4 || im->places.family == VIT158_FAMILY_HF5)
        return vit158_fail(im->error, VIT158_E_METADATA,
                           "%s has Hugging Face's names, whose numbers stand in config.json beside "
                           "it: give the folder, vit158 import FOLDER -o OUT.safetensors",
                           im->weight_file);
    return VIT158_OK;
}

/* ---- Additional metadata ---- */

static vit158_status parse_extra(importer *im)
{
    const char *json = im->options->metadata_json;
    if (json == NULL)
        return VIT158_OK;
    vit158_error reason;
    const vit158_status status = vit158_metadata_of_json(&im->extra, json, strlen(json), &reason);
    if (status == VIT158_OK)
        return VIT158_OK;
    return vit158_fail(im->error, status == VIT158_E_MEMORY ? status : VIT158_E_METADATA,
                       "--metadata: a JSON object of strings is expected, such as "
                       "{\"heads\":\"3\",\"mean\":\"0.5,0.5,0.5\"}");
}

/* ---- */

static vit158_status run(importer *im)
{
    im->folder = im->options->file == NULL;
    VIT158_RETURN_IF_ERROR(parse_extra(im));
    VIT158_RETURN_IF_ERROR(im->folder ? open_folder(im) : open_file(im));
    if (im->options->labels != NULL)
        VIT158_RETURN_IF_ERROR(vit158_settings_labels(&im->settings, im->options->labels,
                                                      im->options->labels_bytes, im->error));
    VIT158_RETURN_IF_ERROR(vit158_import_plan(im));
    VIT158_RETURN_IF_ERROR(vit158_import_tensors(im));
    return vit158_import_metadata(im);
}

vit158_status vit158_import_run(vit158_draft *draft, vit158_import_report *report,
                                const vit158_import_files *files,
                                const vit158_import_options *options, vit158_error *error)
{
    *draft = vit158_draft_start(options->weights == VIT158_IMPORT_F32 ? VIT158_DTYPE_F32
                                                                      : VIT158_DTYPE_F16);
    importer *im = calloc(1, sizeof *im);
    if (im == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to import a model");
    im->files = files;
    im->options = options;
    im->draft = draft;
    im->error = error;
    const vit158_status status = run(im);
    if (status == VIT158_OK)
        vit158_import_word_report(report, im);
    vit158_source_clear(&im->source);
    vit158_settings_clear(&im->settings);
    vit158_header_clear(&im->extra);
    free(im);
    return status;
}
