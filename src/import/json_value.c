/* SPDX-License-Identifier: MIT */
#include "import/json_value.h"

#include <string.h>

#include "model/decimal.h"

static uint8_t byte_at(const vit158_json_in *in, size_t position)
{
    return position < in->n_bytes ? in->text[position] : 0;
}

static bool take_word(vit158_json_in *in, const char *word)
{
    const size_t length = strlen(word);
    if (in->n_bytes - in->position < length || memcmp(in->text + in->position, word, length) != 0)
        return vit158_json_in_problem(in, "a value is expected");
    in->position += length;
    return true;
}

static bool take_digits(vit158_json_in *in)
{
    const size_t start = in->position;
    while (byte_at(in, in->position) >= '0' && byte_at(in, in->position) <= '9')
        in->position++;
    if (in->position == start)
        return vit158_json_in_problem(in, "a digit is expected");
    return true;
}

static bool take_number(vit158_json_in *in)
{
    if (byte_at(in, in->position) == '-')
        in->position++;
    const size_t first = in->position;
    if (!take_digits(in))
        return false;
    if (byte_at(in, first) == '0' && in->position > first + 1)
        return vit158_json_in_problem(in, "a number with a leading zero");
    if (byte_at(in, in->position) == '.') {
        in->position++;
        if (!take_digits(in))
            return false;
    }
    if ((byte_at(in, in->position) | 0x20) == 'e') {
        in->position++;
        if (byte_at(in, in->position) == '+' || byte_at(in, in->position) == '-')
            in->position++;
        return take_digits(in);
    }
    return true;
}

static bool take_value(vit158_json_in *in, vit158_json_value *out, unsigned depth);

static bool take_members(vit158_json_in *in, char open, unsigned depth)
{
    const char close = open == '{' ? '}' : ']';
    if (depth == VIT158_JSON_MAX_DEPTH)
        return vit158_json_in_problem(in, "values nested too deeply");
    vit158_json_in_enter(in, open);
    while (vit158_json_in_next(in, close)) {
        vit158_json_string key;
        vit158_json_value value;
        if (open == '{' && !vit158_json_in_key(in, &key))
            return false;
        if (!take_value(in, &value, depth + 1))
            return false;
    }
    return in->problem == NULL;
}

static bool take_plain(vit158_json_in *in, vit158_json_value *out, char lead)
{
    switch (lead) {
    case 'n':
        out->kind = VIT158_JSON_NULL;
        return take_word(in, "null");
    case 't':
        out->kind = VIT158_JSON_TRUE;
        return take_word(in, "true");
    case 'f':
        out->kind = VIT158_JSON_FALSE;
        return take_word(in, "false");
    default:
        out->kind = VIT158_JSON_NUMBER;
        return take_number(in);
    }
}

static bool take_value(vit158_json_in *in, vit158_json_value *out, unsigned depth)
{
    const char lead = vit158_json_in_peek(in);
    if (lead == '"') {
        out->kind = VIT158_JSON_TEXT;
        return vit158_json_in_text(in, &out->raw);
    }
    const size_t start = in->position;
    bool taken;
    if (lead == '{' || lead == '[') {
        out->kind = lead == '{' ? VIT158_JSON_OBJECT : VIT158_JSON_ARRAY;
        taken = take_members(in, lead, depth);
    } else {
        taken = take_plain(in, out, lead);
    }
    out->raw.raw = in->text + start;
    out->raw.raw_bytes = in->position - start;
    return taken;
}

bool vit158_json_in_value(vit158_json_in *in, vit158_json_value *out)
{
    return in->problem == NULL && take_value(in, out, 0);
}

bool vit158_json_in_member(vit158_json_in *in, vit158_json_string *key, vit158_json_value *value)
{
    return vit158_json_in_next(in, '}') && vit158_json_in_key(in, key) &&
           vit158_json_in_value(in, value);
}

bool vit158_json_in_element(vit158_json_in *in, vit158_json_value *value)
{
    return vit158_json_in_next(in, ']') && vit158_json_in_value(in, value);
}

bool vit158_json_is(const vit158_json_string *string, const char *text)
{
    return string->raw_bytes == strlen(text) && memcmp(string->raw, text, string->raw_bytes) == 0;
}

bool vit158_json_u32(uint32_t *out, const vit158_json_value *value)
{
    return value->kind == VIT158_JSON_NUMBER &&
           vit158_decimal_u32(out, (const char *)value->raw.raw, value->raw.raw_bytes);
}

bool vit158_json_number_text(char *out, size_t capacity, const vit158_json_value *value)
{
    if (value->kind != VIT158_JSON_NUMBER || value->raw.raw_bytes >= capacity)
        return false;
    memcpy(out, value->raw.raw, value->raw.raw_bytes);
    out[value->raw.raw_bytes] = 0;
    return true;
}

bool vit158_json_copy(char *out, size_t capacity, const vit158_json_value *value)
{
    if (value->kind != VIT158_JSON_TEXT || value->raw.raw_bytes >= capacity ||
        memchr(value->raw.raw, '\\', value->raw.raw_bytes) != NULL)
        return false;
    memcpy(out, value->raw.raw, value->raw.raw_bytes);
    out[value->raw.raw_bytes] = 0;
    return true;
}
