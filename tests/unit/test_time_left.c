/* SPDX-License-Identifier: MIT
 *
 * How long a run will go on, and how that is said.
 */
#include "unit/test.h"

#include <math.h>

#include "train/time_left.h"

static double left_of(vit158_train_moment start, vit158_train_moment now,
                      vit158_train_limits limits)
{
    return vit158_train_seconds_left(&start, &now, &limits);
}

/* By epochs: the pace of this session, not of the machine that began the run. */
static void test_by_epochs(void **state)
{
    (void)state;
    const vit158_train_moment start = {.seconds = 7200, .progress = 0.5, .step = 1000};
    vit158_train_moment now = start;
    assert_true(left_of(start, now, (vit158_train_limits){0}) < 0.0);
    now = (vit158_train_moment){.seconds = 7260, .progress = 0.6, .step = 1200};
    assert_true(fabs(left_of(start, now, (vit158_train_limits){0}) - 240.0) < 1e-9);
    now.progress = 1.0;
    assert_true(left_of(start, now, (vit158_train_limits){0}) == 0.0);
}

static void test_by_time(void **state)
{
    (void)state;
    const vit158_train_moment start = {.seconds = 0};
    const vit158_train_moment now = {.seconds = 300, .progress = 0.25, .step = 10};
    assert_true(left_of(start, now, (vit158_train_limits){.schedule_seconds = 1200}) == 900.0);
}

/* What ends the session first counts. */
static void test_limits(void **state)
{
    (void)state;
    const vit158_train_moment start = {.seconds = 100, .progress = 0.1, .step = 100};
    const vit158_train_moment now = {.seconds = 200, .progress = 0.2, .step = 200};
    assert_true(fabs(left_of(start, now, (vit158_train_limits){0}) - 800.0) < 1e-9);
    assert_true(left_of(start, now, (vit158_train_limits){.seconds = 150}) == 50.0);
    assert_true(left_of(start, now, (vit158_train_limits){.seconds = 50}) == 0.0);
    assert_true(left_of(start, now, (vit158_train_limits){.steps = 230}) == 30.0);
    assert_true(left_of(start, now, (vit158_train_limits){.steps = 150}) == 0.0);
    assert_true(left_of(start, now, (vit158_train_limits){.seconds = 120, .steps = 230}) == 20.0);
    assert_true(left_of(start, start, (vit158_train_limits){.seconds = 120}) == 120.0);
}

static void test_words(void **state)
{
    (void)state;
    static const struct {
        double seconds;
        const char *words;
    } cases[] = {{-1, "?"},
                 {0, "0 s"},
                 {0.2, "1 s"},
                 {90, "90 s"},
                 {91, "2 min"},
                 {7139, "119 min"},
                 {7200, "2 h 0 min"},
                 {12000, "3 h 20 min"},
                 {171000, "47 h 30 min"},
                 {172800, "2 days 0 h"},
                 {1e300, "?"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char words[VIT158_TIME_WORDS];
        vit158_train_time_words(words, cases[i].seconds);
        assert_string_equal(words, cases[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_epochs),
        cmocka_unit_test(test_by_time),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
