/* SPDX-License-Identifier: MIT
 *
 * Failing with a sentence. Library code returns a vit158_status; the first function that knows what
 * was wrong writes the sentence, callers pass the status on.
 */
#ifndef VIT158_BASE_ERROR_H
#define VIT158_BASE_ERROR_H

#include "vit158.h"

/* Fills `error` (if not NULL) and returns `status`, so that `return vit158_fail(...)` reads well.
 * Formats: %s %.*s %c %d %u %zu %llu %% and nothing else (libc's printf would be a third of the
 * wasm module). Too long a sentence is cut at a UTF-8 character's start. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
vit158_status
vit158_fail(vit158_error *error, vit158_status status, const char *format, ...);

/* Passes `status` on; if it is a failure its sentence now begins with the file's name. */
vit158_status vit158_name_error(vit158_error *error, vit158_status status, const char *path);

#define VIT158_RETURN_IF_ERROR(expression)                                                         \
    do {                                                                                           \
        const vit158_status status_ = (expression);                                                \
        if (status_ != VIT158_OK)                                                                  \
            return status_;                                                                        \
    } while (0)

#endif
