/* SPDX-License-Identifier: MIT
 *
 * What PTQ-ViT measures and searches by: its quantizer, similarity, ranking and nuclear norm
 * against NumPy, and the alternating search.
 */
#include "unit/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compress/nuclear.h"
#include "compress/similarity.h"
#include "compress/step_search.h"
#include "compress/uniform.h"

/* ---- Against NumPy: tests/golden/make_ptq_golden.py ------------------------------------------ */

#define OUTPUTS 6U
#define INPUTS 8U
#define TOKENS 12U

static void numbers(float *values, uint32_t seed, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525U + 1013904223U;
        values[i] = (float)(seed >> 8) / 8388608.0F - 1.0F;
    }
}

typedef struct layer {
    float w[OUTPUTS * INPUTS], x[INPUTS * TOKENS], expected[OUTPUTS * TOKENS];
} layer;

static void multiply(float *y, const float *w, const float *x)
{
    memset(y, 0, OUTPUTS * TOKENS * sizeof *y);
    for (uint32_t o = 0; o < OUTPUTS; o++)
        for (uint32_t i = 0; i < INPUTS; i++)
            for (uint32_t t = 0; t < TOKENS; t++)
                y[o * TOKENS + t] += w[o * INPUTS + i] * x[i * TOKENS + t];
}

static layer make_layer(void)
{
    layer l;
    numbers(l.w, 1, OUTPUTS * INPUTS);
    numbers(l.x, 2, INPUTS * TOKENS);
    multiply(l.expected, l.w, l.x);
    return l;
}

static void quantized_output(float *y, const layer *l, float w_step, float x_step, uint32_t bits)
{
    float w[OUTPUTS * INPUTS], x[INPUTS * TOKENS];
    vit158_uniform_round(w, l->w, OUTPUTS * INPUTS, vit158_uniform_signed(w_step, bits));
    vit158_uniform_round(x, l->x, INPUTS * TOKENS, vit158_uniform_signed(x_step, bits));
    multiply(y, w, x);
}

static float largest_of(const float *x, size_t count)
{
    float largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = fmaxf(largest, fabsf(x[i]));
    return largest;
}

static void test_similarity_is_numpys(void **state)
{
    (void)state;
    static const struct {
        uint32_t bits;
        double pearson, gain;
    } cases[] = {{4, 0.995346, 0.973322}, {6, 0.997294, 0.937615}, {8, 0.997110, 0.936017}};
    const layer l = make_layer();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const float high = vit158_uniform_signed(1, cases[i].bits).high;
        float y[OUTPUTS * TOKENS];
        quantized_output(y, &l, vit158_uniform_step(largest_of(l.w, OUTPUTS * INPUTS), high),
                         0.8F * vit158_uniform_step(largest_of(l.x, INPUTS * TOKENS), high),
                         cases[i].bits);
        vit158_sums sums = {0};
        for (uint32_t o = 0; o < OUTPUTS; o++)
            vit158_sums_add(&sums, l.expected + o * TOKENS, y + o * TOKENS, TOKENS);
        assert_true(fabs(vit158_sums_pearson(&sums) - cases[i].pearson) < 2e-5);
        assert_true(fabs(vit158_sums_gain(&sums) - cases[i].gain) < 2e-5);
    }
}

