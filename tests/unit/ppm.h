/* SPDX-License-Identifier: MIT
 *
 * Reads binary PPM (P6, 8 bits) for tests.
 */
#ifndef VIT158_TESTS_PPM_H
#define VIT158_TESTS_PPM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct test_ppm {
    uint32_t width;
    uint32_t height;
    uint8_t *data; /* [height][width][3]; free() it */
} test_ppm;

static inline bool test_ppm_read(test_ppm *out, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    unsigned width, height, most;
    bool ok = fscanf(file, "P6 %u %u %u", &width, &height, &most) == 3 && most == 255 &&
              width <= 16384 && height <= 16384 && fgetc(file) != EOF;
    if (ok) {
        const size_t n_bytes = (size_t)width * height * 3;
        *out = (test_ppm){.width = width, .height = height, .data = malloc(n_bytes)};
        ok = out->data != NULL && fread(out->data, 1, n_bytes, file) == n_bytes;
        if (!ok)
            free(out->data);
    }
    fclose(file);
    return ok;
}

#endif
