/* SPDX-License-Identifier: MIT
 *
 * See json_read.h.
 */
#include "cli/json_read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

bool vit158_json_key_is(const vit158_json_string *key, const char *name)
{
    return key->raw_bytes == strlen(name) && memcmp(key->raw, name, key->raw_bytes) == 0;
}

bool vit158_json_read_text(vit158_json_in *in, char **out)
{
    vit158_json_string string;
    if (!vit158_json_in_text(in, &string))
        return false;
    char *const text = malloc(string.raw_bytes + 1);
    if (text == NULL)
        return vit158_json_in_problem(in, "not enough memory");
    vit158_json_string_decode(text, &string);
    free(*out);
    *out = text;
    return true;
}

bool vit158_json_read_hash(vit158_json_in *in, char out[65])
{
    vit158_json_string string;
    if (!vit158_json_in_text(in, &string))
        return false;
    if (string.raw_bytes != 64 || strspn((const char *)string.raw, "0123456789abcdef") != 64)
        return vit158_json_in_problem(in, "a SHA-256 in lower-case hexadecimal is expected");
    memcpy(out, string.raw, 64);
    out[64] = '\0';
    return true;
}

bool vit158_json_read_u32(vit158_json_in *in, uint32_t *out)
{
    uint64_t value;
    if (!vit158_json_in_u64(in, &value))
        return false;
    if (value > UINT32_MAX)
        return vit158_json_in_problem(in, "a number above 2^32 - 1");
    *out = (uint32_t)value;
    return true;
}

/* The program never leaves the "C" locale, so strtod reads what JSON writes. */
bool vit158_json_read_double(vit158_json_in *in, double *out)
{
    char text[40] = "";
    char *end = text;
    vit158_json_in_peek(in);
    if (in->problem != NULL)
        return false;
    size_t n = 0;
    while (in->position + n < in->n_bytes &&
           memchr("+-.0123456789Ee", in->text[in->position + n], 15) != NULL) {
        if (n == sizeof text - 1)
            return vit158_json_in_problem(in, "a number of more than 39 characters");
        text[n] = (char)in->text[in->position + n];
        n++;
    }
    const double value = strtod(text, &end);
    if (n == 0 || end != text + n || text[0] == '+' || text[0] == '.' || !isfinite(value))
        return vit158_json_in_problem(in, "a finite number is expected");
    in->position += n;
    *out = value;
    return true;
}

bool vit158_json_read_float(vit158_json_in *in, float *out)
{
    double value = 0.0;
    if (!vit158_json_read_double(in, &value))
        return false;
    *out = (float)value;
    return isfinite(*out) || vit158_json_in_problem(in, "a finite number is expected");
}

bool vit158_json_grow(vit158_json_in *in, void **array, size_t count, size_t size)
{
    if (count != 0 && (count & (count - 1)) != 0)
        return true;
    void *const larger = realloc(*array, (count == 0 ? 1 : 2 * count) * size);
    if (larger == NULL)
        return vit158_json_in_problem(in, "not enough memory");
    *array = larger;
    return true;
}

vit158_status vit158_json_read_format(vit158_json_in *in, const char *name, unsigned version,
                                      const char *what, vit158_error *error)
{
    vit158_json_string key, text;
    uint64_t found;
    if (!vit158_json_in_enter(in, '{') || !vit158_json_in_next(in, '}') ||
        !vit158_json_in_key(in, &key) || !vit158_json_key_is(&key, "format") ||
        !vit158_json_in_text(in, &text) || !vit158_json_key_is(&text, name))
        return vit158_fail(error, VIT158_E_FORMAT, "not a %s", what);
    if (!vit158_json_in_next(in, '}') || !vit158_json_in_key(in, &key) ||
        !vit158_json_key_is(&key, "format_version") || !vit158_json_in_u64(in, &found))
        return vit158_fail(error, VIT158_E_FORMAT, "not a %s: it has no format_version", what);
    if (found != version)
        return vit158_fail(error, VIT158_E_UNSUPPORTED,
                           "%ss of version %llu are not read here, only %u", what,
                           (unsigned long long)found, version);
    return VIT158_OK;
}
