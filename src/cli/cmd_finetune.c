/* SPDX-License-Identifier: MIT
 *
 * vit158 finetune FOLDER -o OUT: from a folder of images to a small model that knows its classes.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/folder.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/files.h"
#include "cli/find_model.h"
#include "cli/finetune_card.h"
#include "cli/folder_report.h"
#include "cli/options.h"
#include "cli/run_command.h"
#include "cli/stage_log.h"
#include "cli/unpack_zip.h"
#include "model/pack.h"
#include "train/data.h"
#include "train/finetune.h"
#include "train/ranks.h"

#define DEFAULT_BASE "vit158-imagenet"
#define MOST_CALIBRATING "300" /* images that rounding looks at */
#define NAME VIT158_TRAIN_RECIPE_TEXT

typedef struct job {
    vit158_train_finetune how;
    const char *out;
    const char *weights;  /* trit, int8 or rows:N */
    const char *command;  /* as typed */
    const char *metadata; /* file of a JSON object, or NULL */
    char unpacked[NAME], train[NAME], val[NAME];
} job;

static bool is_ternary(const job *j)
{
    return strcmp(j->weights, "trit") == 0;
}

/* OUT without ".safetensors", and another ending. */
static void beside(char path[NAME], const job *j, const char *ending)
{
    const char *const dot = strstr(j->out, ".safetensors");
    const int stem = dot != NULL ? (int)(dot - j->out) : (int)strlen(j->out);
    snprintf(path, NAME, "%.*s%s", stem, j->out, ending);
}

/* ---- From the float network to few bits ---- */

/* The float stage's network by post-training quantization (`vit158 quantize`) into `to`. */
static vit158_status round_float(const job *j, const char *weights, const char *to,
                                 vit158_error *error)
{
    char from[NAME], threads[16];
    VIT158_RETURN_IF_ERROR(vit158_train_finetune_path(from, &j->how, VIT158_TRAIN_STAGE_FLOAT,
                                                      "best.safetensors", error));
    snprintf(threads, sizeof threads, "%u", j->how.threads);
    const char *const arguments[] = {
        "quantize",  from,    "--calibrate", j->train, "--images", MOST_CALIBRATING,
        "--weights", weights, "--threads",   threads,  "-o",       to,
        NULL};
    return vit158_run_command(vit158_cmd_quantize, arguments, error);
}

static vit158_status make_ternary(bool *complete, job *j, vit158_error *error)
{
    char rounded[NAME];
    snprintf(rounded, sizeof rounded, "%s/rounded.safetensors", j->how.out_dir);
    if (access(rounded, F_OK) != 0)
        VIT158_RETURN_IF_ERROR(round_float(j, "rows:1", rounded, error));
    j->how.rounded = rounded;
    const vit158_status status =
        vit158_train_finetune_stage(complete, &j->how, VIT158_TRAIN_STAGE_TERNARY, error);
    j->how.rounded = NULL;
    return status;
}

/* ---- What is written ---- */

static vit158_stage_log log_of(const job *j, uint32_t stage)
{
    char path[NAME];
    vit158_error error;
    const bool named =
        vit158_train_finetune_path(path, &j->how, stage, "log.jsonl", &error) == VIT158_OK;
    return vit158_stage_log_read(named ? path : NULL);
}

/* Of few held-out images accuracy says less than loss, and the last weights are those whose rate
 * came down. */
static const char *chosen_weights(const job *j)
{
    const vit158_stage_log log = log_of(j, VIT158_TRAIN_STAGE_TERNARY);
    return log.last_loss >= 0.0 && log.last_loss <= log.best_loss ? "last.safetensors"
                                                                  : "best.safetensors";
}

/* OUT from the ternary stage's network, or by rounding the float one. */
static vit158_status write_model(const job *j, const char *metadata, vit158_error *error)
{
    char best[NAME];
    if (!is_ternary(j))
        return round_float(j, j->weights, j->out, error);
    VIT158_RETURN_IF_ERROR(vit158_train_finetune_path(best, &j->how, VIT158_TRAIN_STAGE_TERNARY,
                                                      chosen_weights(j), error));
    const vit158_pack_options options = {
        .matrices = VIT158_PACK_TRAINED, .rest = VIT158_DTYPE_F16, .metadata_json = metadata};
    return vit158_name_error(error, vit158_pack_file(best, j->out, &options, NULL, error), j->out);
}

