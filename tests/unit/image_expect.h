/* SPDX-License-Identifier: MIT
 *
 * Loading a test image, and expecting that decoding one fails in a certain way.
 */
#ifndef VIT158_TESTS_IMAGE_EXPECT_H
#define VIT158_TESTS_IMAGE_EXPECT_H

#include <stdio.h>
#include <string.h>

#include "unit/read_file.h"
#include "unit/test.h"
#include "vit158.h"

/* A file of tests/data/images; free() it. */
static inline uint8_t *test_load_image(const char *name, size_t *n_bytes)
{
    char path[512];
    snprintf(path, sizeof path, "%s/images/%s", VIT158_TEST_DATA, name);
    uint8_t *bytes = test_read_file(path, n_bytes);
    if (bytes == NULL)
        fail_msg("cannot read %s", path);
    return bytes;
}

/* Decodes and expects a failure with this status and these words. */
static inline void test_expect_refusal(const char *what, const void *bytes, size_t n_bytes,
                                       size_t max_bytes, vit158_status status, const char *words)
{
    vit158_image image;
    memset(&image, 0xA5, sizeof image);
    vit158_error error = {0};
    const vit158_status found = vit158_image_decode(&image, bytes, n_bytes, max_bytes, &error);
    if (found != status || error.status != status || strstr(error.message, words) == NULL)
        fail_msg("%s: status %d, not %d; \"%s\", not \"%s\"", what, (int)found, (int)status,
                 error.message, words);
    assert_null(image.data);
    assert_int_equal(vit158_image_decode(&image, bytes, n_bytes, max_bytes, NULL), status);
}

#endif
