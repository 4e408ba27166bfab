/* SPDX-License-Identifier: MIT
 *
 * A disk in memory for fuzz targets whose code reads or writes files: it takes the place of
 * base/file.c, and of fopen for names on it, so that an execution costs no system call. Linked with
 * -Wl,--wrap=fopen.
 */
#ifndef VIT158_TESTS_MEMORY_DISK_H
#define VIT158_TESTS_MEMORY_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_DISK "memory:" /* how names on it begin */

/* Puts bytes (which stay the caller's until memory_disk_clear) under a name. */
void memory_disk_put(const char *name, const void *bytes, size_t n_bytes);

/* The bytes under a name, NULL if there are none. */
const uint8_t *memory_disk_get(const char *name, size_t *n_bytes);

/* Removes everything. Aborts if a temporary file was left behind. */
void memory_disk_clear(void);

#endif
