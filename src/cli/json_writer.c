/* SPDX-License-Identifier: MIT
 *
 * See json_writer.h. The layout of numbers follows ECMA-262, Number::toString.
 */
#include "cli/json_writer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/json_in.h"

/* The letter after a backslash for a control character that has one, else 0. */
static char short_escape(uint8_t byte)
{
    static const char letters[] = {[8] = 'b', [9] = 't', [10] = 'n', [12] = 'f', [13] = 'r'};
    return byte < sizeof letters ? letters[byte] : 0;
}

static void write_string(FILE *out, const char *text)
{
    const uint8_t *at = (const uint8_t *)text;
    const uint8_t *const end = at + strlen(text);
    fputc('"', out);
    while (at < end) {
        const size_t length = vit158_utf8_length(at, (size_t)(end - at));
        if (length == 0)
            fputs("\xEF\xBF\xBD", out);
        else if (*at == '"' || *at == '\\')
            fprintf(out, "\\%c", *at);
        else if (short_escape(*at))
            fprintf(out, "\\%c", short_escape(*at));
        else if (*at < 0x20)
            fprintf(out, "\\u%04x", *at);
        else
            fwrite(at, 1, length, out);
        at += length ? length : 1;
    }
    fputc('"', out);
}

static void begin_value(vit158_json *json, const char *key)
{
    if (json->comma)
        fputc(',', json->out);
    json->comma = true;
    if (key != NULL) {
        write_string(json->out, key);
        fputc(':', json->out);
    }
}

void vit158_json_open(vit158_json *json, const char *key, char bracket)
{
    begin_value(json, key);
    fputc(bracket, json->out);
    json->comma = false;
}

void vit158_json_close(vit158_json *json, char bracket)
{
    fputc(bracket, json->out);
    json->comma = true;
}

void vit158_json_text(vit158_json *json, const char *key, const char *text)
{
    begin_value(json, key);
    if (text != NULL)
        write_string(json->out, text);
    else
        fputs("null", json->out);
}

void vit158_json_bool(vit158_json *json, const char *key, bool value)
{
    begin_value(json, key);
    fputs(value ? "true" : "false", json->out);
}

void vit158_json_raw(vit158_json *json, const char *key, const char *json_text)
{
    begin_value(json, key);
    fputs(json_text, json->out);
}

void vit158_json_number(vit158_json *json, const char *key, double value)
{
    char text[48];
    begin_value(json, key);
    vit158_json_format(text, value);
    fputs(isfinite(value) ? text : "null", json->out);
}

/* The fewest significant digits that read back as `value`; returns how many. The value is
 * 0.d1d2d3... * 10^*point. `value` is finite and positive. */
static int shortest_digits(char digits[18], int *point, double value)
{
    char text[32];
    int count = 0;
    do {
        snprintf(text, sizeof text, "%.*e", count, value);
        count++;
    } while (count < 17 && strtod(text, NULL) != value);
    digits[0] = text[0];
    if (count > 1)
        memcpy(digits + 1, text + 2, (size_t)count - 1);
    digits[count] = '\0';
    *point = atoi(strchr(text, 'e') + 1) + 1;
    return count;
}

void vit158_json_format(char out[48], double value)
{
    if (!isfinite(value)) {
        strcpy(out, isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
        return;
    }
    if (value == 0) {
        strcpy(out, "0"); /* -0 as well */
        return;
    }
    if (value < 0)
        *out++ = '-';
    char digits[18];
    int point;
    const int count = shortest_digits(digits, &point, fabs(value));
    if (count <= point && point <= 21)
        sprintf(out, "%s%.*s", digits, point - count, "00000000000000000000");
    else if (0 < point && point <= 21)
        sprintf(out, "%.*s.%s", point, digits, digits + point);
    else if (-6 < point && point <= 0)
        sprintf(out, "0.%.*s%s", -point, "000000", digits);
    else
        sprintf(out, "%.1s%s%se%+d", digits, count > 1 ? "." : "", digits + 1, point - 1);
}
