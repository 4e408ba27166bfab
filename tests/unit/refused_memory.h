/* SPDX-License-Identifier: MIT
 *
 * malloc, calloc, realloc and free that can be refused and are counted; for programs linked with
 * them wrapped.
 */
#ifndef VIT158_TESTS_REFUSED_MEMORY_H
#define VIT158_TESTS_REFUSED_MEMORY_H

#include <stdbool.h>

/* Refuses allocation number `at` (from 1) of what comes next, and all after it if `on`; 0: none. */
void refuse_memory(long at, bool on);

/* Allocations asked for since then. */
long refuse_memory_calls(void);

/* Blocks that are not freed. */
long refuse_memory_held(void);

#endif
