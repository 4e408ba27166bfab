/* SPDX-License-Identifier: MIT */
#include "train/plain_text.h"

#include <string.h>

#include "base/error.h"
#include "model/json_in.h"

vit158_status vit158_train_check_text(const char *what, const char *text, vit158_error *error)
{
    const uint8_t *at = (const uint8_t *)text;
    for (size_t left = strlen(text); left > 0;) {
        const size_t length = vit158_utf8_length(at, left);
        if (length == 0)
            return vit158_fail(error, VIT158_E_ARGUMENT,
                               "%s is not UTF-8 (byte %zu), which model files must be", what,
                               strlen(text) - left);
        if (*at < 0x20)
            return vit158_fail(error, VIT158_E_ARGUMENT, "%s has a control character (byte %zu)",
                               what, strlen(text) - left);
        at += length;
        left -= length;
    }
    return VIT158_OK;
}

size_t vit158_train_json_text(char *out, const char *text)
{
    char *to = out;
    *to++ = '"';
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            *to++ = '\\';
        *to++ = *text;
    }
    *to++ = '"';
    *to = 0;
    return (size_t)(to - out);
}
