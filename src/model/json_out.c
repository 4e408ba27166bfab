/* SPDX-License-Identifier: MIT */
#include "model/json_out.h"

#include <stdint.h>
#include <string.h>

#include "base/shortest.h"
#include "model/json_in.h"

static void put(vit158_json *json, const char *text)
{
    json->put(json->context, text, strlen(text));
}

/* The letter after a backslash for a control character that has one, else 0. */
static char short_escape(uint8_t byte)
{
    static const char letters[] = {[8] = 'b', [9] = 't', [10] = 'n', [12] = 'f', [13] = 'r'};
    return byte < sizeof letters ? letters[byte] : 0;
}

/* The JSON text of a character of `length` bytes, 0 if it is not UTF-8. */
static void put_character(vit158_json *json, const uint8_t *at, size_t length)
{
    static const char hex[] = "0123456789abcdef";
    if (length == 0)
        put(json, "\xEF\xBF\xBD");
    else if (*at == '"' || *at == '\\')
        json->put(json->context, (const char[]){'\\', (char)*at}, 2);
    else if (short_escape(*at) != 0)
        json->put(json->context, (const char[]){'\\', short_escape(*at)}, 2);
    else if (*at < 0x20)
        json->put(json->context, (const char[]){'\\', 'u', '0', '0', hex[*at >> 4], hex[*at & 15]},
                  6);
    else
        json->put(json->context, (const char *)at, length);
}

static void put_string(vit158_json *json, const char *text)
{
    const uint8_t *at = (const uint8_t *)text;
    const uint8_t *const end = at + strlen(text);
    put(json, "\"");
    while (at < end) {
        const size_t length = vit158_utf8_length(at, (size_t)(end - at));
        put_character(json, at, length);
        at += length != 0 ? length : 1;
    }
    put(json, "\"");
}

static void begin_value(vit158_json *json, const char *key)
{
    if (json->comma)
        put(json, ",");
    json->comma = true;
    if (key != NULL) {
        put_string(json, key);
        put(json, ":");
    }
}

void vit158_json_open(vit158_json *json, const char *key, char bracket)
{
    begin_value(json, key);
    json->put(json->context, &bracket, 1);
    json->comma = false;
}

void vit158_json_close(vit158_json *json, char bracket)
{
    json->put(json->context, &bracket, 1);
    json->comma = true;
}

void vit158_json_raw(vit158_json *json, const char *key, const char *json_text)
{
    begin_value(json, key);
    put(json, json_text);
}

void vit158_json_text(vit158_json *json, const char *key, const char *text)
{
    if (text == NULL) {
        vit158_json_raw(json, key, "null");
        return;
    }
    begin_value(json, key);
    put_string(json, text);
}

void vit158_json_bool(vit158_json *json, const char *key, bool value)
{
    vit158_json_raw(json, key, value ? "true" : "false");
}

void vit158_json_number(vit158_json *json, const char *key, double value)
{
    char text[VIT158_NUMBER_BYTES];
    vit158_number_text(text, value);
    vit158_json_raw(json, key, value - value == 0 ? text : "null");
}
