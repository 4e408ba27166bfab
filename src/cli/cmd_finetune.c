/* SPDX-License-Identifier: MIT
 *
 * vit158 finetune FOLDER --base MODEL -o OUT: from a folder of images to a packed ternary model.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/find_model.h"
#include "cli/options.h"
#include "model/pack.h"
#include "train/finetune.h"

static volatile int stop_request;

static void on_signal(int number)
{
    (void)number;
    stop_request = 1;
}

static vit158_status pack(const char *work, const char *out, vit158_pack_report *report,
                          vit158_error *error)
{
    char best[VIT158_TRAIN_RECIPE_TEXT + 64];
    snprintf(best, sizeof best, "%s/%s/best.safetensors", work,
             vit158_train_stage_name(VIT158_TRAIN_STAGE_TERNARY));
    const vit158_pack_options options = {.matrices = VIT158_PACK_TRAINED, .rest = VIT158_DTYPE_F16};
    return vit158_name_error(error, vit158_pack_file(best, out, &options, report, error), out);
}

static int finetune(vit158_train_finetune *how, const char *wanted, const char *out)
{
    vit158_error error;
    char *base = NULL;
    bool complete = false;
    vit158_pack_report report;
    vit158_status status =
        vit158_name_error(&error, vit158_find_model(&base, wanted, &error), wanted);
    how->base = base;
    if (status == VIT158_OK)
        status = vit158_train_finetune_run(&complete, how, &error);
    if (status == VIT158_OK && complete)
        status = pack(how->out_dir, out, &report, &error);
    free(base);
    if (status != VIT158_OK)
        return vit158_complain("finetune", NULL, &error);
    if (!complete) {
        fprintf(stderr, "vit158 finetune: stopped; the same command goes on from %s\n",
                how->out_dir);
        return VIT158_EXIT_FAILED;
    }
    printf("\n%s: %llu bytes, %u classes. Next:\n  vit158 classify --model %s PHOTO.jpg\n"
           "  vit158 plot %s/ternary/log.jsonl -o curve.svg\n",
           out, (unsigned long long)report.info.file_bytes, report.info.classes, out, how->out_dir);
    return VIT158_EXIT_OK;
}

int vit158_cmd_finetune(int argc, char **argv)
{
    const char *out = NULL, *base = NULL, *work = NULL;
    vit158_train_finetune how = {.minutes = 30.0, .threads = 2, .stop = &stop_request};
    bool deterministic = false, quiet = false;
    const vit158_option options[] = {
        {"--output", "-o", "FILE", "the packed model to write (required)", VIT158_OPTION_TEXT, &out,
         0, 0, NULL},
        {"--base", NULL, "MODEL",
         "the pretrained model to start from: a file, or a name (required)", VIT158_OPTION_TEXT,
         &base, 0, 0, NULL},
        {"--minutes", NULL, "M", "of training in all; default 30", VIT158_OPTION_NUMBER,
         &how.minutes, 0.01, 1e5, NULL},
        {"--work", NULL, "DIR", "folder of recipes, logs, checkpoints; default FILE.run",
         VIT158_OPTION_TEXT, &work, 0, 0, NULL},
        {"--threads", NULL, "N", "worker threads; default 2", VIT158_OPTION_UINT, &how.threads, 1,
         16, NULL},
        {"--deterministic", NULL, NULL, "sums in a fixed order", VIT158_OPTION_FLAG, &deterministic,
         0, 0, NULL},
        {"--quiet", "-q", NULL, "no progress lines", VIT158_OPTION_FLAG, &quiet, 0, 0, NULL}};
    const vit158_usage usage = {
        .synopsis = "finetune FOLDER --base MODEL -o OUT.safetensors [options]",
        .about = "Makes a ternary model for the classes of a folder: FOLDER has a folder of "
                 "pictures per class, or train and val with such folders each (else every tenth "
                 "picture is for validation). First the head is trained, then the whole float "
                 "network, then the ternary one, which the float one teaches.",
        .options = options,
        .option_count = sizeof options / sizeof *options,
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "SIGINT and SIGTERM write a checkpoint and stop; the same command goes on.\n"
                 "Exit codes: 0 all went well, 1 it could not be done or was stopped, 2 wrong "
                 "command line."};
    vit158_arguments arguments;
    const int parsed = vit158_parse_options(&usage, &arguments, argc, argv);
    if (parsed != VIT158_PARSE_OK)
        return parsed;
    if (out == NULL || base == NULL) {
        fprintf(stderr, "vit158 finetune: say %s\n",
                out == NULL ? "where to write with -o FILE"
                            : "what to start from with --base MODEL");
        return VIT158_EXIT_USAGE;
    }
    char folder[VIT158_TRAIN_RECIPE_TEXT];
    const int length = snprintf(folder, sizeof folder, "%s%s", work != NULL ? work : out,
                                work != NULL ? "" : ".run");
    if (length < 0 || (size_t)length >= sizeof folder) {
        fprintf(stderr, "vit158 finetune: the name of the output is too long\n");
        return VIT158_EXIT_USAGE;
    }
    how.folder = arguments.values[0];
    how.out_dir = folder;
    how.deterministic = deterministic;
    how.progress = quiet ? NULL : stdout;
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    return finetune(&how, base, out);
}
