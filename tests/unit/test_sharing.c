/* SPDX-License-Identifier: MIT
 *
 * base/sharing: helpers are used while they are worth it, on machines made up of two functions:
 * what image i takes shared and alone.
 */
#include "unit/test.h"

#include "base/sharing.h"

typedef double (*image_ms)(uint32_t image);

typedef struct tally {
    uint32_t alone; /* images that the caller did alone */
    double total_ms;
} tally;

static tally run(vit158_sharing *s, image_ms shared, image_ms alone, uint32_t images)
{
    tally t = {0};
    for (uint32_t i = 0; i < images; i++) {
        const double ms = (s->alone ? alone : shared)(i);
        t.alone += s->alone;
        t.total_ms += ms;
        vit158_sharing_took(s, ms);
    }
    return t;
}

static double takes_100(uint32_t image)
{
    (void)image;
    return 100.0;
}

static double takes_180(uint32_t image)
{
    (void)image;
    return 180.0;
}

/* 90 to 110, and now and then an interruption. */
static double takes_100_mostly(uint32_t image)
{
    return image % 37 == 20 ? 190.0 : 90.0 + image * 7 % 21;
}

/* A helper without a core: mostly slower than alone, sometimes in luck. */
static double takes_150_to_250(uint32_t image)
{
    return 150.0 + image * 37 % 101;
}

static void test_helpers_stay_where_nothing_disturbs(void **state)
{
    (void)state;
    vit158_sharing s = vit158_sharing_begin();
    assert_int_equal(run(&s, takes_100, takes_180, 1000).alone, 1); /* to see what it takes */
    assert_false(s.alone);
}

static void test_interruptions_change_nothing(void **state)
{
    (void)state;
    vit158_sharing s = vit158_sharing_begin();
    run(&s, takes_100, takes_180, 10);
    assert_int_equal(run(&s, takes_100_mostly, takes_180, 1000).alone, 0);
}

static void test_helpers_without_a_core_are_done_without(void **state)
{
    (void)state;
    vit158_sharing s = vit158_sharing_begin();
    run(&s, takes_100, takes_180, 10);
    const tally t = run(&s, takes_150_to_250, takes_180, 400);
    assert_in_range(t.alone, 360, 400);
    assert_true(t.total_ms < 1.02 * 400 * 180.0);
}

/* Slower than alone from the first image on, and evenly so. */
static void test_helpers_that_never_helped_are_done_without(void **state)
{
    (void)state;
    vit158_sharing s = vit158_sharing_begin();
    assert_in_range(run(&s, takes_180, takes_100, 1000).alone, 950, 1000);
}

static void test_helpers_come_back_when_they_are_worth_it(void **state)
{
    (void)state;
    vit158_sharing s = vit158_sharing_begin();
    run(&s, takes_100, takes_180, 10);
    run(&s, takes_150_to_250, takes_180, 400);
    const tally t = run(&s, takes_100, takes_180, 200);
    assert_in_range(t.alone, 0, 64); /* the longest stay alone */
    assert_false(s.alone);
}

/* A first slow image is not held against what alone takes now: the machine as a whole is slower.
 */
static void test_a_slower_machine_keeps_its_helpers(void **state)
{
    (void)state;
    vit158_sharing s = vit158_sharing_begin();
    run(&s, takes_100, takes_180, 10);
    const tally t = run(&s, takes_180, takes_150_to_250, 400);
    assert_true(t.total_ms < 1.03 * 400 * 180.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_helpers_stay_where_nothing_disturbs),
        cmocka_unit_test(test_interruptions_change_nothing),
        cmocka_unit_test(test_helpers_without_a_core_are_done_without),
        cmocka_unit_test(test_helpers_that_never_helped_are_done_without),
        cmocka_unit_test(test_helpers_come_back_when_they_are_worth_it),
        cmocka_unit_test(test_a_slower_machine_keeps_its_helpers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
