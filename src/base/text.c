/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct sink {
    char *out;
    size_t capacity;
    size_t length;
    bool full;
} sink;

/* Length of `text`'s longest prefix of at most `limit` bytes that ends on a character's end. */
static size_t utf8_prefix(const char *text, size_t limit)
{
    while (limit > 0 && ((unsigned char)text[limit] & 0xC0) == 0x80)
        limit--;
    return limit;
}

static void put(sink *to, const char *text, size_t n_bytes)
{
    if (to->full)
        return;
    const size_t room = to->capacity - 1 - to->length;
    if (n_bytes > room) {
        n_bytes = utf8_prefix(text, room);
        to->full = true;
    }
    memcpy(to->out + to->length, text, n_bytes);
    to->length += n_bytes;
}

static void put_unsigned(sink *to, unsigned long long value)
{
    char digits[20];
    size_t first = sizeof digits;
    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    put(to, digits + first, sizeof digits - first);
}

static void put_signed(sink *to, long long value)
{
    if (value < 0)
        put(to, "-", 1);
    put_unsigned(to, value < 0 ? 0ULL - (unsigned long long)value : (unsigned long long)value);
}

static size_t bounded_length(const char *text, size_t limit)
{
    const char *end = memchr(text, 0, limit);
    return end != NULL ? (size_t)(end - text) : limit;
}

size_t vit158_format_list(char *out, size_t capacity, const char *format, va_list arguments)
{
    if (capacity == 0)
        return 0;
    sink to = {out, capacity, 0, false};
    for (const char *f = format; *f != 0; f++) {
        if (*f != '%') {
            put(&to, f, 1);
            continue;
        }
        f++;
        if (*f == 's') {
            const char *text = va_arg(arguments, const char *);
            put(&to, text, strlen(text));
        } else if (strncmp(f, ".*s", 3) == 0) {
            const int limit = va_arg(arguments, int);
            const char *text = va_arg(arguments, const char *);
            put(&to, text, limit > 0 ? bounded_length(text, (size_t)limit) : 0);
            f += 2;
        } else if (*f == 'c') {
            const char c = (char)va_arg(arguments, int);
            put(&to, &c, 1);
        } else if (*f == 'd') {
            put_signed(&to, va_arg(arguments, int));
        } else if (*f == 'u') {
            put_unsigned(&to, va_arg(arguments, unsigned));
        } else if (strncmp(f, "zu", 2) == 0) {
            put_unsigned(&to, va_arg(arguments, size_t));
            f += 1;
        } else if (strncmp(f, "llu", 3) == 0) {
            put_unsigned(&to, va_arg(arguments, unsigned long long));
            f += 2;
        } else if (*f == '%') {
            put(&to, "%", 1);
        } else {
            break; /* not one of ours: stop instead of reading a wrong argument */
        }
    }
    out[to.length] = 0;
    return to.length;
}

size_t vit158_format(char *out, size_t capacity, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const size_t length = vit158_format_list(out, capacity, format, arguments);
    va_end(arguments);
    return length;
}

char *vit158_copy_text(const char *text)
{
    const size_t n_bytes = strlen(text) + 1;
    char *const copy = malloc(n_bytes);
    if (copy != NULL)
        memcpy(copy, text, n_bytes);
    return copy;
}
