/* SPDX-License-Identifier: MIT
 *
 * The reference results beside the repository (../shared, or the folder that the environment
 * variable VIT158_SHARED names), which are too large to commit; and numbers out of their JSON.
 */
#ifndef VIT158_TESTS_REFERENCE_FILE_H
#define VIT158_TESTS_REFERENCE_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* Path of a file in the reference folder; false if there is no such file. */
bool reference_path(char path[1024], const char *name);

/* The whole file as text, to be freed; fails the test if it cannot be read. */
char *reference_text(const char *name);

/* Position after `"key":` at or after `from`; NULL if there is none. */
const char *reference_key(const char *from, const char *key);

/* Reads the array of `count` numbers of the next `key`; fails the test if it is anything else. */
void reference_numbers(double *out, size_t count, const char *from, const char *key);

/* The next `key`'s string, cut to fit. */
void reference_string(char *out, size_t capacity, const char *from, const char *key);

#endif
