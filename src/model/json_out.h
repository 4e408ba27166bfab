/* SPDX-License-Identifier: MIT
 *
 * JSON on one line, written as it comes. Numbers have the shortest digits that read back as the
 * same double and JavaScript's layout, so that what C writes is what JSON.stringify would.
 */
#ifndef VIT158_MODEL_JSON_OUT_H
#define VIT158_MODEL_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct vit158_json {
    /* Takes the next bytes of the text. */
    void (*put)(void *context, const char *text, size_t n_bytes);
    void *context;
    bool comma; /* a member or element has been written at this level */
} vit158_json;

/* Opens and closes objects and arrays. `key` is NULL inside arrays and at the top. */
void vit158_json_open(vit158_json *json, const char *key, char bracket); /* '{' or '[' */
void vit158_json_close(vit158_json *json, char bracket);                 /* '}' or ']' */

/* Bytes that are not UTF-8 become U+FFFD. `text` NULL gives null. */
void vit158_json_text(vit158_json *json, const char *key, const char *text);
/* A value that is not finite gives null, as JSON.stringify does. */
void vit158_json_number(vit158_json *json, const char *key, double value);
void vit158_json_bool(vit158_json *json, const char *key, bool value);
/* A value that is JSON text already. */
void vit158_json_raw(vit158_json *json, const char *key, const char *json_text);

#endif