/* The user's metadata and the threshold, if there is one; to be freed. */
static vit158_status join_metadata(char **text, const job *j, double unsure, vit158_error *error)
{
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    *text = NULL;
    if (j->metadata != NULL)
        VIT158_RETURN_IF_ERROR(vit158_name_error(
            error,
            vit158_input_read(&bytes, &n_bytes, j->metadata, VIT158_MAX_METADATA_BYTES, error),
            j->metadata));
    size_t at = 0;
    while (at < n_bytes && bytes[at] != '{')
        at++;
    size_t first = at + 1;
    while (first < n_bytes && strchr(" \t\r\n", bytes[first]) != NULL)
        first++;
    /* Whether it is JSON is for the packer to say. */
    const bool more = first < n_bytes && bytes[first] != '}';
    char threshold[32] = "";
    if (unsure > 0.0)
        snprintf(threshold, sizeof threshold, "\"unsure\":\"%.2f\"%s", unsure, more ? "," : "");
    const size_t size = n_bytes + sizeof threshold + 4;
    *text = malloc(size);
    if (*text != NULL)
        snprintf(*text, size, "{%s%.*s", threshold, more ? (int)(n_bytes - at - 1) : 1,
                 more ? (const char *)bytes + at + 1 : "}");
    free(bytes);
    return *text != NULL ? VIT158_OK
                         : vit158_fail(error, VIT158_E_MEMORY, "not enough memory for metadata");
}

static vit158_status write_card(const job *j, const vit158_judgement *held,
                                const vit158_judgement *val, vit158_error *error)
{
    char path[NAME];
    vit158_card card = {.model = j->out,
                        .folder = j->how.folder,
                        .base = j->how.base,
                        .command = j->command,
                        .work = j->how.out_dir,
                        .held = held,
                        .val = val};
    for (uint32_t stage = 0; stage < VIT158_TRAIN_STAGES; stage++)
        card.stages[stage] = log_of(j, stage).best_accuracy;
    beside(path, j, ".md");
    return vit158_name_error(error, vit158_card_write(path, &card, error), path);
}

/* A golden file of the first image of the first classes. */
static vit158_status write_golden(const job *j, vit158_error *error)
{
    enum { IMAGES = 4 };
    char path[NAME];
    char *images[IMAGES] = {NULL};
    const char *arguments[IMAGES + 5] = {"record", j->out};
    size_t count = 2;
    vit158_names classes;
    const char *const root = j->val[0] != 0 ? j->val : j->train;
    VIT158_RETURN_IF_ERROR(vit158_list_folder(&classes, root, VIT158_ENTRY_FOLDER, error));
    for (size_t i = 0; i < classes.count && i < IMAGES; i++) {
        vit158_names files = {0};
        char *const folder = vit158_join_path(root, classes.values[i]);
        if (folder != NULL &&
            vit158_list_folder(&files, folder, VIT158_ENTRY_IMAGE, error) == VIT158_OK &&
            files.count > 0)
            images[i] = vit158_join_path(folder, files.values[0]);
        if (images[i] != NULL)
            arguments[count++] = images[i];
        vit158_names_free(&files);
        free(folder);
    }
    vit158_names_free(&classes);
    beside(path, j, ".golden.json");
    arguments[count++] = "-o";
    arguments[count++] = path;
    const vit158_status status = vit158_run_command(vit158_cmd_record, arguments, error);
    for (size_t i = 0; i < IMAGES; i++)
        free(images[i]);
    return status;
}

static vit158_status write_curve(const job *j, vit158_error *error)
{
    char log[NAME], path[NAME];
    const uint32_t stage = is_ternary(j) ? VIT158_TRAIN_STAGE_TERNARY : VIT158_TRAIN_STAGE_FLOAT;
    VIT158_RETURN_IF_ERROR(vit158_train_finetune_path(log, &j->how, stage, "log.jsonl", error));
    beside(path, j, ".svg");
    const char *const arguments[] = {"plot", log, "-o", path, NULL};
    return vit158_run_command(vit158_cmd_plot, arguments, error);
}

