/* SPDX-License-Identifier: MIT
 *
 * See reference_file.h.
 */
#define _POSIX_C_SOURCE 200809L
#include "golden/reference_file.h"

#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/files.h"

bool reference_path(char path[1024], const char *name)
{
    const char *const folder = getenv("VIT158_SHARED");
    snprintf(path, 1024, "%s/%s", folder ? folder : VIT158_SOURCE_DIR "/../shared", name);
    return access(path, R_OK) == 0;
}

char *reference_text(const char *name)
{
    char path[1024];
    uint8_t *bytes;
    size_t n_bytes;
    vit158_error error;
    reference_path(path, name);
    if (vit158_input_read(&bytes, &n_bytes, path, (size_t)1 << 26, &error) != VIT158_OK)
        fail_msg("%s: %s", path, error.message);
    char *const text = realloc(bytes, n_bytes + 1);
    assert_non_null(text);
    text[n_bytes] = '\0';
    return text;
}

const char *reference_key(const char *from, const char *key)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *const at = strstr(from, quoted);
    return at ? at + strlen(quoted) : NULL;
}

void reference_numbers(double *out, size_t count, const char *from, const char *key)
{
    const char *at = reference_key(from, key);
    assert_non_null(at);
    at += strspn(at, " \n[");
    for (size_t i = 0; i < count; i++) {
        char *end;
        out[i] = strtod(at, &end);
        if (end == at)
            fail_msg("%s has fewer than %zu numbers", key, count);
        at = end + strspn(end, " \n,");
    }
}

void reference_string(char *out, size_t capacity, const char *from, const char *key)
{
    const char *at = reference_key(from, key);
    assert_non_null(at);
    at = strchr(at, '"');
    assert_non_null(at);
    snprintf(out, capacity, "%.*s", (int)strcspn(at + 1, "\""), at + 1);
}
