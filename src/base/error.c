/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <stdarg.h>

#include "base/text.h"

/* Messages quote strangers' files; a terminal must not take orders from them. */
static void hide_controls(char *text)
{
    for (; *text != 0; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            *text = '?';
    }
}

vit158_status vit158_fail(vit158_error *error, vit158_status status, const char *format, ...)
{
    if (error != NULL) {
        va_list arguments;
        va_start(arguments, format);
        error->status = status;
        vit158_format_list(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
        hide_controls(error->message);
    }
    return status;
}

vit158_status vit158_name_error(vit158_error *error, vit158_status status, const char *path)
{
    if (status == VIT158_OK || error == NULL)
        return status;
    const vit158_error unnamed = *error;
    return vit158_fail(error, status, "%s: %s", path, unnamed.message);
}
