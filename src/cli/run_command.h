/* SPDX-License-Identifier: MIT
 *
 * What commands that run for long share: a sub-command as a part of another one, signals, the
 * number of processors, and the command line as a text.
 */
#ifndef VIT158_CLI_RUN_COMMAND_H
#define VIT158_CLI_RUN_COMMAND_H

#include "vit158.h"

/* Runs `command` on its name and arguments (at most 15, ended by NULL), with its own messages.
 * Errors: VIT158_E_ARGUMENT if it fails. */
vit158_status vit158_run_command(int (*command)(int, char **), const char *const *arguments,
                                 vit158_error *error);

/* From now on SIGINT and SIGTERM only set the int that this returns to 1: whoever trains looks at
 * it and ends in good order. */
volatile int *vit158_stop_on_signals(void);

/* Processors of this machine, 1 to `most`: how many threads there are unless told. */
uint32_t vit158_core_count(uint32_t most);

/* "vit158" and the arguments with spaces between them, to be freed; NULL if memory is short. */
char *vit158_join_arguments(int argc, char **argv);

#endif
