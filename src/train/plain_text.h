/* SPDX-License-Identifier: MIT
 *
 * Names that people give (of a model, of its classes) on their way into JSON: checked when a run
 * begins, so that it does not fail when its first model is to be written.
 */
#ifndef VIT158_TRAIN_PLAIN_TEXT_H
#define VIT158_TRAIN_PLAIN_TEXT_H

#include <stddef.h>

#include "vit158.h"

/* VIT158_E_ARGUMENT unless the text is UTF-8 without control characters; `what` begins the
 * sentence. */
vit158_status vit158_train_check_text(const char *what, const char *text, vit158_error *error);

/* Writes a checked text as a JSON string, quotes included, and a NUL: at most twice its length and
 * three bytes. Returns the length without the NUL. */
size_t vit158_train_json_text(char *out, const char *text);

#endif
