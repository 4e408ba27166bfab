/* SPDX-License-Identifier: MIT
 *
 * Every sequence of fast, slow and very slow images of some length, and from wherever it leads: the
 * numbers keep their ranges, a machine that has settled is used in the faster way soon, and the
 * other way is tried ever less often.
 */
#include "unit/test.h"

#include "base/sharing.h"

enum { LENGTH = 11, STAY = 64, SETTLED = 3 * STAY };

static const double times[] = {1.0, 2.0, 5.0};
static long sequences;

static void check_state(const vit158_sharing *s)
{
    assert_true(s->stay <= STAY);
    assert_true(s->shared_stay >= 4 && s->shared_stay <= STAY);
    assert_true(s->alone_stay >= 4 && s->alone_stay <= STAY);
    assert_true(s->strikes < 3);
    assert_true(s->shared_ms >= 0.0 && s->alone_ms >= 0.0 && s->slow_ms >= 0.0);
    assert_true(!s->alone || s->trial || s->stay > 0); /* alone is never for ever */
}

/* From now on images take so long; returns how many of the last STAY were the caller's alone. */
static unsigned settle(vit158_sharing s, double shared, double alone)
{
    unsigned count = 0;
    for (unsigned i = 0; i < SETTLED; i++) {
        count += i >= SETTLED - STAY && s.alone;
        vit158_sharing_took(&s, s.alone ? alone : shared);
        check_state(&s);
    }
    return count;
}

static void explore(vit158_sharing s, unsigned left)
{
    check_state(&s);
    if (left == 0) {
        sequences++;
        assert_in_range(settle(s, 1.0, 2.0), 0, STAY / 8); /* sharing pays */
        return;
    }
    for (unsigned i = 0; i < sizeof times / sizeof *times; i++) {
        vit158_sharing next = s;
        vit158_sharing_took(&next, times[i]);
        explore(next, left - 1);
    }
}

static void test_all_sequences(void **state)
{
    (void)state;
    explore(vit158_sharing_begin(), LENGTH);
    print_message("%ld sequences of %d images\n", sequences, LENGTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_sequences)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
