/* SPDX-License-Identifier: MIT
 *
 * vit158 pack: from a checkpoint with float weights to a packed model file.
 */
#include "cli/commands.h"

#include <stdio.h>

#include "cli/console.h"
#include "cli/options.h"
#include "model/pack.h"

static void print_report(const vit158_pack_report *report, const char *path)
{
    const vit158_model_info *info = &report->info;
    printf("%s: %llu bytes, %llu parameters, %llu of them ternary (%.1f %% zeros)\n", path,
           (unsigned long long)info->file_bytes, (unsigned long long)info->parameters,
           (unsigned long long)info->ternary_parameters,
           100.0 * (double)report->zeros / (double)info->ternary_parameters);
    if (report->untrained)
        fprintf(stderr, "vit158 pack: warning: these matrices were not trained to be ternary; "
                        "expect the model to have lost its accuracy\n");
}

int vit158_cmd_pack(int argc, char **argv)
{
    static const char *const rest_names[] = {"f16", "f32", NULL};
    const char *out = NULL;
    uint32_t rest = 0;
    bool ternarize = false;
    const vit158_option options[] = {
        {.name = "--output",
         .letter = "-o",
         .placeholder = "FILE",
         .help = "the packed model to write (required)",
         .kind = VIT158_OPTION_TEXT,
         .value = &out},
        {.name = "--rest",
         .help = "how everything but the ternary matrices is stored; default f16",
         .kind = VIT158_OPTION_CHOICE,
         .value = &rest,
         .choices = rest_names},
        {.name = "--ternarize",
         .help = "also take a model that was not trained to be ternary; its accuracy is lost",
         .kind = VIT158_OPTION_FLAG,
         .value = &ternarize},
    };
    const vit158_usage usage = {
        .synopsis = "pack IN.safetensors -o OUT.safetensors [options]",
        .about =
            "Turns a checkpoint with float weights into a packed model: trit codes and a scale "
            "for the four matrices of each block, everything else F16 or F32, metadata kept and "
            "completed. The new file is read back before it gets its name.",
        .options = options,
        .option_count = sizeof options / sizeof *options,
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Exit codes: 0 all went well, 1 it could not be packed, 2 wrong command line."};
    vit158_arguments arguments;
    const int parsed = vit158_parse_options(&usage, &arguments, argc, argv);
    if (parsed != VIT158_PARSE_OK)
        return parsed;
    if (out == NULL) {
        fprintf(stderr, "vit158 pack: say where to write with -o FILE\n");
        return VIT158_EXIT_USAGE;
    }
    const vit158_pack_options pack = {.rest = rest == 0 ? VIT158_DTYPE_F16 : VIT158_DTYPE_F32,
                                      .ternarize = ternarize};
    vit158_pack_report report;
    vit158_error error;
    if (vit158_pack_file(arguments.values[0], out, &pack, &report, &error) != VIT158_OK)
        return vit158_complain(argv[0], arguments.values[0], &error);
    print_report(&report, out);
    return VIT158_EXIT_OK;
}
