/* SPDX-License-Identifier: MIT
 *
 * The native `vit158` command: finds the sub-command and hands over its part of the command line.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/nearest.h"
#include "vit158.h"

typedef struct command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
} command;

static const command commands[] = {
    {"classify", "classify images", vit158_cmd_classify},
    {"eval", "measure a model's accuracy on folders of images", vit158_cmd_eval},
    {"bench", "time a model", vit158_cmd_bench},
    {"import", "convert a timm, Hugging Face or PyTorch model", vit158_cmd_import},
    {"info", "show a model's geometry, memory and metadata", vit158_cmd_info},
    {"inspect", "show what a model file is made of", vit158_cmd_inspect},
    {"merge-search", "find tokens of a model that can be merged", vit158_cmd_merge_search},
    {"pack", "turn a float checkpoint into a packed ternary model", vit158_cmd_pack},
    {"record", "record a model's results for images", vit158_cmd_record},
    {"verify", "check that a model still gives the recorded results", vit158_cmd_verify},
    {"completion", "complete commands and options in the shell", vit158_cmd_completion},
    {"synth", "write a model with random weights, to test speed", vit158_cmd_synth},
#if defined(VIT158_HAVE_TRAIN)
    {"finetune", "train a small model for the classes of a folder", vit158_cmd_finetune},
    {"prune", "take heads and channels out of a float model", vit158_cmd_prune},
    {"quantize", "shrink a float model without training", vit158_cmd_quantize},
    {"train", "train a model by a recipe", vit158_cmd_train},
    {"plot", "draw the log of a training run", vit158_cmd_plot},
#endif
};
#define COMMAND_COUNT (sizeof commands / sizeof *commands)

/* Commands that only the npm package has: they need its page. */
static const char *const npm_commands[] = {"bundle", "serve"};

static void print_commands(FILE *out)
{
    fprintf(
        out,
        "usage: vit158 COMMAND [arguments]\n\n"
        "Ternary Vision Transformers: classify images, measure and make models.\n\ncommands:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-14s%s\n", commands[i].name, commands[i].summary);
    fprintf(out, "\n`vit158 help COMMAND` describes a command, `vit158 version` this build.\nExit "
                 "codes: 0 success, 1 something failed, 2 wrong usage.\n");
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

static const char *const words[] = {"help", "version"};
#define WORD_COUNT (sizeof words / sizeof *words)

/* All that may come first: the words, then the commands of `table`. */
static const char *first_word(const void *table, size_t i)
{
    const command *const all = table;
    return i < WORD_COUNT ? words[i] : all[i - WORD_COUNT].name;
}

static const command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    for (size_t i = 0; i < sizeof npm_commands / sizeof *npm_commands; i++)
        if (strcmp(name, npm_commands[i]) == 0) {
            fprintf(stderr,
                    "vit158: '%s' is a command of the npm package (npx vit158 %s), not of the "
                    "native build\n",
                    name, name);
            return VIT158_EXIT_USAGE;
        }
    const char *const near = vit158_nearest(name, first_word, commands, WORD_COUNT + COMMAND_COUNT);
    fprintf(stderr, "vit158: there is no command '%s'", name);
    if (near != NULL)
        fprintf(stderr, ": did you mean %s?", near);
    fprintf(stderr, " (see vit158 --help)\n");
    return VIT158_EXIT_USAGE;
}

/* `vit158 help COMMAND` is `vit158 COMMAND --help`. */
static int help_on(int argc, char **argv)
{
    static char option[] = "--help";
    if (argc < 3) {
        print_commands(stdout);
        return VIT158_EXIT_OK;
    }
    const command *const wanted = find_command(argv[2]);
    if (wanted == NULL)
        return unknown_command(argv[2]);
    char *asked[] = {argv[2], option, NULL};
    return wanted->run(2, asked);
}

static int run_command(int argc, char **argv)
{
    if (argc < 2) {
        print_commands(stderr);
        return VIT158_EXIT_USAGE;
    }
    if (is_one_of(argv[1], "--help", "-h", "help"))
        return help_on(argc, argv);
    if (is_one_of(argv[1], "--version", "-V", "version")) {
        printf("vit158 %s (numerics %u)\n", vit158_version(), vit158_numerics_version());
        return VIT158_EXIT_OK;
    }
    const command *const wanted = find_command(argv[1]);
    return wanted != NULL ? wanted->run(argc - 1, argv + 1) : unknown_command(argv[1]);
}

int main(int argc, char **argv)
{
    const int result = run_command(argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "vit158: the output could not be written\n");
        return VIT158_EXIT_FAILED;
    }
    return result;
}
