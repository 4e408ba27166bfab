/* SPDX-License-Identifier: MIT
 *
 * Commands with memory running out at their allocations: each alone, and from each on. Programs are
 * linked with malloc, calloc, realloc and aligned_alloc wrapped.
 */
#ifndef VIT158_TESTS_SHORT_MEMORY_H
#define VIT158_TESTS_SHORT_MEMORY_H

#include <stdbool.h>

typedef int (*test_command)(int argc, char **argv);

/* Refuses allocation number `at` (from 1) of what comes next, and all after it if `on`; 0: none. */
void short_memory_from(long at, bool on);

/* Runs the command with its stdout and stderr in files and whatever was set above; returns the exit
 * code, *said the bytes written to stderr. Afterwards there is memory again. */
int short_memory_run(test_command function, const char *const *arguments, long *said);

typedef struct short_memory_sweep {
    test_command function;
    const char *const *arguments; /* to a NULL */
    long at_most;                 /* so many of its allocations, evenly spread, but for 40 at most
                                     unless the test is thorough; 0: every one */
    void (*before)(void);         /* each run; NULL: nothing */
    void (*after_failure)(void);  /* looks at what a run that failed has left; NULL: nothing */
} short_memory_sweep;

/* Fails the test unless each run ends with a sentence and exit code 1, or did without the memory.
 */
void short_memory_sweep_all(const short_memory_sweep *sweep);

#endif