static void say_accuracy(const char *what, const vit158_judgement *j)
{
    printf("%s: %zu of %zu right, %.1f %% (standard error %.1f points)\n", what, j->correct,
           j->count, 100.0 * j->accuracy, 100.0 * j->standard_error);
}

static void say_what_is_next(const job *j)
{
    char stem[NAME];
    beside(stem, j, "");
    printf("\nwritten: %s, %s.md, %s.svg, %s.golden.json\nnext:\n"
           "  vit158 classify --model %s PHOTO.jpg\n  vit158 verify %s.golden.json\n"
           "  npx vit158 bundle %s -o page.html\n",
           j->out, stem, stem, stem, j->out, stem, j->out);
}

/* The model, what it is worth, and all that stands beside it. */
static vit158_status finish(const job *j, vit158_error *error)
{
    vit158_train_recipe *const r = malloc(sizeof *r);
    vit158_train_dataset train = {0}, held = {0}, others = {0}, val = {0};
    vit158_judgement judged_held = {0}, judged_val = {0};
    char *metadata = NULL;
    vit158_status status =
        r != NULL ? vit158_train_finetune_recipe(r, &j->how, VIT158_TRAIN_STAGE_FLOAT, error)
                  : vit158_fail(error, VIT158_E_MEMORY, "not enough memory for a recipe");
    if (status == VIT158_OK)
        status = write_model(j, NULL, error);
    if (status == VIT158_OK)
        status = vit158_train_data_open(&train, &held, r, error);
    if (status == VIT158_OK)
        status = vit158_judge(&judged_held, j->out, &held, error);
    if (status == VIT158_OK && is_ternary(j)) {
        status = join_metadata(&metadata, j, judged_held.unsure, error);
        if (status == VIT158_OK)
            status = write_model(j, metadata, error);
    }
    if (status == VIT158_OK && j->val[0] != 0) {
        snprintf(r->val_data, sizeof r->val_data, "%s", j->val);
        status = vit158_train_data_open(&others, &val, r, error);
        if (status == VIT158_OK)
            status = vit158_judge(&judged_val, j->out, &val, error);
    }
    if (status == VIT158_OK) {
        putchar('\n');
        say_accuracy("held-out images", &judged_held);
        if (j->val[0] != 0)
            say_accuracy("validation folder", &judged_val);
        status = write_card(j, &judged_held, j->val[0] != 0 ? &judged_val : NULL, error);
    }
    if (status == VIT158_OK)
        status = write_curve(j, error);
    if (status == VIT158_OK)
        status = write_golden(j, error);
    vit158_judgement_free(&judged_held);
    vit158_judgement_free(&judged_val);
    vit158_train_dataset_free(&train);
    vit158_train_dataset_free(&held);
    vit158_train_dataset_free(&others);
    vit158_train_dataset_free(&val);
    free(metadata);
    free(r);
    return status;
}

/* ---- */

static vit158_status find_base(char **base, const char *wanted, vit158_error *error)
{
    const vit158_status status = vit158_find_model(base, wanted, error);
    if (status == VIT158_OK || strcmp(wanted, DEFAULT_BASE) != 0)
        return vit158_name_error(error, status, wanted);
    return vit158_fail(error, status,
                       "%s, which training starts from, is not installed: name a pretrained ViT "
                       "with --base FILE (vit158 import makes one of timm's or Hugging Face's), or "
                       "say --from-scratch",
                       wanted);
}

/* An archive's images lie in the working folder. */
static vit158_status unpack(job *j, vit158_error *error)
{
    if (!vit158_is_zip(j->how.folder))
        return VIT158_OK;
    if (vit158_format(j->unpacked, NAME, "%s/unpacked", j->how.out_dir) + 1 >= NAME)
        return vit158_fail(error, VIT158_E_ARGUMENT, "the name of the output is too long");
    VIT158_RETURN_IF_ERROR(vit158_make_folder(j->how.out_dir, error));
    VIT158_RETURN_IF_ERROR(vit158_unpack_zip(j->how.folder, j->unpacked, error));
    j->how.folder = j->unpacked;
    return VIT158_OK;
}

