/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "cli/run_command.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/commands.h"

vit158_status vit158_run_command(int (*command)(int, char **), const char *const *arguments,
                                 vit158_error *error)
{
    char *copy[16] = {NULL};
    int count = 0, result = VIT158_EXIT_FAILED;
    bool enough = true;
    for (; arguments[count] != NULL && count < 15 && enough; count++) {
        copy[count] = strdup(arguments[count]);
        enough = copy[count] != NULL;
    }
    if (enough) {
        char *reordered[16];
        memcpy(reordered, copy, sizeof copy);
        result = command(count, reordered);
    }
    for (int i = 0; i < count; i++)
        free(copy[i]);
    return result == VIT158_EXIT_OK
               ? VIT158_OK
               : vit158_fail(error, VIT158_E_ARGUMENT, "%s failed", arguments[0]);
}

static volatile int stop_request;

static void on_signal(int number)
{
    (void)number;
    stop_request = 1;
}

volatile int *vit158_stop_on_signals(void)
{
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    return &stop_request;
}

uint32_t vit158_core_count(uint32_t most)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > (long)most ? most : (uint32_t)cores;
}

char *vit158_join_arguments(int argc, char **argv)
{
    size_t n = sizeof "vit158";
    for (int i = 0; i < argc; i++)
        n += strlen(argv[i]) + 1;
    char *const text = calloc(n, 1);
    if (text == NULL)
        return NULL;
    strcpy(text, "vit158");
    for (int i = 0; i < argc; i++) {
        strcat(text, " ");
        strcat(text, argv[i]);
    }
    return text;
}
