/* SPDX-License-Identifier: MIT
 *
 * Any bytes as JSON: every reader of values agrees on whether they are JSON, strings survive being
 * written and read again, and numbers are what strtod makes of them.
 */
#define _GNU_SOURCE
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/shortest.h"
#include "cli/json_file.h"
#include "cli/json_read.h"
#include "import/json_value.h"
#include "model/decimal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Decoded, written as JSON and decoded again. */
static void check_text(const vit158_json_string *string)
{
    char *text = malloc(string->raw_bytes + 1);
    char *written = NULL;
    size_t n_bytes = 0;
    FILE *out = open_memstream(&written, &n_bytes);
    require(text != NULL && out != NULL);
    require(vit158_json_string_decode(text, string) == strlen(text));
    vit158_json json = vit158_json_to(out);
    vit158_json_text(&json, NULL, text);
    fclose(out);
    vit158_json_in in = vit158_json_in_over(written, n_bytes);
    vit158_json_string again;
    require(vit158_json_in_text(&in, &again) && vit158_json_in_end(&in));
    char *back = malloc(again.raw_bytes + 1);
    require(back != NULL);
    vit158_json_string_decode(back, &again);
    require(strcmp(text, back) == 0);
    free(back);
    free(written);
    free(text);
}

static void check_number(const vit158_json_value *value)
{
    char text[64];
    double decimal = 0.0;
    if (!vit158_json_number_text(text, sizeof text, value))
        return;
    const double expected = strtod(text, NULL);
    vit158_json_in in = vit158_json_in_over(value->raw.raw, value->raw.raw_bytes);
    double read = 0.0;
    if (vit158_json_read_double(&in, &read))
        require(read == expected);
    /* decimal.h promises 1.5 units in the last place. */
    if (vit158_decimal_double(&decimal, text, strlen(text)))
        require(fabs(decimal - expected) <= 1.5 * DBL_EPSILON * fabs(expected));
    char shortest[VIT158_NUMBER_BYTES];
    vit158_number_text(shortest, expected);
    if (isfinite(expected))
        require(strtod(shortest, NULL) == expected);
}

static void walk(const vit158_json_value *value)
{
    if (value->kind == VIT158_JSON_TEXT)
        check_text(&value->raw);
    if (value->kind == VIT158_JSON_NUMBER)
        check_number(value);
    if (value->kind != VIT158_JSON_OBJECT && value->kind != VIT158_JSON_ARRAY)
        return;
    const bool object = value->kind == VIT158_JSON_OBJECT;
    vit158_json_in in = vit158_json_in_of(value);
    require(vit158_json_in_enter(&in, object ? '{' : '['));
    while (vit158_json_in_next(&in, object ? '}' : ']')) {
        vit158_json_string key;
        vit158_json_value member;
        if (object) {
            require(vit158_json_in_key(&in, &key));
            check_text(&key);
        }
        require(vit158_json_in_value(&in, &member));
        walk(&member); /* the reader has bounded the depth */
    }
    require(vit158_json_in_end(&in));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    vit158_json_in in = vit158_json_in_over(data, n_bytes);
    vit158_json_value value = {0};
    const bool taken = vit158_json_in_value(&in, &value);
    require(taken == (in.problem == NULL) && in.position <= n_bytes);
    if (taken)
        walk(&value);
    if (!vit158_json_in_end(&in))
        require(in.problem != NULL);
    return 0;
}
