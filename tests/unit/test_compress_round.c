/* SPDX-License-Identifier: MIT
 *
 * Levels, scales and error-compensated rounding of one output against NumPy, brute force and what
 * must hold; factors of symmetric matrices.
 */
#include "unit/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "compress/cholesky.h"
#include "compress/round_row.h"

#define N 24U

/* Moments of `tokens` random inputs; with `mixed` every input also holds a part of the one before.
 */
static void random_moments(float *h, uint32_t n, uint32_t tokens, float mixed, vit158_rng *rng)
{
    float *x = malloc(n * sizeof *x);
    memset(h, 0, (size_t)n * n * sizeof *h);
    for (uint32_t t = 0; t < tokens; t++) {
        for (uint32_t i = 0; i < n; i++)
            x[i] = vit158_rng_normal(rng) * (1.0F + (float)(i % 5)) +
                   (i > 0 ? mixed * x[i - 1] : 0.0F);
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t j = 0; j < n; j++)
                h[i * n + j] += x[i] * x[j];
    }
    free(x);
}

static void random_weights(float *w, uint32_t n, vit158_rng *rng)
{
    for (uint32_t i = 0; i < n; i++)
        w[i] = 0.05F * vit158_rng_normal(rng);
}

/* (w - level)^T H (w - level) with the rounding's H. */
static double error_of(const float *w, const vit158_levels *levels, const uint8_t *chosen,
                       const vit158_rounding *rounding)
{
    double error = 0;
    const uint32_t n = rounding->n;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++)
            error += ((double)w[i] - (double)levels->value[chosen[i]]) *
                     ((double)w[j] - (double)levels->value[chosen[j]]) *
                     (double)rounding->h[i * n + j];
    return error;
}

static void test_factor_of_the_inverse(void **state)
{
    (void)state;
    static float h[N * N], u[N * N];
    static double copy[N * N];
    vit158_rng rng = vit158_rng_seed(1);
    random_moments(h, N, 60, 0.5F, &rng);
    for (size_t i = 0; i < (size_t)N * N; i++)
        copy[i] = (double)h[i];
    assert_true(vit158_inverse_factor(u, copy, N));
    /* U^T U h = 1 */
    for (uint32_t i = 0; i < N; i++)
        for (uint32_t j = 0; j < N; j++) {
            double sum = 0;
            for (uint32_t k = 0; k < N; k++) {
                double inverse = 0;
                for (uint32_t m = 0; m < N; m++)
                    inverse += (double)u[m * N + i] * (double)u[m * N + k];
                sum += inverse * (double)h[k * N + j];
            }
            assert_true(fabs(sum - (i == j)) < 2e-4);
            assert_true(j >= i || u[i * N + j] == 0.0F);
        }
    copy[0] = -1;
    assert_false(vit158_inverse_factor(u, copy, N));
}

static void test_solving(void **state)
{
    (void)state;
    static float h[N * N];
    static double l[N * N];
    double x[N], expected[N];
    vit158_rng rng = vit158_rng_seed(2);
    random_moments(h, N, 60, 0.5F, &rng);
    for (size_t i = 0; i < (size_t)N * N; i++)
        l[i] = (double)h[i];
    for (uint32_t i = 0; i < N; i++)
        expected[i] = (double)vit158_rng_normal(&rng);
    for (uint32_t i = 0; i < N; i++) {
        x[i] = 0;
        for (uint32_t j = 0; j < N; j++)
            x[i] += (double)h[i * N + j] * expected[j];
    }
    assert_true(vit158_cholesky(l, N));
    vit158_cholesky_solve(x, l, N);
    for (uint32_t i = 0; i < N; i++)
        assert_true(fabs(x[i] - expected[i]) < 1e-9);
    double a[4] = {2, 1, 1, 3}, b[2] = {5, 10}, singular[4] = {1, 1, 1, 1};
    assert_int_equal(vit158_solve_small(b, a, 2), 1);
    assert_true(fabs(b[0] - 1) < 1e-12 && fabs(b[1] - 3) < 1e-12);
    assert_int_equal(vit158_solve_small(b, singular, 2), 0);
}

static void test_singular_matrices_have_no_factor(void **state)
{
    (void)state;
    double singular[] = {4, 0, 2, 1};
    assert_false(vit158_cholesky(singular, 2));
}

