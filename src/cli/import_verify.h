/* SPDX-License-Identifier: MIT
 *
 * `vit158 import --verify`: whether the new model gives what its source gives.
 */
#ifndef VIT158_CLI_IMPORT_VERIFY_H
#define VIT158_CLI_IMPORT_VERIFY_H

#include <stdbool.h>

#include "vit158.h"

/* Runs the model on `pixel_values` [n][channels][S][S] of a safetensors file and compares with its
 * `logits` [n][C] (without a head: embeddings); prints a line. With `exact` (weights stored as F32)
 * it passes if no logit is more than 1e-4 of the largest one apart, else if top-1 is the same for
 * every image. Errors: those of opening both files, VIT158_E_TENSOR for tensors that are missing or
 * do not fit. */
vit158_status vit158_import_verify(bool *passed, const char *model_path, const char *verify_path,
                                   bool exact, vit158_error *error);

#endif