/* The folder is looked at once: a run that goes on has seen it. */
static vit158_status look(job *j, vit158_error *error)
{
    char log[NAME];
    uint32_t classes;
    VIT158_RETURN_IF_ERROR(unpack(j, error));
    VIT158_RETURN_IF_ERROR(vit158_train_finetune_data(j->train, j->val, j->how.folder, error));
    VIT158_RETURN_IF_ERROR(
        vit158_train_finetune_path(log, &j->how, VIT158_TRAIN_STAGE_FLOAT, "log.jsonl", error));
    if (access(log, F_OK) == 0)
        return VIT158_OK;
    VIT158_RETURN_IF_ERROR(
        vit158_folder_report(&classes, j->train, j->val, j->how.progress, error));
    return classes >= 2
               ? VIT158_OK
               : vit158_fail(error, VIT158_E_ARGUMENT,
                             "%s has %u class folders, at least 2 are needed", j->train, classes);
}

static vit158_status make(bool *complete, job *j, vit158_error *error)
{
    *complete = true;
    VIT158_RETURN_IF_ERROR(look(j, error));
    if (j->how.base != NULL)
        VIT158_RETURN_IF_ERROR(
            vit158_train_finetune_stage(complete, &j->how, VIT158_TRAIN_STAGE_HEAD, error));
    if (*complete)
        VIT158_RETURN_IF_ERROR(
            vit158_train_finetune_stage(complete, &j->how, VIT158_TRAIN_STAGE_FLOAT, error));
    if (*complete && is_ternary(j))
        VIT158_RETURN_IF_ERROR(make_ternary(complete, j, error));
    return *complete ? finish(j, error) : VIT158_OK;
}

static int finetune(job *j, const char *wanted)
{
    vit158_error error;
    char *base = NULL;
    bool complete = false;
    vit158_status status = wanted != NULL ? find_base(&base, wanted, &error) : VIT158_OK;
    j->how.base = base;
    if (status == VIT158_OK)
        status = make(&complete, j, &error);
    free(base);
    const bool stopped = *j->how.stop != 0;
    if (status != VIT158_OK && !stopped)
        return vit158_complain("finetune", NULL, &error);
    if (status != VIT158_OK || !complete) {
        fprintf(stderr, "vit158 finetune: stopped; the same command goes on from %s\n",
                j->how.out_dir);
        return VIT158_EXIT_FAILED;
    }
    say_what_is_next(j);
    return VIT158_EXIT_OK;
}

static bool is_weights(const char *text)
{
    return strcmp(text, "trit") == 0 || strcmp(text, "int8") == 0 ||
           (strncmp(text, "rows:", 5) == 0 && text[5] >= '1' && text[5] <= '4' && text[6] == 0);
}

static int complain_of_usage(const char *message)
{
    return vit158_options_mistake("finetune", message);
}

/* Several processes would write over each other's files. */
static bool is_alone(void)
{
    vit158_error error;
    vit158_status status = vit158_train_ranks_start(&error);
    if (status == VIT158_OK && vit158_train_ranks_here().count > 1)
        status = vit158_fail(&error, VIT158_E_UNSUPPORTED,
                             "only vit158 train runs on several ranks: start finetune without "
                             "mpirun, or with -n 1");
    if (status != VIT158_OK && vit158_train_ranks_here().rank == 0)
        vit158_complain("finetune", NULL, &error);
    vit158_train_ranks_end(true);
    return status == VIT158_OK;
}

