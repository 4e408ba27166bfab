/* SPDX-License-Identifier: MIT
 *
 * Guarded memory: check_pages_native.c has pages without access on both sides, check_pages_wasm.c,
 * where there is no such thing, bytes that are compared at the end.
 */
#ifndef VIT158_TESTS_CHECK_PAGES_H
#define VIT158_TESTS_CHECK_PAGES_H

#include <stdbool.h>
#include <stddef.h>

/* `bytes` (a multiple of 64) whose end touches the guard; NULL without memory. */
void *check_map(size_t bytes);

/* Gives it back; false if the guard was written. */
bool check_unmap(void *data, size_t bytes);

#endif
