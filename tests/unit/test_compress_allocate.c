/* SPDX-License-Identifier: MIT
 *
 * Sharing out a budget against brute force.
 */
#include "unit/test.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/rng.h"
#include "compress/allocate.h"

#define ITEMS 5U

static double loss_of(const vit158_choices *items, const uint32_t *chosen, uint64_t *n_bytes)
{
    double loss = 0;
    *n_bytes = 0;
    for (uint32_t i = 0; i < ITEMS; i++) {
        loss += items[i].loss[chosen[i]];
        *n_bytes += items[i].bytes[chosen[i]];
    }
    return loss;
}

/* Losses fall with bytes, by random amounts; `convex`: by ever smaller ones a byte. */
static void random_items(vit158_choices *items, bool convex, vit158_rng *rng)
{
    for (uint32_t i = 0; i < ITEMS; i++) {
        items[i].count = 1 + vit158_rng_below(rng, 4);
        uint64_t n_bytes = 1 + vit158_rng_below(rng, 20);
        double loss = 50, slope = 2;
        for (uint32_t c = 0; c < items[i].count; c++) {
            items[i].bytes[c] = n_bytes;
            items[i].loss[c] = loss;
            const uint32_t step = 1 + vit158_rng_below(rng, 20);
            n_bytes += step;
            slope *= convex ? 0.1 + 0.8 * (double)vit158_rng_uniform(rng) : 1;
            loss -= convex ? slope * step : 10 * (double)vit158_rng_uniform(rng);
        }
    }
}

static double brute_force(const vit158_choices *items, uint64_t budget)
{
    double best = INFINITY;
    uint32_t chosen[ITEMS] = {0};
    for (;;) {
        uint64_t n_bytes;
        const double loss = loss_of(items, chosen, &n_bytes);
        if (n_bytes <= budget)
            best = fmin(best, loss);
        uint32_t i = 0;
        while (i < ITEMS && ++chosen[i] == items[i].count)
            chosen[i++] = 0;
        if (i == ITEMS)
            return best;
    }
}

static void test_exact_is_brute_force(void **state)
{
    (void)state;
    vit158_rng rng = vit158_rng_seed(1);
    for (int trial = 0; trial < 500; trial++) {
        vit158_choices items[ITEMS];
        uint32_t chosen[ITEMS];
        uint64_t n_bytes;
        random_items(items, false, &rng);
        const uint64_t budget = 5 + vit158_rng_below(&rng, 300);
        const double best = brute_force(items, budget);
        vit158_error error;
        const vit158_status status = vit158_allocate_exact(chosen, items, ITEMS, budget, 1, &error);
        assert_int_equal(status, isinf(best) ? VIT158_E_ARGUMENT : VIT158_OK);
        if (status == VIT158_OK) {
            assert_true(fabs(loss_of(items, chosen, &n_bytes) - best) < 1e-9);
            assert_true(n_bytes <= budget);
        }
        if (status == VIT158_OK &&
            vit158_allocate_exact(chosen, items, ITEMS, budget, 7, &error) == VIT158_OK) {
            assert_true(loss_of(items, chosen, &n_bytes) >= best - 1e-9);
            assert_true(n_bytes <= budget);
        }
    }
}

/* Of choices with the same loss, the one of fewest bytes. */
static void test_exact_takes_no_more_than_it_needs(void **state)
{
    (void)state;
    const vit158_choices items[] = {{.count = 2, .bytes = {1, 5}, .loss = {1, 0}},
                                    {.count = 2, .bytes = {1, 3}, .loss = {1, 0}}};
    uint32_t chosen[2];
    assert_int_equal(vit158_allocate_exact(chosen, items, 2, 6, 1, NULL), VIT158_OK);
    assert_true(chosen[0] == 0 && chosen[1] == 1);
}

/* By gain: within the budget, and exact where the budget is one that a step ends at. */
static void test_by_gain(void **state)
{
    (void)state;
    vit158_rng rng = vit158_rng_seed(2);
    for (int trial = 0; trial < 500; trial++) {
        vit158_choices items[ITEMS];
        uint32_t chosen[ITEMS];
        uint64_t n_bytes, used;
        random_items(items, trial % 2 == 0, &rng);
        const uint64_t budget = 120 + vit158_rng_below(&rng, 200);
        assert_int_equal(vit158_allocate_by_gain(chosen, items, ITEMS, budget, NULL), VIT158_OK);
        const double loss = loss_of(items, chosen, &used);
        assert_true(used <= budget);
        assert_true(loss >= brute_force(items, budget) - 1e-9);
        /* What was reached costs no more than the best of so many bytes by one step's loss. */
        if (trial % 2 == 0)
            assert_true(loss <= brute_force(items, used) + 10);
        assert_int_equal(vit158_allocate_by_gain(chosen, items, ITEMS, UINT64_MAX, NULL),
                         VIT158_OK);
        assert_true(fabs(loss_of(items, chosen, &n_bytes) - brute_force(items, UINT64_MAX)) < 1e-9);
    }
}

/* Convex items: the steps in order of gain are the best choice for the bytes they add up to. */
static void test_by_gain_is_exact_at_its_own_steps(void **state)
{
    (void)state;
    vit158_rng rng = vit158_rng_seed(3);
    for (int trial = 0; trial < 200; trial++) {
        vit158_choices items[ITEMS];
        uint32_t chosen[ITEMS];
        uint64_t used;
        random_items(items, true, &rng);
        /* One option more or less decides: with this budget no step is left out before the end. */
        uint64_t budget = 0, n_bytes;
        for (uint32_t i = 0; i < ITEMS; i++)
            budget += items[i].bytes[0];
        assert_int_equal(vit158_allocate_by_gain(chosen, items, ITEMS, budget, NULL), VIT158_OK);
        assert_true(fabs(loss_of(items, chosen, &used) - brute_force(items, budget)) < 1e-9);
        double best_gain = 0;
        uint64_t step = 0;
        for (uint32_t i = 0; i < ITEMS; i++)
            for (uint32_t c = 1; c < items[i].count; c++) {
                const uint64_t cost = items[i].bytes[c] - items[i].bytes[0];
                const double gain = (items[i].loss[0] - items[i].loss[c]) / (double)cost;
                if (gain > best_gain) {
                    best_gain = gain;
                    step = cost;
                }
            }
        assert_int_equal(vit158_allocate_by_gain(chosen, items, ITEMS, budget + step, NULL),
                         VIT158_OK);
        assert_true(loss_of(items, chosen, &n_bytes) <= brute_force(items, budget + step) + 1e-9);
    }
}

static void test_too_small_a_budget(void **state)
{
    (void)state;
    const vit158_choices item = {.count = 1, .bytes = {10}, .loss = {1}};
    uint32_t chosen;
    vit158_error error;
    assert_int_equal(vit158_allocate_by_gain(&chosen, &item, 1, 9, &error), VIT158_E_ARGUMENT);
    assert_non_null(strstr(error.message, "10 bytes"));
    assert_int_equal(vit158_allocate_exact(&chosen, &item, 1, 9, 1, &error), VIT158_E_ARGUMENT);
    assert_int_equal(vit158_allocate_exact(&chosen, &item, 1, 10, 1, &error), VIT158_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_is_brute_force),
        cmocka_unit_test(test_exact_takes_no_more_than_it_needs),
        cmocka_unit_test(test_by_gain),
        cmocka_unit_test(test_by_gain_is_exact_at_its_own_steps),
        cmocka_unit_test(test_too_small_a_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
