/* SPDX-License-Identifier: MIT
 *
 * vit158 pack: from a checkpoint with float weights to a packed model file.
 */
#include "cli/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/console.h"
#include "cli/files.h"
#include "cli/model_advice.h"
#include "cli/options.h"
#include "model/pack.h"

static void print_report(const vit158_pack_report *report, const char *path)
{
    const vit158_model_info *info = &report->info;
    printf("%s: %llu bytes, %llu parameters", path, (unsigned long long)info->file_bytes,
           (unsigned long long)info->parameters);
    if (info->ternary_parameters > 0)
        printf(", %llu of them ternary (%.1f %% zeros)",
               (unsigned long long)info->ternary_parameters,
               100.0 * (double)report->zeros / (double)info->ternary_parameters);
    putchar('\n');
    if (report->kept > 0)
        printf("%u of its %u matrices were ternary already and keep their scales\n", report->kept,
               4 * info->depth);
    if (report->untrained && info->ternary_parameters > 0)
        fprintf(stderr, "vit158 pack: warning: these matrices were not trained to be ternary; "
                        "expect the model to have lost its accuracy\n");
}

static int pack(const char *in, const char *out, const char *metadata, vit158_pack_options options)
{
    vit158_error error;
    uint8_t *text = NULL;
    size_t n_bytes;
    if (metadata != NULL && vit158_input_read(&text, &n_bytes, metadata, VIT158_MAX_METADATA_BYTES,
                                              &error) != VIT158_OK)
        return vit158_complain("pack", metadata, &error);
    options.metadata_json = (const char *)text;
    vit158_pack_report report;
    const vit158_status status = vit158_pack_file(in, out, &options, &report, &error);
    free(text);
    if (status != VIT158_OK) {
        vit158_advise(in, &error);
        return vit158_complain("pack", in, &error);
    }
    print_report(&report, out);
    return VIT158_EXIT_OK;
}

int vit158_cmd_pack(int argc, char **argv)
{
    static const char *const rest_names[] = {"f16", "f32", "bf16", NULL};
    const char *out = NULL;
    uint32_t rest = 0;
    bool ternarize = false;
    bool keep_float = false;
    bool int8 = false;
    const char *metadata = NULL;
    const vit158_option options[] = {
        {.name = "--output",
         .letter = "-o",
         .placeholder = "FILE",
         .help = "the packed model to write (required)",
         .kind = VIT158_OPTION_TEXT,
         .value = &out},
        {.name = "--rest",
         .help = "how to store everything except the coded matrices; default f16",
         .kind = VIT158_OPTION_CHOICE,
         .value = &rest,
         .choices = rest_names},
        {.name = "--ternarize",
         .help = "accept a model that was not trained to be ternary; its accuracy is lost",
         .kind = VIT158_OPTION_FLAG,
         .value = &ternarize},
        {.name = "--int8",
         .help = "store int8 matrices with one scale per output instead of ternary ones",
         .kind = VIT158_OPTION_FLAG,
         .value = &int8},
        {.name = "--float",
         .help = "keep the matrices as floats, stored like the rest",
         .kind = VIT158_OPTION_FLAG,
         .value = &keep_float},
        {.name = "--metadata",
         .placeholder = "FILE",
         .help = "JSON object of strings that replaces or adds metadata (heads, mean, labels, ...)",
         .kind = VIT158_OPTION_TEXT,
         .value = &metadata},
    };
    const vit158_usage usage = {
        .synopsis = "pack IN.safetensors -o OUT.safetensors [options]",
        .about =
            "Packs a checkpoint with float weights: the four matrices of each block become trit "
            "codes with a scale (or int8, or float), everything else F16, BF16 or F32. Metadata is "
            "kept and completed. The new file is read back before it gets its name.",
        .options = options,
        .option_count = sizeof options / sizeof *options,
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Exit codes: 0 success, 1 it could not be packed, 2 wrong usage."};
    vit158_arguments arguments;
    const int parsed = vit158_parse_options(&usage, &arguments, argc, argv);
    if (parsed != VIT158_PARSE_OK)
        return parsed;
    if (out == NULL)
        return vit158_options_mistake("pack", "say where to write with -o FILE");
    if (ternarize + keep_float + int8 > 1)
        return vit158_options_mistake("pack", "--ternarize, --int8 and --float exclude each other");
    static const vit158_dtype rests[] = {VIT158_DTYPE_F16, VIT158_DTYPE_F32, VIT158_DTYPE_BF16};
    const vit158_pack_options choice = {.matrices = ternarize    ? VIT158_PACK_TERNARIZE
                                                    : int8       ? VIT158_PACK_INT8
                                                    : keep_float ? VIT158_PACK_FLOAT
                                                                 : VIT158_PACK_TRAINED,
                                        .rest = rests[rest]};
    return pack(arguments.values[0], out, metadata, choice);
}
