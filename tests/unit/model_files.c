/* SPDX-License-Identifier: MIT */
#include "unit/test.h"

#include "unit/model_files.h"

#include <stdio.h>
#include <stdlib.h>

uint8_t *read_all(const char *path, size_t *n_bytes)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s cannot be opened", path);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    const long length = ftell(file);
    assert_true(length >= 0);
    rewind(file);
    uint8_t *bytes = malloc((size_t)length + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, (size_t)length, file), length);
    fclose(file);
    *n_bytes = (size_t)length;
    return bytes;
}

void need_shared(char path[1024], const char *name)
{
    const char *folder = getenv("VIT158_SHARED");
    snprintf(path, 1024, "%s/%s", folder != NULL ? folder : VIT158_SOURCE_DIR "/../shared", name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        print_message("SKIPPED: no %s; set VIT158_SHARED to the reference folder\n", path);
        skip();
    }
    fclose(file);
}