/* Inputs that are always 0 have moments of 0: their weights are rounded all the same. */
static void test_inputs_that_are_always_zero(void **state)
{
    (void)state;
    const float h[9] = {0};
    vit158_rounding rounding;
    assert_int_equal(vit158_rounding_create(&rounding, h, 3, 0.3F, NULL), VIT158_OK);
    for (int i = 0; i < 9; i++)
        assert_true(isfinite(rounding.u[i]));
    vit158_rounding_free(&rounding);
}

static void test_levels_are_all_sums(void **state)
{
    (void)state;
    const float scale[4] = {0.5F, 0.3F, 0.2F, 0.05F};
    uint32_t expected = 1;
    for (uint32_t rows = 1; rows <= 4; rows++) {
        vit158_levels levels;
        vit158_levels_of_rows(&levels, scale, rows);
        expected *= 3;
        assert_int_equal(levels.count, expected);
        for (uint32_t i = 0; i < levels.count; i++) {
            float value = 0;
            for (uint32_t r = 0; r < rows; r++)
                value += scale[r] * (float)vit158_level_trit(&levels, i, r);
            assert_true(fabsf(value - levels.value[i]) < 1e-6F);
            assert_true(i == 0 || levels.value[i] >= levels.value[i - 1]);
        }
        for (float x = -1.3F; x < 1.3F; x += 0.007F) {
            float nearest = INFINITY;
            for (uint32_t i = 0; i < levels.count; i++)
                nearest = fminf(nearest, fabsf(x - levels.value[i]));
            assert_true(fabsf(x - levels.value[vit158_nearest_level(&levels, x)]) <=
                        nearest + 1e-7F);
        }
    }
    vit158_levels uniform;
    vit158_levels_uniform(&uniform, 0.1F, 127);
    assert_int_equal(vit158_nearest_level(&uniform, 100.0F), 254);
    assert_int_equal(vit158_nearest_level(&uniform, -0.26F), 124);
}

/* About as good as the best of 2,000 random scales. */
static void test_scales_are_found(void **state)
{
    (void)state;
    vit158_rng rng = vit158_rng_seed(3);
    for (uint32_t rows = 1; rows <= 3; rows++) {
        float w[200], importance[200];
        uint8_t scratch[200];
        vit158_levels levels;
        for (int i = 0; i < 200; i++) {
            w[i] = vit158_rng_normal(&rng);
            importance[i] = 0.1F + vit158_rng_uniform(&rng);
        }
        vit158_search_scales(&levels, w, importance, 200, rows, scratch);
        double found = 0, best = INFINITY;
        for (int trial = 0; trial < 2000; trial++) {
            float scale[4];
            vit158_levels tried;
            for (uint32_t r = 0; r < rows; r++)
                scale[r] = 0.02F + 1.8F * vit158_rng_uniform(&rng);
            vit158_levels_of_rows(&tried, scale, rows);
            double error = 0;
            for (int i = 0; i < 200; i++)
                error += (double)importance[i] *
                         pow((double)(w[i] - tried.value[vit158_nearest_level(&tried, w[i])]), 2);
            best = fmin(best, error);
        }
        for (int i = 0; i < 200; i++)
            found += (double)importance[i] *
                     pow((double)(w[i] - levels.value[vit158_nearest_level(&levels, w[i])]), 2);
        assert_true(found <= best * 1.15);
    }
}

/* tests/golden/make_compress_golden.py */
static float next_number(uint32_t *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return (float)(*seed >> 8) / 8388608.0F - 1.0F;
}

static void test_columns_are_numpys(void **state)
{
    (void)state;
    static const uint8_t numpy_levels[3][8] = {
        {1, 3, 2, 0, 3, 2, 1, 2}, {1, 0, 2, 4, 6, 2, 6, 2}, {0, 6, 3, 2, 2, 3, 3, 2}};
    static const double numpy_error[3] = {1.255936, 1.656768, 0.762976};
    float x[40][8], h[64] = {0};
    uint32_t seed = 1;
    for (int t = 0; t < 40; t++)
        for (int i = 0; i < 8; i++)
            x[t][i] = next_number(&seed);
    for (int t = 0; t < 40; t++) {
        x[t][1] += 0.8F * x[t][0];
        x[t][5] += 0.9F * x[t][2] - 0.5F * x[t][1];
        x[t][7] *= 2;
        for (int i = 0; i < 8; i++)
            for (int j = 0; j < 8; j++)
                h[i * 8 + j] += x[t][i] * x[t][j];
    }
    vit158_rounding rounding;
    assert_int_equal(vit158_rounding_create(&rounding, h, 8, 0.05F, NULL), VIT158_OK);
    vit158_levels levels;
    vit158_levels_uniform(&levels, 0.3F, 3);
    for (uint32_t row = 0; row < 3; row++) {
        float w[8], ordered[8], spent[8];
        uint8_t chosen[8];
        seed = 100 + row;
        for (int i = 0; i < 8; i++)
            w[i] = next_number(&seed);
        for (int i = 0; i < 8; i++)
            ordered[i] = spent[i] = w[rounding.order[i]];
        vit158_round_columns(&levels, chosen, spent, &rounding);
        assert_memory_equal(chosen, numpy_levels[row], 8);
        assert_true(fabs(error_of(ordered, &levels, chosen, &rounding) - numpy_error[row]) < 1e-4);
    }
    vit158_rounding_free(&rounding);
}

