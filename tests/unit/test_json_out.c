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
#include "base/shortest.h"
#include "model/json_out.h"

typedef struct sink {
    char bytes[256];
    size_t length;
} sink;

static void put(void *context, const char *bytes, size_t n_bytes)
{
    sink *to = context;
    assert_true(to->length + n_bytes < sizeof to->bytes);
    memcpy(to->bytes + to->length, bytes, n_bytes);
    to->length += n_bytes;
}

static void test_structure(void **state)
{
    (void)state;
    sink to = {0};
    vit158_json json = {.put = put, .context = &to};
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
    assert_string_equal(
        to.bytes, "{\"a\":\"b\",\"list\":[1,{},null],\"yes\":true,\"none\":null,\"raw\":[0]}");
}

static void check_text(const char *in, const char *expected)
{
    sink to = {0};
    vit158_json json = {.put = put, .context = &to};
    vit158_json_text(&json, NULL, in);
    assert_string_equal(to.bytes, expected);
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
        {0x1p378, "6.156563468186638e+113"},         /* the neighbour below is half as far away */
        {31.0460357666015625, "31.046035766601562"}, /* of two as near the even one */
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {INFINITY, "Infinity"},
        {-INFINITY, "-Infinity"},
        {NAN, "NaN"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[VIT158_NUMBER_BYTES];
        vit158_number_text(text, cases[i].value);
        assert_string_equal(text, cases[i].text);
    }
}

/* No decimal of one digit less reads back, neither the nearest one nor its neighbours. */
static void check_shortest(double value, int digits)
{
    char text[48];
    if (digits == 1)
        return;
    snprintf(text, sizeof text, "%.*e", digits - 2, value);
    const double unit = pow(10, floor(log10(value)) - (digits - 2));
    assert_true(strtod(text, NULL) != value);
    for (int way = -1; way <= 1; way += 2) {
        char beside[48];
        snprintf(beside, sizeof beside, "%.*e", digits - 2, strtod(text, NULL) + way * unit);
        assert_true(strtod(beside, NULL) != value);
    }
}

/* Every text reads back as the same double, fits its buffer and has no digit too many. */
static void test_numbers_read_back(void **state)
{
    (void)state;
    vit158_rng rng = vit158_rng_seed(7);
    int count = 0;
    for (int i = 0; i < 20000; i++) {
        const uint64_t bits = vit158_rng_next(&rng) >> 1;
        double value;
        float narrow;
        char text[VIT158_NUMBER_BYTES];
        unsigned char digits[VIT158_SHORTEST_DIGITS];
        int point;
        memcpy(&value, &bits, sizeof value);
        memcpy(&narrow, &bits, sizeof narrow);
        if (i % 2 == 1)
            value = fabs((double)narrow);
        if (!isfinite(value) || value == 0)
            continue;
        vit158_number_text(text, value);
        assert_true(strtod(text, NULL) == value);
        assert_true(strlen(text) <= 25);
        check_shortest(value, vit158_shortest_digits(digits, &point, value));
        count++;
    }
    assert_true(count > 15000);
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
