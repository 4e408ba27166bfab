/* SPDX-License-Identifier: MIT
 *
 * Where --model leads: a file, or a model of the collection in models/.
 */
#ifndef VIT158_CLI_FIND_MODEL_H
#define VIT158_CLI_FIND_MODEL_H

#include "vit158.h"

/* Path of the wanted model, to be freed by the caller. `wanted` is a path, or the name of a model
 * in models/ (with or without ".safetensors"), or NULL for the collection's default. The collection
 * is the folder named by the environment variable VIT158_MODELS, else ../share/vit158/models beside
 * the program's folder, else the source tree's models/. */
vit158_status vit158_find_model(char **path, const char *wanted, vit158_error *error);

#endif
