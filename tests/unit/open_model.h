/* SPDX-License-Identifier: MIT
 *
 * A model file, opened, for tests.
 */
#ifndef VIT158_TESTS_OPEN_MODEL_H
#define VIT158_TESTS_OPEN_MODEL_H

#include "unit/read_file.h"
#include "unit/test.h"
#include "vit158.h"

/* Fails the test if it cannot be opened; the caller ends it with vit158_model_close. */
static inline vit158_model *test_open_model(const char *path)
{
    size_t n_bytes = 0;
    uint8_t *const bytes = test_read_file(path, &n_bytes);
    vit158_model *model = NULL;
    vit158_error error;
    if (bytes == NULL)
        fail_msg("%s cannot be read", path);
    if (vit158_model_open(&model, bytes, n_bytes, &error) != VIT158_OK)
        fail_msg("%s: %s", path, error.message);
    free(bytes);
    return model;
}

#endif
