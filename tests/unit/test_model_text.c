/* SPDX-License-Identifier: MIT
 *
 * The model reader's small parsers: JSON, decimal numbers, 16-bit floats.
 */
#include "unit/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "model/decimal.h"
#include "model/half.h"
#include "model/json_in.h"

/* ---- JSON ---- */

/* Reads one string that is the whole text; NULL if it is refused. */
static const char *read_string(const char *json, size_t n_bytes)
{
    static char decoded[64];
    vit158_json_in in = vit158_json_in_over(json, n_bytes);
    vit158_json_string string;
    vit158_json_in_text(&in, &string);
    vit158_json_in_end(&in);
    if (in.problem != NULL)
        return NULL;
    vit158_json_string_decode(decoded, &string);
    return decoded;
}

#define READ(json) read_string(json, sizeof(json) - 1)

static void test_json_strings(void **state)
{
    (void)state;
    assert_string_equal(READ(" \t\r\n\"abc\" "), "abc");
    assert_string_equal(READ("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), "\"\\/\b\f\n\r\t");
    assert_string_equal(READ("\"\\u0041\\u00e4\\u20AC\\ud83D\\uDE00\""),
                        "A\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80");
    assert_string_equal(READ("\"\xF4\x8F\xBF\xBF\xED\x9F\xBF\xEE\x80\x80\x7F\""),
                        "\xF4\x8F\xBF\xBF\xED\x9F\xBF\xEE\x80\x80\x7F");
    assert_string_equal(READ("\"\""), "");
}

static void test_json_refuses_bad_strings(void **state)
{
    (void)state;
    assert_null(READ(""));
    assert_null(READ("\"abc"));
    assert_null(READ("\"abc\" x"));
    assert_null(READ("'abc'"));
    assert_null(READ("\"a\nb\""));
    assert_null(READ("\"a\0b\""));
    assert_null(READ("\"\\"));
    assert_null(READ("\"\\x41\""));
    assert_null(READ("\"\\u12\""));
    assert_null(READ("\"\\u12G4\""));
    assert_null(READ("\"\\u0000\""));
    assert_null(READ("\"\\ud83d\""));          /* half a pair */
    assert_null(READ("\"\\ud83d\\u0041\""));   /* and not its other half */
    assert_null(READ("\"\\ude00\""));          /* the wrong half first */
    assert_null(READ("\"\x80\""));             /* continuation without lead */
    assert_null(READ("\"\xC3\""));             /* lead without continuation */
    assert_null(READ("\"\xC0\xAF\""));         /* overlong in 2 */
    assert_null(READ("\"\xE0\x9F\xBF\""));     /* overlong in 3 */
    assert_null(READ("\"\xF0\x8F\xBF\xBF\"")); /* overlong in 4 */
    assert_null(READ("\"\xED\xA0\x80\""));     /* surrogate */
    assert_null(READ("\"\xF4\x90\x80\x80\"")); /* above U+10FFFF */
    assert_null(READ("\"\xFF\""));
}

/* Sum of an array of arrays of numbers, or UINT64_MAX if refused. */
static uint64_t sum_arrays(const char *json)
{
    vit158_json_in in = vit158_json_in_over(json, strlen(json));
    uint64_t total = 0;
    vit158_json_in_enter(&in, '[');
    while (vit158_json_in_next(&in, ']')) {
        vit158_json_in_enter(&in, '[');
        while (vit158_json_in_next(&in, ']')) {
            uint64_t value = 0;
            vit158_json_in_u64(&in, &value);
            total += value;
        }
    }
    vit158_json_in_end(&in);
    return in.problem == NULL ? total : UINT64_MAX;
}

static void test_json_structure(void **state)
{
    (void)state;
    assert_int_equal(sum_arrays("[]"), 0);
    assert_int_equal(sum_arrays(" [ [ ] , [ 1 , 2 ],[3],[] ] "), 6);
    assert_int_equal(sum_arrays("[[18446744073709551614]]"), UINT64_MAX - 1);
    static const char *const bad[] = {"",         "[",
                                      "[[]",      "[[]]]",
                                      "[,]",      "[[],]",
                                      "[[1,]]",   "[[,1]]",
                                      "[[1 2]]",  "[[1],,]",
                                      "[[1}]",    "{}",
                                      "[1]",      "[[01]]",
                                      "[[-1]]",   "[[1.0]]",
                                      "[[1e2]]",  "[[+1]]",
                                      "[[\"\"]]", "[[tru]]",
                                      "[[]] //",  "[[18446744073709551616]]"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (sum_arrays(bad[i]) != UINT64_MAX)
            fail_msg("accepted %s", bad[i]);
    }
}

static void test_json_objects_need_colons(void **state)
{
    (void)state;
    static const char *const texts[] = {"{\"a\":1}", "{\"a\" 1}", "{\"a\"}", "{a:1}", "{\"a\":}"};
    for (size_t i = 0; i < 5; i++) {
        vit158_json_in in = vit158_json_in_over(texts[i], strlen(texts[i]));
        vit158_json_string key;
        uint64_t value;
        vit158_json_in_enter(&in, '{');
        while (vit158_json_in_next(&in, '}')) {
            vit158_json_in_key(&in, &key);
            vit158_json_in_u64(&in, &value);
        }
        vit158_json_in_end(&in);
        assert_int_equal(in.problem == NULL, i == 0);
    }
}

/* ---- Decimal numbers ---- */

static void test_decimal_equals_strtod(void **state)
{
    (void)state;
    static const char *const good[] = {"0",     "1e-6",       "0.4914",          "-0.5",  "1",
                                       "224",   "1E+2",       "0.000001",        "00.50", "1e22",
                                       "1e-22", "0.24703223", "123456789.12345", "-0"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        double value = -1.0;
        assert_true(vit158_decimal_double(&value, good[i], strlen(good[i])));
        assert_true(value == strtod(good[i], NULL));
    }
    /* More than 15 digits: within 1.5 ulp; as a float, within 0.5 + 2^-27. */
    vit158_rng rng = vit158_rng_seed(1);
    for (int i = 0; i < 20000; i++) {
        char text[32];
        snprintf(text, sizeof text, "%.*g", 1 + i % 17,
                 (double)vit158_rng_uniform(&rng) *
                     pow(10.0, (double)vit158_rng_below(&rng, 6) - 3));
        double value = -1.0;
        const double want = strtod(text, NULL);
        assert_true(vit158_decimal_double(&value, text, strlen(text)));
        assert_true(fabs(value - want) <= 1.5 * (nextafter(want, INFINITY) - want));
        const float rounded = (float)value;
        const double ulp = (double)nextafterf(rounded, INFINITY) - (double)rounded;
        assert_true(fabs((double)rounded - want) <= (0.5 + 0x1p-27) * ulp);
    }
}

static void test_decimal_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      ".5",
                                      "5.",
                                      "1e",
                                      "1e+",
                                      "e5",
                                      "1.2.3",
                                      "0x10",
                                      "inf",
                                      "nan",
                                      " 1",
                                      "1 ",
                                      "1e23",
                                      "1e-23",
                                      "1e99999999999999999999",
                                      "12345678901234567890",
                                      "1,5",
                                      "1_0"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        double value;
        if (vit158_decimal_double(&value, bad[i], strlen(bad[i])))
            fail_msg("accepted %s", bad[i]);
    }
    uint32_t whole;
    assert_true(vit158_decimal_u32(&whole, "4294967295", 10));
    assert_int_equal(whole, 4294967295U);
    assert_true(vit158_decimal_u32(&whole, "0", 1));
    assert_false(vit158_decimal_u32(&whole, "4294967296", 10));
    assert_false(vit158_decimal_u32(&whole, "", 0));
    assert_false(vit158_decimal_u32(&whole, "01", 2));
    assert_false(vit158_decimal_u32(&whole, "-1", 2));
    assert_false(vit158_decimal_u32(&whole, "1a", 2));
}

