/* SPDX-License-Identifier: MIT */
#include "model/decimal.h"

#define MAX_POWER 22

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits before and after the point, without leading zeros. */
typedef struct significand {
    uint64_t value;
    unsigned digits; /* significant ones, 0 .. 19 */
    int exponent;    /* value * 10^exponent */
    bool any;        /* at least one digit was there */
} significand;

/* Adds a digit; false if there are too many. */
static bool add_digit(significand *s, char c)
{
    s->any = true;
    if (s->digits == 19)
        return false;
    s->value = s->value * 10 + (unsigned)(c - '0');
    s->digits += s->value != 0;
    return true;
}

/* Text of at most a few dozen bytes ever passes: zeros after the point are bounded here too. */
static bool read_significand(significand *s, const char *text, size_t n_bytes, size_t *position)
{
    size_t i = *position;
    for (; i < n_bytes && is_digit(text[i]); i++) {
        if (!add_digit(s, text[i]))
            return false;
    }
    if (!s->any)
        return false;
    if (i < n_bytes && text[i] == '.') {
        const size_t start = ++i;
        for (; i < n_bytes && is_digit(text[i]); i++) {
            if (!add_digit(s, text[i]) || i - start > 40)
                return false;
            s->exponent--;
        }
        if (i == start)
            return false;
    }
    *position = i;
    return true;
}

/* Adds the exponent part, if any. */
static bool read_exponent(int *exponent, const char *text, size_t n_bytes, size_t *position)
{
    size_t i = *position;
    if (i == n_bytes)
        return true;
    if (text[i] != 'e' && text[i] != 'E')
        return false;
    i++;
    const bool negative = i < n_bytes && text[i] == '-';
    if (i < n_bytes && (text[i] == '-' || text[i] == '+'))
        i++;
    if (i == n_bytes)
        return false;
    int value = 0;
    for (; i < n_bytes && is_digit(text[i]); i++) {
        value = value * 10 + (text[i] - '0');
        if (value > 1000)
            return false;
    }
    *exponent += negative ? -value : value;
    *position = i;
    return true;
}

bool vit158_decimal_double(double *out, const char *text, size_t n_bytes)
{
    size_t position = 0;
    const bool negative = n_bytes > 0 && text[0] == '-';
    if (negative)
        position++;
    significand s = {0};
    if (!read_significand(&s, text, n_bytes, &position) ||
        !read_exponent(&s.exponent, text, n_bytes, &position) || position != n_bytes)
        return false;
    /* Zeros at the end of the digits would only cost range. */
    while (s.value != 0 && s.value % 10 == 0) {
        s.value /= 10;
        s.exponent++;
    }
    if (s.value == 0)
        s.exponent = 0;
    if (s.exponent < -MAX_POWER || s.exponent > MAX_POWER)
        return false;
    double power = 1.0; /* 10^22 = 5^22 * 2^22 and 5^22 < 2^53: every step is exact */
    for (int i = 0; i < (s.exponent < 0 ? -s.exponent : s.exponent); i++)
        power *= 10.0;
    const double digits = (double)s.value;
    const double value = s.exponent < 0 ? digits / power : digits * power;
    *out = negative ? -value : value;
    return true;
}

bool vit158_decimal_u32(uint32_t *out, const char *text, size_t n_bytes)
{
    if (n_bytes == 0 || n_bytes > 10 || (text[0] == '0' && n_bytes > 1))
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        if (!is_digit(text[i]))
            return false;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    if (value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    return true;
}
