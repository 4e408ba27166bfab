/* SPDX-License-Identifier: MIT
 *
 * A strict pull parser for JSON (RFC 8259) in memory: the caller asks for what it expects, so there
 * is no tree, no recursion and no allocation, and nesting is bounded by the caller's own code.
 * Stricter than the RFC in one point: a string may not contain U+0000.
 *
 *   vit158_json_in in = vit158_json_in_over(text, n_bytes);
 *   vit158_json_in_enter(&in, '{');
 *   while (vit158_json_in_next(&in, '}')) {
 *       vit158_json_string key;
 *       vit158_json_in_key(&in, &key);
 *       ... one value ...
 *   }
 *   vit158_json_in_end(&in);
 *   if (in.problem != NULL) ...
 *
 * After the first problem every function returns false and reads nothing, so that one check at the
 * end is enough; outputs of a failed call are not set.
 */
#ifndef VIT158_MODEL_JSON_IN_H
#define VIT158_MODEL_JSON_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct vit158_json_in {
    const uint8_t *text;
    size_t n_bytes;
    size_t position;     /* <= n_bytes; where the problem is, if there is one */
    const char *problem; /* NULL or what is wrong, static */
    bool fresh;          /* inside brackets, before their first element */
} vit158_json_in;

/* A checked string between its quotes: valid UTF-8, valid escapes. Points into the text. */
typedef struct vit158_json_string {
    const uint8_t *raw;
    size_t raw_bytes;
} vit158_json_string;

static inline vit158_json_in vit158_json_in_over(const void *text, size_t n_bytes)
{
    return (vit158_json_in){.text = text, .n_bytes = n_bytes};
}

/* First byte of the next value ('{', '[', '"', ...), 0 at the end or after a problem. */
char vit158_json_in_peek(vit158_json_in *in);

/* Takes '{' or '['. */
bool vit158_json_in_enter(vit158_json_in *in, char open);

/* True if another element follows; takes the comma before it, or the closing bracket. */
bool vit158_json_in_next(vit158_json_in *in, char close);

/* A string value; a member's name with its colon; a whole number 0 .. 2^64 - 1 without sign,
 * fraction or exponent. */
bool vit158_json_in_text(vit158_json_in *in, vit158_json_string *out);
bool vit158_json_in_key(vit158_json_in *in, vit158_json_string *out);
bool vit158_json_in_u64(vit158_json_in *in, uint64_t *out);

/* Only white space is left. */
bool vit158_json_in_end(vit158_json_in *in);

/* Reports a problem of the caller's at the current position, if there is none yet. Returns false.
 */
bool vit158_json_in_problem(vit158_json_in *in, const char *what);

/* Resolves escapes and ends with NUL; `out` needs raw_bytes + 1 bytes. Returns the length. */
size_t vit158_json_string_decode(char *out, const vit158_json_string *string);

/* Number of bytes of the UTF-8 character at text[0 .. n_bytes), 0 if it is not valid. */
size_t vit158_utf8_length(const uint8_t *text, size_t n_bytes);

#endif
