/* SPDX-License-Identifier: MIT
 *
 * Command lines: every kind of option, every kind of mistake.
 */
#include "unit/test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/options.h"

typedef struct values {
    bool json;
    const char *model;
    uint32_t top_k;
    double rate;
    uint32_t engine;
} values;

#define MAX_WORDS 16

/* Parses a command line given as one string of words; the words outlive the call. */
static int parse(values *v, vit158_arguments *arguments, const char *line)
{
    static const char *const engines[] = {"auto", "scalar", NULL};
    static char words[256];
    static char *argv[MAX_WORDS + 1];
    *v = (values){.top_k = 5};
    const vit158_option options[] = {
        {"--json", NULL, NULL, "", VIT158_OPTION_FLAG, &v->json, 0, 0, NULL},
        {"--model", "-m", "M", "", VIT158_OPTION_TEXT, &v->model, 0, 0, NULL},
        {"--top-k", "-k", "K", "", VIT158_OPTION_UINT, &v->top_k, 1, 4294967295.0, NULL},
        {"--rate", NULL, "R", "", VIT158_OPTION_NUMBER, &v->rate, -1, 1, NULL},
        {"--engine", NULL, NULL, "", VIT158_OPTION_CHOICE, &v->engine, 0, 0, engines},
    };
    const vit158_usage usage = {.synopsis = "try FILE [FILE]",
                                .about = "Test.",
                                .options = options,
                                .option_count = sizeof options / sizeof *options,
                                .min_arguments = 1,
                                .max_arguments = 2};
    int argc = 0;
    assert_true(strlen(line) < sizeof words);
    strcpy(words, line);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " ")) {
        assert_true(argc < MAX_WORDS);
        argv[argc++] = word;
    }
    argv[argc] = NULL;
    return vit158_parse_options(&usage, arguments, argc, argv);
}

static void test_values(void **state)
{
    (void)state;
    values v;
    vit158_arguments rest;
    assert_int_equal(
        parse(&v, &rest, "try a.jpg --json --model m.st -k 3 --rate=-0.5 --engine scalar -"),
        VIT158_PARSE_OK);
    assert_true(v.json);
    assert_string_equal(v.model, "m.st");
    assert_int_equal(v.top_k, 3);
    assert_true(v.rate == -0.5);
    assert_int_equal(v.engine, 1);
    assert_int_equal(rest.count, 2);
    assert_string_equal(rest.values[0], "a.jpg");
    assert_string_equal(rest.values[1], "-");
}

static void test_defaults_and_end_of_options(void **state)
{
    (void)state;
    values v;
    vit158_arguments rest;
    assert_int_equal(parse(&v, &rest, "try -- --json --"), VIT158_PARSE_OK);
    assert_false(v.json);
    assert_null(v.model);
    assert_int_equal(v.top_k, 5);
    assert_int_equal(rest.count, 2);
    assert_string_equal(rest.values[0], "--json");
    assert_string_equal(rest.values[1], "--");
    assert_int_equal(parse(&v, &rest, "try a --top-k 4294967295 --model=a=b"), VIT158_PARSE_OK);
    assert_true(v.top_k == UINT32_MAX);
    assert_string_equal(v.model, "a=b");
}

static void test_mistakes(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "try",
        "try --json",
        "try a b c",
        "try a --jsonx",
        "try a --jso",
        "try a -x",
        "try a --json=1",
        "try a --model",
        "try a --top-k 0",
        "try a --top-k 1.5",
        "try a --top-k 4294967296",
        "try a --top-k -1",
        "try a --top-k 5x",
        "try a --top-k=",
        "try a --top-k nan",
        "try a --rate 1.01",
        "try a --rate inf",
        "try a --rate x",
        "try a --engine fast",
        "try a --engine",
        "try a -k=3",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        values v;
        vit158_arguments rest;
        if (parse(&v, &rest, lines[i]) != VIT158_EXIT_USAGE)
            fail_msg("accepted: %s", lines[i]);
    }
}

static void test_help_wins(void **state)
{
    (void)state;
    values v;
    vit158_arguments rest;
    assert_int_equal(parse(&v, &rest, "try --bogus --help"), VIT158_EXIT_OK);
    assert_int_equal(parse(&v, &rest, "try -- --help"), VIT158_PARSE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_defaults_and_end_of_options),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_help_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
