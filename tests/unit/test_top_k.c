/* SPDX-License-Identifier: MIT
 *
 * predict/: ranking and probabilities.
 */
#include "unit/test.h"

#include <float.h>
#include <math.h>

#include "predict/top_k.h"

static void test_order_and_ties(void **state)
{
    (void)state;
    const float logits[] = {1.0F, 3.0F, 3.0F, -2.0F, 3.0F};
    vit158_prediction best[5];
    assert_int_equal(vit158_top_k(best, 4, logits, 5), 4);
    const uint32_t order[] = {1, 2, 4, 0};
    for (int i = 0; i < 4; i++)
        assert_int_equal(best[i].index, order[i]);
    assert_int_equal(vit158_top_k(best, 2, logits, 5), 2); /* the last place is tied, too */
    assert_true(best[0].index == 1 && best[1].index == 2);
    assert_int_equal(vit158_top_k(best, 9, logits, 5), 5);
    assert_int_equal(best[4].index, 3);
    assert_int_equal(vit158_top_k(best, 0, logits, 5), 0);
}

static void test_probabilities(void **state)
{
    (void)state;
    const float logits[] = {0.5F, -1.25F, 2.0F, 0.0F};
    double total = 0;
    for (int i = 0; i < 4; i++)
        total += exp((double)logits[i]);
    vit158_prediction all[4];
    assert_int_equal(vit158_top_k(all, 4, logits, 4), 4);
    double sum = 0;
    for (int i = 0; i < 4; i++) {
        assert_true(fabs((double)all[i].score - exp((double)logits[all[i].index]) / total) < 1e-6);
        sum += (double)all[i].score;
    }
    assert_true(fabs(sum - 1.0) < 1e-6);
}

static void test_extreme_logits(void **state)
{
    (void)state;
    const float logits[] = {-FLT_MAX, FLT_MAX, 0.0F};
    vit158_prediction all[3];
    assert_int_equal(vit158_top_k(all, 3, logits, 3), 3);
    assert_int_equal(all[0].index, 1);
    assert_true(all[0].score == 1.0F);
    assert_true(all[1].score == 0.0F && all[2].score == 0.0F);
    assert_int_equal(all[1].index, 2);
    const float one = -5.0F;
    assert_int_equal(vit158_top_k(all, 3, &one, 1), 1);
    assert_true(all[0].score == 1.0F);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_ties),
        cmocka_unit_test(test_probabilities),
        cmocka_unit_test(test_extreme_logits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