int vit158_cmd_finetune(int argc, char **argv)
{
    const char *base = NULL, *work = NULL;
    job j = {.how = {.minutes = 30.0, .threads = 2}, .weights = "trit"};
    bool deterministic = false, quiet = false, scratch = false;
    static const char *const clocks[] = {"wall", "processor", NULL};
    const vit158_option options[] = {
        {"--output", "-o", "FILE",
         "the model to write (required); card, curve and golden file go "
         "beside it",
         VIT158_OPTION_TEXT, &j.out, 0, 0, NULL},
        {"--base", NULL, "MODEL",
         "pretrained model to start from: a file, or a name; default " DEFAULT_BASE,
         VIT158_OPTION_TEXT, &base, 0, 0, NULL},
        {"--from-scratch", NULL, NULL, "start from random weights (needs many images and hours)",
         VIT158_OPTION_FLAG, &scratch, 0, 0, NULL},
        {"--minutes", NULL, "M", "of training in all; default 30", VIT158_OPTION_NUMBER,
         &j.how.minutes, 0.01, 1e5, NULL},
        {"--clock", NULL, NULL,
         "what a minute is: on the wall (default), or of processor time divided by threads",
         VIT158_OPTION_CHOICE, &j.how.processor_clock, 0, 0, clocks},
        {"--weights", NULL, "KIND",
         "trit (default), or rows:1 to rows:4 or int8: the float network rounded as vit158 "
         "quantize does, without training",
         VIT158_OPTION_TEXT, &j.weights, 0, 0, NULL},
        {"--size", NULL, "S", "side of the images in pixels; default that of 8 x 8 patches",
         VIT158_OPTION_UINT, &j.how.image_size, 8, 1024, NULL},
        {"--metadata", NULL, "FILE",
         "JSON object of strings to add to the model's metadata (dataset, license, ...)",
         VIT158_OPTION_TEXT, &j.metadata, 0, 0, NULL},
        {"--work", NULL, "DIR", "folder of recipes, logs, checkpoints; default FILE.run",
         VIT158_OPTION_TEXT, &work, 0, 0, NULL},
        {"--threads", NULL, "N", "worker threads; default 2", VIT158_OPTION_UINT, &j.how.threads, 1,
         16, NULL},
        {"--deterministic", NULL, NULL,
         "sums in a fixed order, and the minutes as epochs that no clock changes: the same "
         "model from the same images",
         VIT158_OPTION_FLAG, &deterministic, 0, 0, NULL},
        {"--quiet", "-q", NULL, "no progress lines", VIT158_OPTION_FLAG, &quiet, 0, 0, NULL}};
    const vit158_usage usage = {
        .synopsis = "finetune FOLDER -o OUT.safetensors [options]",
        .about =
            "Makes a small model for the classes of a folder: FOLDER has a folder of images "
            "per class, or train and val (or validation) with such folders each, or is a ZIP "
            "archive of such a folder. Every tenth training image is held out for choosing; val "
            "is used once, at the end. First the head is fitted, then the whole float network "
            "is trained, then the ternary one, which starts as the float one rounded and "
            "learns from it.",
        .options = options,
        .option_count = sizeof options / sizeof *options,
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "SIGINT and SIGTERM write a checkpoint and stop; the same command goes on.\nExit "
                 "codes: 0 success, 1 it could not be done or was stopped, 2 wrong usage."};
    vit158_arguments arguments;
    char folder[NAME];
    char *const command = vit158_join_arguments(argc, argv);
    const int parsed = vit158_parse_options(&usage, &arguments, argc, argv);
    if (parsed != VIT158_PARSE_OK) {
        free(command);
        return parsed;
    }
    const char *mistake = NULL;
    if (j.out == NULL)
        mistake = "say where to write with -o FILE";
    else if (!is_weights(j.weights))
        mistake = "--weights is trit, int8 or rows:1 to rows:4";
    else if (scratch && base != NULL)
        mistake = "--base and --from-scratch exclude each other";
    else if (strlen(work != NULL ? work : j.out) + sizeof ".run" > sizeof folder - 32)
        mistake = "the name of the output is too long";
    if (mistake != NULL) {
        free(command);
        return complain_of_usage(mistake);
    }
    if (!is_alone()) {
        free(command);
        return VIT158_EXIT_FAILED;
    }
    if (command == NULL)
        return vit158_complain("finetune", j.out,
                               &(vit158_error){.message = "not enough memory to begin"});
    snprintf(folder, sizeof folder, "%s%s", work != NULL ? work : j.out,
             work != NULL ? "" : ".run");
    j.command = command;
    j.how.folder = arguments.values[0];
    j.how.out_dir = folder;
    j.how.deterministic = deterministic;
    j.how.float_only = !is_ternary(&j);
    j.how.progress = quiet ? NULL : stdout;
    setvbuf(stdout, NULL, _IOLBF, 0);
    j.how.stop = vit158_stop_on_signals();
    const int result = finetune(&j, scratch ? NULL : base != NULL ? base : DEFAULT_BASE);
    free(command);
    return result;
}