/* The baselines, of one output. */
static void test_baselines_are_numpys(void **state)
{
    (void)state;
    enum { PLAIN = 24 };
    static const struct {
        vit158_scale_rule rule;
        uint32_t rows;
        uint8_t levels[PLAIN];
    } cases[] = {
        {VIT158_SCALES_LARGEST, 0, {107, 206, 129, 214, 24,  177, 124, 27,  37,  254, 245, 127,
                                    127, 127, 128, 151, 152, 126, 127, 176, 124, 127, 51,  144}},
        {VIT158_SCALES_LARGEST, 1, {1, 2, 1, 2, 0, 1, 1, 0, 0, 2, 2, 1,
                                    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1}},
        {VIT158_SCALES_LARGEST, 2, {3, 6, 4, 7, 1, 6, 4, 1, 1, 8, 8, 4,
                                    4, 4, 4, 5, 5, 4, 4, 6, 4, 4, 2, 5}},
        {VIT158_SCALES_LARGEST, 3, {11, 21, 13, 22, 3,  18, 13, 3,  4,  26, 25, 13,
                                    13, 13, 13, 15, 16, 13, 13, 18, 13, 13, 5,  15}},
        {VIT158_SCALES_PERCENTILE, 0, {106, 212, 129, 221, 17,  181, 124, 20,  31,  254, 254, 127,
                                       127, 127, 128, 153, 153, 126, 127, 179, 124, 127, 45,  146}},
        {VIT158_SCALES_PERCENTILE, 1, {1, 2, 1, 2, 0, 1, 1, 0, 0, 2, 2, 1,
                                       1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1}},
        {VIT158_SCALES_PERCENTILE, 2, {3, 7, 4, 7, 1, 6, 4, 1, 1, 8, 8, 4,
                                       4, 4, 4, 5, 5, 4, 4, 6, 4, 4, 1, 5}},
        {VIT158_SCALES_PERCENTILE, 3, {11, 22, 13, 23, 2,  19, 13, 2,  3,  26, 26, 13,
                                       13, 13, 13, 16, 16, 13, 13, 18, 13, 13, 5,  15}},
    };
    static float h[PLAIN * PLAIN];
    float w[PLAIN], scratch[9 * PLAIN];
    uint32_t seed = 7;
    for (uint32_t i = 0; i < PLAIN; i++) {
        const float x = next_number(&seed);
        w[i] = x * x * x;
        h[i * PLAIN + i] = 1; /* inputs in their own order */
    }
    vit158_rounding rounding;
    assert_int_equal(vit158_rounding_create(&rounding, h, PLAIN, 0, NULL), VIT158_OK);
    vit158_levels levels;
    uint8_t chosen[PLAIN];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const vit158_round_how how = {.rows = cases[i].rows, .scales = cases[i].rule};
        vit158_round_row(&levels, chosen, w, &rounding, &how, scratch);
        assert_memory_equal(chosen, cases[i].levels, PLAIN);
    }
    /* Least squares: the best ternary row of all. */
    const vit158_round_how squared = {.rows = 1, .scales = VIT158_SCALES_SQUARED};
    const double error = vit158_round_row(&levels, chosen, w, &rounding, &squared, scratch);
    assert_true(error >= 0.400461 - 1e-5 && error < 0.400461 + 1e-4);
    assert_true(fabsf(levels.scale[0] - 0.628145F) < 1e-4F);
    vit158_rounding_free(&rounding);
}

