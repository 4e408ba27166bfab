/* SPDX-License-Identifier: MIT */
#include "model/json_in.h"

static uint8_t byte_here(const vit158_json_in *in)
{
    return in->position < in->n_bytes ? in->text[in->position] : 0;
}

static void skip_space(vit158_json_in *in)
{
    while (in->position < in->n_bytes) {
        const uint8_t c = in->text[in->position];
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
            return;
        in->position++;
    }
}

bool vit158_json_in_problem(vit158_json_in *in, const char *what)
{
    if (in->problem == NULL)
        in->problem = what;
    return false;
}

char vit158_json_in_peek(vit158_json_in *in)
{
    if (in->problem != NULL)
        return 0;
    skip_space(in);
    return (char)byte_here(in);
}

bool vit158_json_in_enter(vit158_json_in *in, char open)
{
    if (in->problem != NULL)
        return false;
    if (vit158_json_in_peek(in) != open)
        return vit158_json_in_problem(in, open == '{' ? "an object is expected"
                                                      : "an array is expected");
    in->position++;
    in->fresh = true;
    return true;
}

bool vit158_json_in_next(vit158_json_in *in, char close)
{
    if (in->problem != NULL)
        return false;
    const char c = vit158_json_in_peek(in);
    if (c == close) {
        in->position++;
        in->fresh = false;
        return false;
    }
    if (!in->fresh) {
        if (c != ',')
            return vit158_json_in_problem(in, "a comma or a closing bracket is expected");
        in->position++;
        if (vit158_json_in_peek(in) == close)
            return vit158_json_in_problem(in, "a comma before a closing bracket");
    }
    in->fresh = false;
    return true;
}

size_t vit158_utf8_length(const uint8_t *text, size_t n_bytes)
{
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (n_bytes == 0)
        return 0;
    const uint8_t lead = text[0];
    if (lead < 0x80)
        return 1;
    const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || length > n_bytes)
        return 0;
    uint32_t code = lead & (0xFFU >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3FU);
    }
    const bool surrogate = code >= 0xD800 && code < 0xE000;
    return code < smallest[length] || code > 0x10FFFF || surrogate ? 0 : length;
}

/* Value of four hexadecimal digits, or -1. */
static int32_t hex4(const uint8_t *text, size_t n_bytes)
{
    if (n_bytes < 4)
        return -1;
    int32_t value = 0;
    for (int i = 0; i < 4; i++) {
        const uint8_t c = text[i];
        int32_t digit;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = (c | 0x20) - 'a' + 10;
        else
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* Reads the escape at text[0] = '\\'. Sets its code point and returns its length, 0 if invalid. */
static size_t read_escape(uint32_t *code, const uint8_t *text, size_t n_bytes)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    if (n_bytes < 2)
        return 0;
    for (size_t i = 0; names[i] != 0; i++) {
        if (text[1] == (uint8_t)names[i]) {
            *code = (uint8_t)values[i];
            return 2;
        }
    }
    if (text[1] != 'u')
        return 0;
    const int32_t first = hex4(text + 2, n_bytes - 2);
    if (first <= 0 || (first >= 0xDC00 && first < 0xE000))
        return 0;
    *code = (uint32_t)first;
    if (first < 0xD800 || first >= 0xE000)
        return 6;
    if (n_bytes < 8 || text[6] != '\\' || text[7] != 'u')
        return 0;
    const int32_t second = hex4(text + 8, n_bytes - 8);
    if (second < 0xDC00 || second >= 0xE000)
        return 0;
    *code = 0x10000U + ((uint32_t)(first - 0xD800) << 10) + (uint32_t)(second - 0xDC00);
    return 12;
}

bool vit158_json_in_text(vit158_json_in *in, vit158_json_string *out)
{
    if (in->problem != NULL)
        return false;
    if (vit158_json_in_peek(in) != '"')
        return vit158_json_in_problem(in, "a string is expected");
    in->position++;
    const size_t start = in->position;
    while (in->position < in->n_bytes) {
        const uint8_t *here = in->text + in->position;
        const size_t left = in->n_bytes - in->position;
        if (*here == '"') {
            out->raw = in->text + start;
            out->raw_bytes = in->position - start;
            in->position++;
            return true;
        }
        if (*here < 0x20)
            return vit158_json_in_problem(in, "a control character inside a string");
        uint32_t code;
        const size_t length =
            *here == '\\' ? read_escape(&code, here, left) : vit158_utf8_length(here, left);
        if (length == 0)
            return vit158_json_in_problem(in,
                                          *here == '\\' ? "an invalid escape" : "invalid UTF-8");
        in->position += length;
    }
    return vit158_json_in_problem(in, "a string without end");
}

bool vit158_json_in_key(vit158_json_in *in, vit158_json_string *out)
{
    if (!vit158_json_in_text(in, out))
        return false;
    if (vit158_json_in_peek(in) != ':')
        return vit158_json_in_problem(in, "a colon is expected");
    in->position++;
    return true;
}

bool vit158_json_in_u64(vit158_json_in *in, uint64_t *out)
{
    if (in->problem != NULL)
        return false;
    const char lead = vit158_json_in_peek(in);
    if (lead < '0' || lead > '9')
        return vit158_json_in_problem(in, "a whole number is expected");
    uint64_t value = 0;
    size_t digits = 0;
    for (uint8_t c = byte_here(in); c >= '0' && c <= '9'; c = byte_here(in)) {
        const unsigned digit = c - (unsigned)'0';
        if (value > (UINT64_MAX - digit) / 10)
            return vit158_json_in_problem(in, "a number above 2^64 - 1");
        value = value * 10 + digit;
        in->position++;
        digits++;
    }
    if (digits > 1 && lead == '0')
        return vit158_json_in_problem(in, "a number with a leading zero");
    const uint8_t after = byte_here(in);
    if (after == '.' || after == 'e' || after == 'E')
        return vit158_json_in_problem(in, "a number that is not whole");
    *out = value;
    return true;
}

bool vit158_json_in_end(vit158_json_in *in)
{
    if (in->problem != NULL)
        return false;
    skip_space(in);
    /* UNREACHABLE: a problem is never true. */
    return in->position == in->n_bytes || vit158_json_in_problem(in, "text after the end");
}

static size_t put_utf8(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    const size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    out[0] = (char)((0xF00U >> length) | code);
    return length;
}

size_t vit158_json_string_decode(char *out, const vit158_json_string *string)
{
    size_t length = 0;
    for (size_t i = 0; i < string->raw_bytes;) {
        if (string->raw[i] != '\\') {
            out[length++] = (char)string->raw[i++];
            continue;
        }
        uint32_t code = 0;
        i += read_escape(&code, string->raw + i, string->raw_bytes - i);
        length += put_utf8(out + length, code);
    }
    out[length] = 0;
    return length;
}
