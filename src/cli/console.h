/* SPDX-License-Identifier: MIT
 *
 * Talking to the person at the terminal, on stderr: complaints and a progress bar; and printing
 * a stranger's text.
 */
#ifndef VIT158_CLI_CONSOLE_H
#define VIT158_CLI_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "vit158.h"

/* Prints "vit158 COMMAND: SUBJECT: message" on a line of its own; SUBJECT, a file name usually, may
 * be NULL. Returns VIT158_EXIT_FAILED, for `return vit158_complain(...)`. */
int vit158_complain(const char *command, const char *subject, const vit158_error *error);

/* Prints text that may be a stranger's (labels, metadata, file names): control characters, which
 * could steer the terminal, become "?". */
void vit158_print_safely(FILE *out, const char *text);

/* A bar that redraws itself; nothing is drawn unless stderr is a terminal. */
typedef struct vit158_progress {
    size_t total;
    double start_ms;
    double drawn_ms;
    bool shown;
} vit158_progress;

vit158_progress vit158_progress_start(size_t total);
/* Cheap enough to call for each item. */
void vit158_progress_update(vit158_progress *progress, size_t done);
/* Removes the bar, before other output or at the end. */
void vit158_progress_clear(vit158_progress *progress);

#endif