/* Where inputs have nothing to do with each other there is nothing to compensate. */
static void test_uncorrelated_inputs_round_plainly(void **state)
{
    (void)state;
    static float h[N * N];
    float w[N], scratch[9 * N];
    vit158_rng rng = vit158_rng_seed(4);
    for (uint32_t i = 0; i < N; i++)
        h[i * N + i] = 1.0F + vit158_rng_uniform(&rng);
    vit158_rounding rounding;
    assert_int_equal(vit158_rounding_create(&rounding, h, N, 0.01F, NULL), VIT158_OK);
    for (uint32_t rows = 0; rows <= 4; rows++) {
        uint8_t plain[N], compensated[N];
        vit158_levels levels;
        vit158_round_how how = {.rows = rows, .scales = VIT158_SCALES_WEIGHTED};
        random_weights(w, N, &rng);
        vit158_round_row(&levels, plain, w, &rounding, &how, scratch);
        how.compensate = true;
        vit158_round_row(&levels, compensated, w, &rounding, &how, scratch);
        assert_memory_equal(plain, compensated, N);
    }
    vit158_rounding_free(&rounding);
}

/* Over many outputs compensation beats rounding to nearest by far, passes never harm, the returned
 * error is that of the result, and at the end no single code can be bettered. */
static void test_compensation_and_passes(void **state)
{
    (void)state;
    static float h[N * N];
    float w[N], scratch[9 * N];
    vit158_rng rng = vit158_rng_seed(5);
    random_moments(h, N, 200, 0.9F, &rng);
    vit158_rounding rounding;
    assert_int_equal(vit158_rounding_create(&rounding, h, N, 0.01F, NULL), VIT158_OK);
    for (uint32_t rows = 0; rows <= 4; rows++) {
        double plain = 0, compensated = 0, improved = 0;
        for (int output = 0; output < 40; output++) {
            uint8_t chosen[N];
            vit158_levels levels;
            vit158_round_how how = {
                .rows = rows, .half_scales = true, .scales = VIT158_SCALES_WEIGHTED};
            random_weights(w, N, &rng);
            plain += vit158_round_row(&levels, chosen, w, &rounding, &how, scratch);
            how.compensate = true;
            const double once = vit158_round_row(&levels, chosen, w, &rounding, &how, scratch);
            how.passes = 3;
            const double error = vit158_round_row(&levels, chosen, w, &rounding, &how, scratch);
            assert_true(error <= once * 1.01);
            assert_true(fabs(error - error_of(w, &levels, chosen, &rounding)) <= 1e-3 * error);
            for (uint32_t r = 0; r < rows; r++)
                assert_true(levels.scale[r] > 0.0F);
            compensated += once;
            improved += error;
        }
        assert_true(compensated < 0.8 * plain);
        assert_true(improved < compensated);
    }
    vit158_rounding_free(&rounding);
}

/* Four ternary weights: all 81 codes with the scales found are tried. */
static void test_small_rows_are_near_the_best(void **state)
{
    (void)state;
    float h[16], w[4], scratch[36];
    vit158_rng rng = vit158_rng_seed(6);
    int exact = 0;
    for (int output = 0; output < 200; output++) {
        random_moments(h, 4, 30, 0.7F, &rng);
        random_weights(w, 4, &rng);
        vit158_rounding rounding;
        assert_int_equal(vit158_rounding_create(&rounding, h, 4, 0.01F, NULL), VIT158_OK);
        float ordered[4];
        for (int i = 0; i < 4; i++)
            ordered[i] = w[rounding.order[i]];
        vit158_levels levels;
        uint8_t chosen[4];
        const vit158_round_how how = {
            .rows = 1, .passes = 3, .compensate = true, .scales = VIT158_SCALES_WEIGHTED};
        const double error = vit158_round_row(&levels, chosen, ordered, &rounding, &how, scratch);
        double best = INFINITY;
        for (uint32_t code = 0; code < 81; code++) {
            const uint8_t tried[4] = {(uint8_t)(code % 3), (uint8_t)(code / 3 % 3),
                                      (uint8_t)(code / 9 % 3), (uint8_t)(code / 27)};
            best = fmin(best, error_of(ordered, &levels, tried, &rounding));
        }
        exact += error <= best * 1.0001 + 1e-9;
        vit158_rounding_free(&rounding);
    }
    assert_true(exact >= 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_factor_of_the_inverse),
        cmocka_unit_test(test_solving),
        cmocka_unit_test(test_singular_matrices_have_no_factor),
        cmocka_unit_test(test_inputs_that_are_always_zero),
        cmocka_unit_test(test_levels_are_all_sums),
        cmocka_unit_test(test_scales_are_found),
        cmocka_unit_test(test_columns_are_numpys),
        cmocka_unit_test(test_baselines_are_numpys),
        cmocka_unit_test(test_uncorrelated_inputs_round_plainly),
        cmocka_unit_test(test_compensation_and_passes),
        cmocka_unit_test(test_small_rows_are_near_the_best),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
