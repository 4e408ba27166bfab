/* SPDX-License-Identifier: MIT
 *
 * Text: a small printf for messages and names (no floats, no locale, no allocation), and copies.
 */
#ifndef VIT158_BASE_TEXT_H
#define VIT158_BASE_TEXT_H

#include <stdarg.h>
#include <stddef.h>

/* Writes at most capacity - 1 bytes and a NUL (nothing if capacity is 0); returns the number of
 * bytes written without the NUL. Formats: %s %.*s %c %d %u %zu %llu %%. A cut never splits a UTF-8
 * character. */
size_t vit158_format_list(char *out, size_t capacity, const char *format, va_list arguments);

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
size_t
vit158_format(char *out, size_t capacity, const char *format, ...);

/* By malloc, to be freed; NULL if memory is short. */
char *vit158_copy_text(const char *text);

#endif
