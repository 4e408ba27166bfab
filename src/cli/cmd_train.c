/* SPDX-License-Identifier: MIT
 *
 * vit158 train RECIPE: one run of the trainer in a folder.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/options.h"
#include "cli/run_command.h"
#include "train/ranks.h"
#include "train/train_run.h"

#define MAX_SETTINGS 32
#define OTHERS_WAIT_SECONDS 10

typedef struct train_options {
    const char *out, *resume, *init, *teacher;
    const char *settings[MAX_SETTINGS]; /* key=value */
    int setting_count;
    double minutes, stop_after;
    uint32_t threads, weights, max_steps;
    bool quiet, keys, deterministic;
} train_options;

static const char *const weight_choices[] = {"float", "ternary", NULL};

/* Takes every "--set key=value" out of argv; returns the new argc, -1 if there are too many. */
static int take_settings(train_options *o, int argc, char **argv)
{
    int kept = 0;
    for (int i = 0; i < argc; i++) {
        if (i > 0 && strcmp(argv[i], "--set") == 0 && i + 1 < argc) {
            if (o->setting_count == MAX_SETTINGS)
                return -1;
            o->settings[o->setting_count++] = argv[++i];
        } else {
            argv[kept++] = argv[i];
        }
    }
    argv[kept] = NULL;
    return kept;
}

static vit158_status apply_settings(vit158_train_recipe *recipe, const train_options *o,
                                    vit158_error *error)
{
    char key[64], number[32];
    for (int i = 0; i < o->setting_count; i++) {
        const char *equals = strchr(o->settings[i], '=');
        const size_t n = equals != NULL ? (size_t)(equals - o->settings[i]) : sizeof key;
        if (n >= sizeof key)
            return vit158_train_recipe_set(recipe, o->settings[i], "", "--set", error);
        memcpy(key, o->settings[i], n);
        key[n] = 0;
        VIT158_RETURN_IF_ERROR(vit158_train_recipe_set(recipe, key, equals + 1, "--set", error));
    }
    if (o->minutes > 0.0) {
        snprintf(number, sizeof number, "%.9g", o->minutes);
        VIT158_RETURN_IF_ERROR(
            vit158_train_recipe_set(recipe, "minutes", number, "--minutes", error));
    }
    if (o->init != NULL)
        VIT158_RETURN_IF_ERROR(vit158_train_recipe_set(recipe, "init", o->init, "--init", error));
    if (o->teacher != NULL)
        VIT158_RETURN_IF_ERROR(
            vit158_train_recipe_set(recipe, "teacher", o->teacher, "--teacher", error));
    if (o->threads)
        recipe->threads = o->threads;
    if (o->weights < 2)
        recipe->net.ternary = o->weights;
    if (o->deterministic)
        recipe->deterministic = true;
    return VIT158_OK;
}

static vit158_status load_recipe(vit158_train_recipe *recipe, const char *path, vit158_error *error)
{
    uint8_t *text;
    size_t n_bytes;
    vit158_error inner;
    if (vit158_file_read(&text, &n_bytes, path, 0, &inner) != VIT158_OK)
        return vit158_fail(error, inner.status, "%s: %s", path, inner.message);
    const vit158_status status = vit158_train_recipe_parse(recipe, (const char *)text, path, error);
    free(text);
    return status;
}

/* Files of a run that people use, in the order of use. */
static const char *const run_files[] = {"best.safetensors", "last.safetensors", "last.ckpt",
                                        "log.jsonl"};
#define RUN_FILES (sizeof run_files / sizeof *run_files)

/* A run that failed at its start leaves an empty log, which is none. */
static bool has_file(const char *folder, const char *name)
{
    struct stat info;
    char path[VIT158_TRAIN_PATH_BYTES];
    const int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    return length > 0 && (size_t)length < sizeof path && stat(path, &info) == 0 && info.st_size > 0;
}

/* A new run would write over the models of the one that is there. */
static vit158_status check_folder(const train_options *o, vit158_error *error)
{
    for (size_t i = 0; o->resume == NULL && i < RUN_FILES; i++)
        if (has_file(o->out, run_files[i]))
            return vit158_fail(error, VIT158_E_ARGUMENT,
                               "%s holds another run (%s): name another folder with --out, or go "
                               "on with that run by --resume %s/last.ckpt",
                               o->out, run_files[i], o->out);
    return VIT158_OK;
}

static void say_what_is_next(const char *folder)
{
    printf("written to %s:", folder);
    for (size_t i = 0; i < RUN_FILES; i++)
        if (has_file(folder, run_files[i]))
            printf(" %s", run_files[i]);
    printf("\n");
    if (has_file(folder, run_files[0]))
        printf("next: vit158 pack %s/%s -o model.safetensors\n", folder, run_files[0]);
    else
        printf("next: go on with --resume %s/last.ckpt\n", folder);
}

/* One sentence ends the job: what all ranks have to complain of is the first's to say, which ends
 * the others, by a signal, while they wait. */