/* ---- 16-bit floats ---- */

static void test_f16_round_trips_every_pattern(void **state)
{
    (void)state;
    for (uint32_t half = 0; half < 0x10000; half++) {
        const float value = vit158_f16_widen((uint16_t)half);
        uint16_t back = 0;
        if ((half & 0x7C00) == 0x7C00) {
            assert_false(vit158_is_finite(value));
            assert_false(vit158_f16_narrow(&back, value));
            continue;
        }
        const int exponent = (int)(half >> 10 & 31);
        const double fraction = half & 0x3FF;
        const double want =
            exponent == 0 ? ldexp(fraction, -24) : ldexp(1024.0 + fraction, exponent - 25);
        assert_true((double)value == ((half & 0x8000) != 0 ? -want : want));
        assert_true(vit158_f16_narrow(&back, value));
        assert_int_equal(back, half);
    }
}

static void test_f16_rounds_half_to_even(void **state)
{
    (void)state;
    /* Between each pair of neighbours: the middle goes to the even one, its float neighbours to
     * the nearer one. */
    for (uint32_t half = 0; half < 0x7BFF; half++) {
        const float low = vit158_f16_widen((uint16_t)half);
        const float high = vit158_f16_widen((uint16_t)(half + 1));
        const float middle = (float)(((double)low + (double)high) / 2.0);
        uint16_t rounded = 0;
        assert_true(vit158_f16_narrow(&rounded, middle));
        assert_int_equal(rounded, half + (half & 1));
        assert_true(vit158_f16_narrow(&rounded, nextafterf(middle, 0.0F)));
        assert_int_equal(rounded, half);
        assert_true(vit158_f16_narrow(&rounded, -nextafterf(middle, INFINITY)));
        assert_int_equal(rounded, 0x8000 | (half + 1));
    }
    uint16_t rounded = 0;
    assert_true(vit158_f16_narrow(&rounded, 65519.996F));
    assert_int_equal(rounded, 0x7BFF);
    assert_false(vit158_f16_narrow(&rounded, 65520.0F));
    assert_false(vit158_f16_narrow(&rounded, -1e30F));
    assert_false(vit158_f16_narrow(&rounded, INFINITY));
    assert_false(vit158_f16_narrow(&rounded, NAN));
}

static void test_bf16(void **state)
{
    (void)state;
    assert_true(vit158_bf16_widen(0x3F80) == 1.0F);
    assert_true(vit158_bf16_widen(0xC040) == -3.0F);
    assert_false(vit158_is_finite(vit158_bf16_widen(0x7F80)));
    assert_false(vit158_is_finite(vit158_bf16_widen(0xFFC1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_strings),
        cmocka_unit_test(test_json_refuses_bad_strings),
        cmocka_unit_test(test_json_structure),
        cmocka_unit_test(test_json_objects_need_colons),
        cmocka_unit_test(test_decimal_equals_strtod),
        cmocka_unit_test(test_decimal_refuses),
        cmocka_unit_test(test_f16_round_trips_every_pattern),
        cmocka_unit_test(test_f16_rounds_half_to_even),
        cmocka_unit_test(test_bf16),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