static void test_ranking_is_numpys(void **state)
{
    (void)state;
    const layer l = make_layer();
    float y[OUTPUTS * TOKENS], scratch[2 * TOKENS];
    vit158_ranking ranking = {0};
    quantized_output(y, &l, 0.5F, 0.5F, 4);
    vit158_ranking_add(&ranking, l.expected, y, TOKENS, 1, 0.2, scratch);
    assert_true(ranking.pairs == TOKENS * (TOKENS - 1) / 2);
    assert_true(fabs(ranking.loss / ranking.pairs - 0.018939) < 1e-5);
    assert_true(fabs(ranking.order / ranking.pairs - 0.909091) < 1e-5);
    assert_true(fabs(vit158_row_deviation(l.expected, TOKENS, 1) - 0.905837) < 1e-5);
    /* The same down a column. */
    float column[2][3 * TOKENS];
    for (uint32_t t = 0; t < TOKENS; t++) {
        column[0][3 * t] = l.expected[t];
        column[1][3 * t] = y[t];
    }
    vit158_ranking other = {0};
    vit158_ranking_add(&other, column[0], column[1], TOKENS, 3, 0.2, scratch);
    assert_true(other.loss == ranking.loss && other.order == ranking.order);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void test_nuclear_norm_is_numpys(void **state)
{
    (void)state;
    static const double numpy_values[INPUTS] = {0.470003, 1.538701, 1.952013, 3.053392,
                                                4.487585, 5.326033, 7.010667, 9.134246};
    const layer l = make_layer();
    double scratch[TOKENS * TOKENS + 2 * TOKENS], a[INPUTS * INPUTS] = {0}, values[INPUTS],
                                                             off[INPUTS];
    assert_true(fabs(vit158_nuclear_norm(l.x, INPUTS, TOKENS, TOKENS, 1, scratch) - 15.166822) <
                1e-5);
    /* The other way round, rank 8 of 12. */
    assert_true(fabs(vit158_nuclear_norm(l.x, TOKENS, INPUTS, 1, TOKENS, scratch) - 15.166822) <
                1e-5);
    for (uint32_t i = 0; i < INPUTS; i++)
        for (uint32_t j = 0; j < INPUTS; j++)
            for (uint32_t t = 0; t < TOKENS; t++)
                a[i * INPUTS + j] += (double)l.x[i * TOKENS + t] * (double)l.x[j * TOKENS + t];
    vit158_symmetric_eigenvalues(values, a, off, INPUTS);
    qsort(values, INPUTS, sizeof *values, ascending);
    for (uint32_t i = 0; i < INPUTS; i++)
        assert_true(fabs(values[i] - numpy_values[i]) < 1e-5);
    const float zeros[6] = {0}, one = -3;
    assert_true(vit158_nuclear_norm(zeros, 2, 3, 3, 1, scratch) == 0);
    assert_true(fabs(vit158_nuclear_norm(&one, 1, 1, 1, 1, scratch) - 3) < 1e-12);
}

static void test_uniform_levels(void **state)
{
    (void)state;
    for (uint32_t bits = 4; bits <= 8; bits++) {
        const vit158_uniform u = vit158_uniform_signed(0.5F, bits);
        const float half = (float)(1U << (bits - 1));
        const float x[6] = {-1e6F, 1e6F, 0.24F, 0.26F, -0.75F, 0.25F};
        float y[6];
        vit158_uniform_round(y, x, 6, u);
        assert_true(y[0] == 0.5F * (bits == 8 ? 1 - half : -half));
        assert_true(y[1] == 0.5F * (half - 1));
        assert_true(y[2] == 0 && y[3] == 0.5F && y[4] == -1.0F && y[5] == 0); /* halves to even */
        vit158_uniform_round(y, x, 6, vit158_uniform_unsigned(0.5F, bits));
        assert_true(y[0] == 0 && y[1] == 0.5F * (2 * half - 1));
    }
}

/* ---- The search for steps -------------------------------------------------------------------- */

/* A hill with its top at steps 0.9 and 1.6, two coordinates that depend on each other. */
static double hill(void *context, const float *steps)
{
    const double x = (double)steps[0] - 0.9, y = (double)steps[1] - 1.6;
    ++*(uint32_t *)context;
    return 1 - x * x - y * y - 0.5 * x * y;
}

static void test_search_climbs(void **state)
{
    (void)state;
    uint32_t calls = 0;
    const vit158_step_search search = {.objective = hill,
                                       .context = &calls,
                                       .count = 2,
                                       .candidates = 100,
                                       .from = 0.5,
                                       .to = 1.2,
                                       .least = 1e-9};
    float steps[2] = {1, 2};
    double history[VIT158_SEARCH_ROUNDS + 1];
    const uint32_t rounds = vit158_search_steps(steps, history, &search);
    assert_true(rounds > 1 && rounds < VIT158_SEARCH_ROUNDS);
    for (uint32_t i = 1; i <= rounds; i++)
        assert_true(history[i] >= history[i - 1]);
    /* Candidates lie 0.007 and 0.014 apart. */
    assert_true(fabsf(steps[0] - 0.9F) < 0.02F && fabsf(steps[1] - 1.6F) < 0.03F);
    assert_true(calls <= 1 + rounds * 2 * 29);
    /* A round that gains less than asked for is the last one. */
    assert_true(history[2] > history[1]);
    for (int enough = 0; enough < 2; enough++) {
        vit158_step_search other = search;
        float again[2] = {1, 2};
        other.least = (history[2] - history[1]) * (enough != 0 ? 0.5 : 2.0);
        const uint32_t ended = vit158_search_steps(again, NULL, &other);
        assert_true(enough != 0 ? ended > 2 : ended == 2);
    }
    /* Tops beyond the candidates: the last of them. */
    float low[2] = {2, 4};
    vit158_search_steps(low, NULL, &search);
    assert_true(fabsf(low[0] - 1) < 1e-6F && fabsf(low[1] - 2) < 1e-6F);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_similarity_is_numpys),   cmocka_unit_test(test_ranking_is_numpys),
        cmocka_unit_test(test_nuclear_norm_is_numpys), cmocka_unit_test(test_uniform_levels),
        cmocka_unit_test(test_search_climbs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
