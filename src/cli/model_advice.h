/* SPDX-License-Identifier: MIT
 *
 * What helps when a file given as a model is none: says what the file is, or whose names its
 * tensors bear, and the command to run.
 */
#ifndef VIT158_CLI_MODEL_ADVICE_H
#define VIT158_CLI_MODEL_ADVICE_H

#include "vit158.h"

/* After opening `path` as a model or checkpoint failed with `error`: replaces or extends the
 * sentence where the file tells more. Returns error->status. */
vit158_status vit158_advise(const char *path, vit158_error *error);

#endif
