/* SPDX-License-Identifier: MIT
 *
 * Files for the model tests: whole files in memory, and the checkpoints beside the repository
 * (../shared, or the folder that the environment variable VIT158_SHARED names).
 */
#ifndef VIT158_TESTS_MODEL_FILES_H
#define VIT158_TESTS_MODEL_FILES_H

#include <stddef.h>
#include <stdint.h>

/* The whole file, to be freed; fails the test if it cannot be read. */
uint8_t *read_all(const char *path, size_t *n_bytes);

/* Sets the path of a file in the shared folder; says so and skips the test if it is not there. */
void need_shared(char path[1024], const char *name);

#endif
