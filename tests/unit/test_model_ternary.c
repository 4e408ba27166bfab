/* SPDX-License-Identifier: MIT
 *
 * Absmean, rounding to trits, and the byte layout of trit codes.
 */
#include "unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "model/ternary.h"

static void test_absmean(void **state)
{
    (void)state;
    const float w[6] = {1.0F, -2.0F, 3.0F, -4.0F, 5.0F, 0.0F};
    assert_true(vit158_absmean(w, 2, 3) == 2.5F);
    const float small[2] = {1e-6F, 0.0F};
    assert_true(vit158_absmean(small, 1, 2) == 1e-5F);
    /* In double the tiny terms are not lost beside the large one: 2^24 + 3 * 0.5 over 4. */
    const float mixed[4] = {16777216.0F, 0.5F, 0.5F, 0.5F};
    assert_true(vit158_absmean(mixed, 1, 4) == (float)((16777216.0 + 1.5) / 4.0));
}

static void test_ternarize_rounds_half_to_even(void **state)
{
    (void)state;
    const float w[8] = {0.5F, -0.5F, 0.50000006F, -0.50000006F, 1.5F, -7.0F, 3e38F, -0.0F};
    const int8_t want[8] = {0, 0, 1, -1, 1, -1, 1, 0};
    int8_t u[8];
    vit158_ternarize(u, w, 8, 1.0F);
    assert_memory_equal(u, want, sizeof want);
    /* A tie at exactly m / 2 goes to 0 whatever m's scale. */
    const float tie[2] = {0.125F, -0.125F};
    vit158_ternarize(u, tie, 2, 0.25F);
    assert_int_equal(u[0], 0);
    assert_int_equal(u[1], 0);
}

/* FORMAT.md's worked example: n_out = 2, n_in = 23, so five groups: one block of four, one of one.
 * Row 0 is all +1, row 1 has weight i of -1, 0, 1, -1, 0, ... */
static void test_layout_by_hand(void **state)
{
    (void)state;
    int8_t u[2][23];
    for (int i = 0; i < 23; i++) {
        u[0][i] = 1;
        u[1][i] = (int8_t)(i % 3 - 1);
    }
    /* All digits 2: 242. A group with inputs 20, 21, 22: 2 + 2*3 + 2*9 + 1*27 + 1*81 = 134.
     * Row 1 digits run 0 1 2 0 1 | 2 0 1 2 0 | 1 2 0 1 2 | 0 1 2 0 1 | 2 0 1 (1 1). */
    const uint8_t want[10] = {242, 242, 242, 242, 102, 65, 196, 102, 134, 119};
    uint8_t codes[10];
    assert_int_equal(vit158_trit_bytes(2, 23), sizeof codes);
    vit158_pack_trits(codes, &u[0][0], 2, 23);
    assert_memory_equal(codes, want, sizeof want);
}

static void test_pack_and_unpack_are_inverse(void **state)
{
    (void)state;
    vit158_rng rng = vit158_rng_seed(158);
    for (uint32_t n_in = 1; n_in <= 47; n_in++) {
        for (uint32_t n_out = 1; n_out <= 7; n_out += 3) {
            const size_t n = (size_t)n_in * n_out;
            const size_t n_codes = vit158_trit_bytes(n_out, n_in);
            int8_t *u = malloc(n);
            int8_t *back = malloc(n);
            uint8_t *codes = malloc(n_codes);
            assert_true(u != NULL && back != NULL && codes != NULL);
            for (size_t i = 0; i < n; i++)
                u[i] = (int8_t)((int)vit158_rng_below(&rng, 3) - 1);
            memset(codes, 0xFF, n_codes);
            memset(back, 0x55, n);
            vit158_pack_trits(codes, u, n_out, n_in);
            for (size_t i = 0; i < n_codes; i++)
                assert_true(codes[i] < VIT158_TRIT_CODES);
            vit158_unpack_trits(back, codes, n_out, n_in);
            assert_memory_equal(back, u, n);
            free(u);
            free(back);
            free(codes);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absmean),
        cmocka_unit_test(test_ternarize_rounds_half_to_even),
        cmocka_unit_test(test_layout_by_hand),
        cmocka_unit_test(test_pack_and_unpack_are_inverse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
