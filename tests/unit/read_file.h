/* SPDX-License-Identifier: MIT
 *
 * A whole file in memory, for tests. The block has exactly the file's size, so that sanitizers see
 * a read beyond its end.
 */
#ifndef VIT158_TESTS_READ_FILE_H
#define VIT158_TESTS_READ_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* NULL if it cannot be read; free() it. */
static inline uint8_t *test_read_file(const char *path, size_t *n_bytes)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    uint8_t *bytes = NULL;
    if (fseek(file, 0, SEEK_END) == 0) {
        const long size = ftell(file);
        bytes = size >= 0 ? malloc(size > 0 ? (size_t)size : 1) : NULL;
        *n_bytes = size >= 0 ? (size_t)size : 0;
        if (bytes != NULL &&
            (fseek(file, 0, SEEK_SET) != 0 || fread(bytes, 1, *n_bytes, file) != *n_bytes)) {
            free(bytes);
            bytes = NULL;
        }
    }
    fclose(file);
    return bytes;
}

#endif
