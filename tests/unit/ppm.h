/* SPDX-License-Identifier: MIT
 *
 * Reads binary PPM and PGM (P6 and P5, 8 bits) for tests.
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
    uint32_t channels; /* 3 or 1 */
    uint8_t *data;     /* [height][width][channels]; free() it */
} test_ppm;

static inline bool test_ppm_read(test_ppm *out, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    char kind;
    unsigned width, height, most;
    bool ok = fscanf(file, "P%c %u %u %u", &kind, &width, &height, &most) == 4 &&
              (kind == '5' || kind == '6') && most == 255 && width <= 16384 && height <= 16384 &&
              fgetc(file) != EOF;
    if (ok) {
        *out = (test_ppm){.width = width, .height = height, .channels = kind == '6' ? 3 : 1};
        const size_t n_bytes = (size_t)width * height * out->channels;
        out->data = malloc(n_bytes);
        ok = out->data != NULL && fread(out->data, 1, n_bytes, file) == n_bytes;
        if (!ok)
            free(out->data);
    }
    fclose(file);
    return ok;
}

#endif
