/* SPDX-License-Identifier: MIT
 *
 * What the readers of JSON files share: members into memory of their own, each checked. Like the
 * parser's functions they return false after the first problem.
 */
#ifndef VIT158_CLI_JSON_READ_H
#define VIT158_CLI_JSON_READ_H

#include "model/json_in.h"
#include "vit158.h"

bool vit158_json_key_is(const vit158_json_string *key, const char *name);

/* A string into memory of its own, in place of the one there was. */
bool vit158_json_read_text(vit158_json_in *in, char **out);
bool vit158_json_read_hash(vit158_json_in *in, char out[65]);
bool vit158_json_read_u32(vit158_json_in *in, uint32_t *out);
/* Finite numbers; a float is the double read, rounded. */
bool vit158_json_read_double(vit158_json_in *in, double *out);
bool vit158_json_read_float(vit158_json_in *in, float *out);

/* Room for one more element of `size` bytes in an array that grows one by one from empty: it is
 * realloc's, and `count` says how many it has. */
bool vit158_json_grow(vit158_json_in *in, void **array, size_t count, size_t size);

/* The opening bracket and the first two members, "format" and "format_version". `what` names such
 * files: "golden file". */
vit158_status vit158_json_read_format(vit158_json_in *in, const char *name, unsigned version,
                                      const char *what, vit158_error *error);

#endif
