/* SPDX-License-Identifier: MIT
 *
 * `vit158 import --verify FOLDER`: how often the source and the new model are right on labelled
 * images.
 */
#ifndef VIT158_CLI_IMPORT_ACCURACY_H
#define VIT158_CLI_IMPORT_ACCURACY_H

#include <stdbool.h>

#include "vit158.h"

/* Classifies every image under `folder` (a sub-folder for each class, as for vit158 eval) with the
 * source, whose weights are stored unrounded in the model file `source_path`, and with the new
 * model; prints a line. It passes unless the new model is right less often by more than two
 * standard errors of the difference: of the images that only one of them gets right, b and c of
 * them, b - c > 2 sqrt(b + c). Errors: those of opening the files; VIT158_E_IO for no image. */
vit158_status vit158_import_accuracy(bool *passed, const char *source_path, const char *model_path,
                                     const char *folder, vit158_error *error);

#endif