static int end(vit158_status status, bool leads, const vit158_error *error)
{
    if (status != VIT158_OK && (leads || sleep(OTHERS_WAIT_SECONDS) == 0))
        vit158_complain("train", NULL, error);
    vit158_train_ranks_end(status == VIT158_OK);
    return status == VIT158_OK ? VIT158_EXIT_OK : VIT158_EXIT_FAILED;
}

static int train(const train_options *o, const char *recipe_path)
{
    vit158_error error;
    vit158_train_recipe *recipe = malloc(sizeof *recipe);
    if (recipe == NULL) {
        vit158_fail(&error, VIT158_E_MEMORY, "no memory for the recipe");
        return vit158_complain("train", NULL, &error);
    }
    vit158_train_recipe_defaults(recipe);
    vit158_status status = load_recipe(recipe, recipe_path, &error);
    if (status == VIT158_OK)
        status = apply_settings(recipe, o, &error);
    const vit158_train_run_options run = {.out_dir = o->out,
                                          .resume = o->resume,
                                          .max_minutes = o->stop_after,
                                          .max_steps = o->max_steps,
                                          .stop = vit158_stop_on_signals(),
                                          .progress = o->quiet ? NULL : stdout};
    if (status == VIT158_OK)
        status = vit158_train_ranks_start(&error);
    const bool leads = vit158_train_ranks_here().rank == 0;
    if (status == VIT158_OK && leads)
        status = check_folder(o, &error);
    if (status == VIT158_OK)
        status = vit158_train_run(recipe, &run, &error);
    if (status == VIT158_OK && leads && !o->quiet)
        say_what_is_next(o->out);
    free(recipe);
    return end(status, leads, &error);
}

int vit158_cmd_train(int argc, char **argv)
{
    train_options o = {.out = "run", .weights = 2};
    const vit158_option options[] = {
        {"--out", "-o", "DIR", "folder of log, checkpoints and models (default run)",
         VIT158_OPTION_TEXT, &o.out, 0, 0, NULL},
        {"--resume", NULL, "FILE", "continue from this checkpoint", VIT158_OPTION_TEXT, &o.resume,
         0, 0, NULL},
        {"--init", NULL, "FILE", "start from the weights of a model file", VIT158_OPTION_TEXT,
         &o.init, 0, 0, NULL},
        {"--teacher", NULL, "FILE", "distil from model files, separated by commas",
         VIT158_OPTION_TEXT, &o.teacher, 0, 0, NULL},
        {"--weights", NULL, NULL, "float or ternary, instead of the recipe's", VIT158_OPTION_CHOICE,
         &o.weights, 0, 0, weight_choices},
        {"--minutes", NULL, "M", "fit the schedule into M minutes of training",
         VIT158_OPTION_NUMBER, &o.minutes, 0.01, 1e6, NULL},
        {"--stop-after", NULL, "M", "write a checkpoint and stop after M minutes, schedule as is",
         VIT158_OPTION_NUMBER, &o.stop_after, 0.001, 1e6, NULL},
        {"--max-steps", NULL, "N", "write a checkpoint and stop at step N", VIT158_OPTION_UINT,
         &o.max_steps, 1, 4e9, NULL},
        {"--threads", NULL, "N", "worker threads, instead of the recipe's", VIT158_OPTION_UINT,
         &o.threads, 1, 16, NULL},
        {"--deterministic", NULL, NULL, "bit-identical weights in every run, whatever the threads",
         VIT158_OPTION_FLAG, &o.deterministic, 0, 0, NULL},
        {"--quiet", "-q", NULL, "no progress lines", VIT158_OPTION_FLAG, &o.quiet, 0, 0, NULL},
        {"--keys", NULL, NULL, "list every key of recipes with its default and meaning",
         VIT158_OPTION_FLAG, &o.keys, 0, 0, NULL},
    };
    const vit158_usage usage = {
        .synopsis = "train RECIPE [options]",
        .about = "Trains a ternary or float Vision Transformer by a recipe.",
        .options = options,
        .option_count = sizeof options / sizeof options[0],
        .min_arguments = 0,
        .max_arguments = 1,
        .notes = "--set KEY=VALUE (any number of times) overrides a key of the recipe.\n"
                 "SIGINT and SIGTERM write a checkpoint and stop."};
    vit158_arguments arguments;
    argc = take_settings(&o, argc, argv);
    if (argc < 0) {
        fprintf(stderr, "vit158 train: more than %d --set\n", MAX_SETTINGS);
        return VIT158_EXIT_USAGE;
    }
    const int parsed = vit158_parse_options(&usage, &arguments, argc, argv);
    if (parsed != VIT158_PARSE_OK)
        return parsed;
    if (o.keys) {
        vit158_train_recipe defaults;
        vit158_train_recipe_defaults(&defaults);
        vit158_train_recipe_print(&defaults, stdout);
        return VIT158_EXIT_OK;
    }
    if (arguments.count != 1)
        return vit158_options_mistake("train", "say which recipe");
    setvbuf(stdout, NULL, _IOLBF, 0); /* progress reaches a log file as it happens */
    return train(&o, arguments.values[0]);
}
