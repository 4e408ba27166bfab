/* SPDX-License-Identifier: MIT
 *
 * The sub-commands of `vit158`, one file each (cmd_NAME.c). A command parses its own arguments with
 * options.h, prints results to stdout and complaints to stderr (console.h), and returns an exit
 * code.
 */
#ifndef VIT158_CLI_COMMANDS_H
#define VIT158_CLI_COMMANDS_H

/* Exit codes, the same for every command and for the npm command. */
enum {
    VIT158_EXIT_OK = 0,
    VIT158_EXIT_FAILED = 1, /* something could not be read, run or written; stderr says what */
    VIT158_EXIT_USAGE = 2   /* the command line is wrong; nothing was done */
};

/* argv[0] is the command's name, argv[argc] is NULL. The strings may be reordered. */
int vit158_cmd_bench(int argc, char **argv);
int vit158_cmd_classify(int argc, char **argv);
int vit158_cmd_completion(int argc, char **argv);
int vit158_cmd_eval(int argc, char **argv);
int vit158_cmd_import(int argc, char **argv);
int vit158_cmd_info(int argc, char **argv);
int vit158_cmd_inspect(int argc, char **argv);
int vit158_cmd_pack(int argc, char **argv);
int vit158_cmd_merge_search(int argc, char **argv);
int vit158_cmd_record(int argc, char **argv);
int vit158_cmd_synth(int argc, char **argv);
int vit158_cmd_verify(int argc, char **argv);
/* In builds with the trainer: */
int vit158_cmd_finetune(int argc, char **argv);
int vit158_cmd_plot(int argc, char **argv);
int vit158_cmd_prune(int argc, char **argv);
int vit158_cmd_quantize(int argc, char **argv);
int vit158_cmd_train(int argc, char **argv);

#endif
