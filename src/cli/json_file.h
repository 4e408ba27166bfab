/* SPDX-License-Identifier: MIT
 *
 * The commands' JSON goes to a C stream.
 */
#ifndef VIT158_CLI_JSON_FILE_H
#define VIT158_CLI_JSON_FILE_H

#include <stdio.h>

#include "model/json_out.h"

/* JSON written to `file`. */
vit158_json vit158_json_to(FILE *file);

#endif
