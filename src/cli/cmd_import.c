/* SPDX-License-Identifier: MIT
 *
 * vit158 import: from a Vision Transformer of timm, Hugging Face or PyTorch to a model file.
 */
#define _POSIX_C_SOURCE 200809L
#include "cli/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/folder.h"
#include "cli/console.h"
#include "cli/files.h"
#include "cli/import_accuracy.h"
#include "cli/import_folder.h"
#include "cli/import_verify.h"
#include "cli/options.h"
#include "import/import.h"

typedef struct request {
    const char *source;
    const char *out;
    const char *labels;
    const char *metadata;
    const char *verify;
    vit158_import_options options;
} request;

static double megabytes(uint64_t bytes)
{
    return (double)bytes / 1e6;
}

static void print_report(const vit158_import_report *report, const char *out,
                         const vit158_model_info *info)
{
    vit158_print_safely(stdout, report->text);
    printf("\n%s: %llu bytes; --weights f16 gives %.2f MB, i8 %.2f MB, f32 %.2f MB\n", out,
           (unsigned long long)info->file_bytes, megabytes(report->f16_bytes),
           megabytes(report->i8_bytes), megabytes(report->f32_bytes));
}

/* On labelled images, against the source with all of its precision. */
static int verify_by_images(request *r, const vit158_import_files *files)
{
    vit158_error error;
    vit158_draft draft = {0};
    vit158_import_report report;
    bool passed = false;
    vit158_import_options options = r->options;
    options.weights = VIT158_IMPORT_F32;
    char *path = malloc(strlen(r->out) + sizeof ".source.tmp");
    if (path == NULL)
        return vit158_complain("import", r->verify,
                               &(vit158_error){VIT158_E_MEMORY, "not enough memory"});
    sprintf(path, "%s.source.tmp", r->out);
    vit158_status status = vit158_import_run(&draft, &report, files, &options, &error);
    if (status == VIT158_OK)
        status = vit158_draft_write(&draft, path, NULL, &error);
    vit158_draft_clear(&draft);
    if (status == VIT158_OK)
        status = vit158_import_accuracy(&passed, path, r->out, r->verify, &error);
    remove(path);
    free(path);
    if (status != VIT158_OK)
        return vit158_complain("import", r->verify, &error);
    return passed ? VIT158_EXIT_OK : VIT158_EXIT_FAILED;
}

static int verify(const request *r)
{
    vit158_error error;
    bool passed;
    const bool exact = r->options.weights == VIT158_IMPORT_F32;
    if (vit158_import_verify(&passed, r->out, r->verify, exact, &error) != VIT158_OK)
        return vit158_complain("import", r->verify, &error);
    return passed ? VIT158_EXIT_OK : VIT158_EXIT_FAILED;
}

static int import(request *r)
{
    vit158_error error;
    vit158_import_folder *folder = NULL;
    vit158_draft draft = {0};
    vit158_import_report report;
    vit158_model_info info;
    vit158_import_files files;
    vit158_status status =
        vit158_import_folder_open(&folder, &files, &r->options.file, r->source, &error);
    if (status != VIT158_OK)
        return vit158_complain("import", r->source, &error);
    status = vit158_import_run(&draft, &report, &files, &r->options, &error);
    if (status == VIT158_OK)
        status = vit158_draft_write(&draft, r->out, &info, &error);
    vit158_draft_clear(&draft);
    int result = VIT158_EXIT_OK;
    if (status == VIT158_OK) {
        print_report(&report, r->out, &info);
        if (r->verify != NULL)
            result = vit158_is_folder(r->verify) ? verify_by_images(r, &files) : verify(r);
    } else {
        result = vit158_complain("import", r->source, &error);
    }
    vit158_import_folder_close(folder);
    return result;
}

static int import_with_texts(request *r)
{
    vit158_error error;
    uint8_t *labels = NULL;
    uint8_t *metadata = NULL;
    size_t ignored;
    int result = VIT158_EXIT_OK;
    if (r->labels != NULL && vit158_input_read(&labels, &r->options.labels_bytes, r->labels,
                                               VIT158_MAX_METADATA_BYTES, &error) != VIT158_OK)
        result = vit158_complain("import", r->labels, &error);
    else if (r->metadata != NULL &&
             vit158_input_read(&metadata, &ignored, r->metadata, VIT158_MAX_METADATA_BYTES,
                               &error) != VIT158_OK)
        result = vit158_complain("import", r->metadata, &error);
    r->options.labels = (const char *)labels;
    r->options.metadata_json = (const char *)metadata;
    if (result == VIT158_EXIT_OK)
        result = import(r);
    free(labels);
    free(metadata);
    return result;
}

int vit158_cmd_import(int argc, char **argv)
{
    static const char *const weight_names[] = {"f16", "i8", "f32", NULL};
    request r = {0};
    uint32_t weights = VIT158_IMPORT_F16;
    const vit158_option options[] = {
        {.name = "--output",
         .letter = "-o",
         .placeholder = "FILE",
         .help = "the model to write (required)",
         .kind = VIT158_OPTION_TEXT,
         .value = &r.out},
        {.name = "--weights",
         .help = "how weights are stored; default f16; i8 is what a page should load",
         .kind = VIT158_OPTION_CHOICE,
         .value = &weights,
         .choices = weight_names},
        {.name = "--heads",
         .placeholder = "N",
         .help = "number of heads, if the source does not state it",
         .kind = VIT158_OPTION_UINT,
         .value = &r.options.heads,
         .min = 1,
         .max = 256},
        {.name = "--size",
         .placeholder = "S",
         .help = "side of the images; position embeddings are resized; default the source's",
         .kind = VIT158_OPTION_UINT,
         .value = &r.options.image_size,
         .min = 1,
         .max = 2048},
        {.name = "--labels",
         .placeholder = "FILE",
         .help = "names of the classes, one per line or a JSON array",
         .kind = VIT158_OPTION_TEXT,
         .value = &r.labels},
        {.name = "--metadata",
         .placeholder = "FILE",
         .help = "JSON object of strings that replaces or adds metadata (mean, std, license, ...)",
         .kind = VIT158_OPTION_TEXT,
         .value = &r.metadata},
        {.name = "--verify",
         .placeholder = "FILE|FOLDER",
         .help = "safetensors with pixel_values and PyTorch's logits to compare with, or labelled "
                 "images, a folder for each class",
         .kind = VIT158_OPTION_TEXT,
         .value = &r.verify},
    };
    const vit158_usage usage = {
        .synopsis = "import SOURCE -o OUT.safetensors [options]",
        .about =
            "Converts a Vision Transformer from another library. SOURCE is a folder of Hugging "
            "Face or timm (config.json and weights), or a weight file: safetensors of timm or "
            "torchvision, or what torch.save wrote (.pth, .bin; read, never executed). Prints what "
            "was converted and what was assumed; refuses what the engine cannot compute.",
        .options = options,
        .option_count = sizeof options / sizeof *options,
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Exit codes: 0 success, 1 it could not be imported or failed to verify, 2 wrong "
                 "usage."};
    vit158_arguments arguments;
    const int parsed = vit158_parse_options(&usage, &arguments, argc, argv);
    if (parsed != VIT158_PARSE_OK)
        return parsed;
    if (r.out == NULL)
        return vit158_options_mistake("import", "say where to write with -o FILE");
    r.source = arguments.values[0];
    r.options.weights = (vit158_import_weights)weights;
    return import_with_texts(&r);
}
