/* SPDX-License-Identifier: MIT
 *
 * JSON text: escapes, commas, broken UTF-8, and numbers laid out as JavaScript does.
 */
#include "unit/test.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "cli/json_writer.h"

/* Reads back what was written to `file`. */
static void read_back(FILE *file, char *text, size_t capacity)
{
    rewind(file);
    const size_t n = fread(text, 1, capacity - 1, file);
    text[n] = '\0';
    fclose(file);
}

static void test_structure(void **state)
{
    (void)state;
    char text[256];
    FILE *const file = tmpfile();
    assert_non_null(file);
    vit158_json json = {.out = file};
    vit158_json_open(&json, NULL, '{');
    vit158_json_text(&json, "a", "b");
    vit158_json_open(&json, "list", '[');
    vit158_json_number(&json, NULL, 1);
    vit158_json_open(&json, NULL, '{');
    vit158_json_close(&json, '}');
    vit158_json_number(&json, NULL, NAN);
    vit158_json_close(&json, ']');
    vit158_json_bool(&json, "yes", true);
    vit158_json_text(&json, "none", NULL);
    vit158_json_raw(&json, "raw", "[0]");
    vit158_json_close(&json, '}');
    read_back(file, text, sizeof text);
    assert_string_equal(
        text, "{\"a\":\"b\",\"list\":[1,{},null],\"yes\":true,\"none\":null,\"raw\":[0]}");
}

static void check_text(const char *in, const char *expected)
{
    char text[256];
    FILE *const file = tmpfile();
    assert_non_null(file);
    vit158_json json = {.out = file};
    vit158_json_text(&json, NULL, in);
    read_back(file, text, sizeof text);
    assert_string_equal(text, expected);
}

static void test_strings(void **state)
{
    (void)state;
    check_text("quote\" slash\\ /", "\"quote\\\" slash\\\\ /\"");
    check_text("\n\t\r\b\f\x01\x1f\x0b", "\"\\n\\t\\r\\b\\f\\u0001\\u001f\\u000b\"");
    check_text("\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\x88",
               "\"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\x88\"");
    check_text("a\xFFz", "\"a\xEF\xBF\xBDz\"");
    check_text("cut\xE2\x82", "\"cut\xEF\xBF\xBD\xEF\xBF\xBD\"");
    check_text("\xC0\xAF", "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
    check_text("\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

/* Expected texts are what node prints for String(x). */
static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0.0, "0"},
        {-0.0, "0"},
        {1.0, "1"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {0.1f, "0.10000000149011612"},
        {123456789.0, "123456789"},
        {100.0, "100"},
        {1e20, "100000000000000000000"},
        {1e21, "1e+21"},
        {123e19, "1.23e+21"},
        {1e-6, "0.000001"},
        {1e-7, "1e-7"},
        {1.5e-7, "1.5e-7"},
        {5e-324, "5e-324"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {2.0 / 3.0, "0.6666666666666666"},
        {9007199254740993.0, "9007199254740992"},
        {-INFINITY, "-Infinity"},
        {NAN, "NaN"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[48];
        vit158_json_format(text, cases[i].value);
        assert_string_equal(text, cases[i].text);
    }
}

/* Every text reads back as the same double and fits its buffer. */
static void test_numbers_read_back(void **state)
{
    (void)state;
    vit158_rng rng = vit158_rng_seed(7);
    for (int i = 0; i < 20000; i++) {
        const uint64_t bits = vit158_rng_next(&rng);
        double value;
        char text[48];
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        vit158_json_format(text, value);
        assert_true(strtod(text, NULL) == value);
        assert_true(strlen(text) <= 25);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_structure),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_numbers_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
