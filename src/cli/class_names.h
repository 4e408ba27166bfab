/* SPDX-License-Identifier: MIT
 *
 * Which class of a model a folder's name means.
 */
#ifndef VIT158_CLI_CLASS_NAMES_H
#define VIT158_CLI_CLASS_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "vit158.h"

/* The class whose wnid (metadata key "wnids", a JSON array) is `name`, else the first whose label
 * is `name` as a whole or up to its first comma. False if there is none. */
bool vit158_find_class(uint32_t *index, const vit158_model *model, const char *name);

#endif
