/* SPDX-License-Identifier: MIT
 *
 * Any JSON value, taken from the pull parser of model/json_in.h and checked as a whole, for
 * documents whose members are not known beforehand (config.json). Nesting is bounded.
 */
#ifndef VIT158_IMPORT_JSON_VALUE_H
#define VIT158_IMPORT_JSON_VALUE_H

#include "model/json_in.h"

#define VIT158_JSON_MAX_DEPTH 32U

typedef enum vit158_json_kind {
    VIT158_JSON_NULL,
    VIT158_JSON_FALSE,
    VIT158_JSON_TRUE,
    VIT158_JSON_NUMBER,
    VIT158_JSON_TEXT,
    VIT158_JSON_ARRAY,
    VIT158_JSON_OBJECT
} vit158_json_kind;

typedef struct vit158_json_value {
    vit158_json_kind kind;
    /* A text's characters between its quotes; of any other value the JSON itself. */
    vit158_json_string raw;
} vit158_json_value;

bool vit158_json_in_value(vit158_json_in *in, vit158_json_value *out);

/* The next member of an object, or element of an array, that was entered; false behind the last one
 * and after a problem. Of a value that was taken as a whole before there is none. */
bool vit158_json_in_member(vit158_json_in *in, vit158_json_string *key, vit158_json_value *value);
bool vit158_json_in_element(vit158_json_in *in, vit158_json_value *value);

/* A parser over a value's own JSON: array or object. */
static inline vit158_json_in vit158_json_in_of(const vit158_json_value *value)
{
    return vit158_json_in_over(value->raw.raw, value->raw.raw_bytes);
}

/* Whether a string without escapes is `text`. */
bool vit158_json_is(const vit158_json_string *string, const char *text);

/* A whole number 0 .. 2^32 - 1. */
bool vit158_json_u32(uint32_t *out, const vit158_json_value *value);

/* The number's characters, so that they can stand in metadata; false if it is none, or if it is
 * longer than out. */
bool vit158_json_number_text(char *out, size_t capacity, const vit158_json_value *value);

/* A text without escapes, copied; false if it is none or does not fit. */
bool vit158_json_copy(char *out, size_t capacity, const vit158_json_value *value);

#endif
