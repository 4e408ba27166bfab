/* SPDX-License-Identifier: MIT
 *
 * Files that the command line names: inputs, which may be "-", models through the push loader,
 * paths. (Files of any name: base/file.h.)
 */
#ifndef VIT158_CLI_FILES_H
#define VIT158_CLI_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vit158.h"

#define VIT158_MAX_METADATA_BYTES ((size_t)4 << 20) /* of a --metadata or --labels file */

/* What vit158_file_read does, for an argument of a command: "-" is standard input, and an address
 * gets advice. At most `max_bytes`; a NUL follows them here too. */
vit158_status vit158_input_read(uint8_t **bytes, size_t *n_bytes, const char *path,
                                size_t max_bytes, vit158_error *error);

/* Opens a model file piece by piece; the caller ends it with vit158_model_close. */
vit158_status vit158_open_model_file(vit158_model **model, const char *path, vit158_error *error);

/* `file` as seen from the folder of `from`, both named from the working directory: "../a/b.jpg".
 * Links in folders' names are followed. The folders must exist. The caller frees *out. */
vit158_status vit158_relative_path(char **out, const char *from, const char *file,
                                   vit158_error *error);

/* `name` as seen from the folder of `from`: the way back. NULL if memory is short. */
char *vit158_path_beside(const char *from, const char *name);

/* Hexadecimal SHA-256 of a regular file. */
vit158_status vit158_hash_file(char out[65], const char *path, vit158_error *error);

/* The part after the last slash. */
const char *vit158_base_name(const char *path);

#endif
