/* SPDX-License-Identifier: MIT
 *
 * Which inputs of a layer go, what that costs and what the other weights become, against NumPy's
 * least squares; and what is left of a network. Its file is tests/node/prune_command.test.mjs's.
 */
#include "unit/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compress/obs.h"
#include "compress/prune.h"
#include "unit/compress_fixture.h"

#define N 8U
#define TOKENS 40U
#define OUTPUTS 3U

/* ---- A layer (tests/golden/make_prune_golden.py) ---- */

static void numbers(double *out, uint32_t seed, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525U + 1013904223U;
        out[i] = (double)(seed >> 8) / 8388608.0 - 1.0;
    }
}

typedef struct layer {
    double x[TOKENS][N], y[TOKENS][OUTPUTS], h[N * N], products[OUTPUTS * N];
} layer;

static layer make_layer(void)
{
    layer l = {0};
    double w[OUTPUTS * N], noise[TOKENS * OUTPUTS];
    numbers(l.x[0], 1, (size_t)TOKENS * N);
    numbers(w, 100, (size_t)OUTPUTS * N);
    numbers(noise, 200, (size_t)TOKENS * OUTPUTS);
    for (size_t t = 0; t < TOKENS; t++) {
        double *const x = l.x[t];
        x[1] += 0.8 * x[0];
        x[5] += 0.9 * x[2] - 0.5 * x[1];
        x[7] *= 2;
        for (size_t o = 0; o < OUTPUTS; o++) {
            l.y[t][o] = 0.1 * noise[t * OUTPUTS + o];
            for (size_t i = 0; i < N; i++)
                l.y[t][o] += x[i] * w[o * N + i];
        }
        for (size_t i = 0; i < N; i++) {
            for (size_t j = 0; j < N; j++)
                l.h[i * N + j] += x[i] * x[j];
            for (size_t o = 0; o < OUTPUTS; o++)
                l.products[o * N + i] += l.y[t][o] * x[i];
        }
    }
    return l;
}

typedef struct numpy_result {
    uint32_t group, count;
    uint32_t gone[4];
    double cost[4];
    double weight[OUTPUTS][N];
} numpy_result;

static const numpy_result results[] = {
    {1,
     4,
     {2, 6, 1, 3},
     {2.845533, 5.713095, 7.153405, 13.040060},
     {{-0.815797, 0, 0, 0, -0.879613, -0.327316, 0, -0.419692},
      {-0.782734, 0, 0, 0, -0.335204, -1.100798, 0, -0.701669},
      {-0.807318, 0, 0, 0, 0.458971, 0.222213, 0, -0.044258}}},
    {2,
     2,
     {0, 1},
     {12.528324, 27.036289},
     {{0, 0, 0, 0, -0.949748, -0.163190, -0.130614, -0.382800},
      {0, 0, 0, 0, -0.324408, -0.932260, 0.670288, -0.576497},
      {0, 0, 0, 0, 0.406344, 0.387011, 0.041703, 0.011540}}},
};

static void test_removals_are_numpys(void **state)
{
    (void)state;
    for (size_t r = 0; r < sizeof results / sizeof *results; r++) {
        const numpy_result *const expected = &results[r];
        layer l = make_layer();
        vit158_pool pool = vit158_pool_serial();
        vit158_obs obs;
        assert_int_equal(
            vit158_obs_create(&obs, l.h, l.products, N, OUTPUTS, expected->group, &pool, NULL),
            VIT158_OK);
        for (uint32_t i = 0; i < expected->count; i++) {
            const uint32_t group = vit158_obs_cheapest(&obs);
            assert_int_equal(group, expected->gone[i]);
            assert_true(fabs(obs.cost[group] - expected->cost[i]) < 1e-5);
            vit158_obs_remove(&obs, group);
        }
        for (size_t o = 0; o < OUTPUTS; o++)
            for (size_t i = 0; i < N; i++)
                assert_true(fabs(obs.weight[i * OUTPUTS + o] - expected->weight[o][i]) < 1e-5);
        vit158_obs_free(&obs);
    }
}

/* The last group that is left costs all that the outputs had explained; then there is none. */
static void test_nothing_is_left(void **state)
{
    (void)state;
    layer l = make_layer();
    vit158_pool pool = vit158_pool_serial();
    vit158_obs obs;
    assert_int_equal(vit158_obs_create(&obs, l.h, l.products, N, OUTPUTS, 4, &pool, NULL),
                     VIT158_OK);
    for (uint32_t i = 0; i < 2; i++) {
        const uint32_t group = vit158_obs_cheapest(&obs);
        assert_true(obs.cost[group] > 0);
        vit158_obs_remove(&obs, group);
    }
    assert_int_equal(vit158_obs_cheapest(&obs), UINT32_MAX);
    for (size_t i = 0; i < (size_t)N * OUTPUTS; i++)
        assert_true(obs.weight[i] == 0);
    vit158_obs_free(&obs);
}

static void test_moments_without_an_inverse(void **state)
{
    (void)state;
    layer l = make_layer();
    memset(l.h, 0, sizeof l.h);
    vit158_pool pool = vit158_pool_serial();
    vit158_obs obs;
    vit158_error error;
    assert_int_equal(vit158_obs_create(&obs, l.h, l.products, N, OUTPUTS, 1, &pool, &error),
                     VIT158_E_NUMERIC);
    assert_non_null(strstr(error.message, "not positive definite"));
    vit158_obs_free(&obs);
}

static void test_kept_channels(void **state)
{
    (void)state;
    assert_int_equal(vit158_prune_kept(768, 0), 768);
    assert_int_equal(vit158_prune_kept(768, 0.25), 576);
    assert_int_equal(vit158_prune_kept(768, 0.125), 672);
    assert_int_equal(vit158_prune_kept(768, 0.26), 576); /* 568 up to a multiple of 16 */
    assert_int_equal(vit158_prune_kept(768, 0.95), 48);
    assert_int_equal(vit158_prune_kept(64, 0.95), 16);
}

/* ---- A network ---- */

static vit158_prune_result prune(const compress_run *run, vit158_embedder *images,
                                 const vit158_prune_settings *settings, vit158_pool *pool)
{
    vit158_prune_result result;
    vit158_error error;
    const vit158_prune_job job = {.model = run->model,
                                  .images = images,
                                  .learned = COMPRESS_IMAGES - 1,
                                  .settings = *settings,
                                  .pool = pool};
    if (vit158_prune_run(&result, &job, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    return result;
}

static uint32_t count_of(const bool *kept, uint32_t count)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += kept[i];
    return sum;
}

static void test_network(void **state)
{
    (void)state;
    compress_run run = compress_run_start();
    vit158_embedder_finish(&run.images);
    vit158_pool pool = vit158_pool_serial();
    double divergence[VIT158_PRUNE_SCORES];
    for (uint32_t score = 0; score < VIT158_PRUNE_SCORES; score++) {
        vit158_prune_settings settings = vit158_prune_defaults();
        settings.mlp_share = 0.5;
        settings.heads = 1;
        settings.score = (vit158_prune_score)score;
        vit158_prune_result result = prune(&run, &run.images, &settings, &pool);
        uint32_t heads = 0;
        for (uint32_t i = 0; i < result.depth; i++) {
            const vit158_pruned_block *const b = &result.blocks[i];
            heads += count_of(b->heads, b->heads_before);
            assert_int_equal(count_of(b->heads, b->heads_before), b->kept_heads);
            assert_int_equal(count_of(b->channels, b->channels_before), 32);
            for (uint32_t k = 0; k < 64; k++)
                for (uint32_t o = 0; o < 32; o++)
                    assert_true(b->channels[k] || b->fc2[o * 64 + k] == 0);
        }
        assert_int_equal(heads, 3);
        assert_int_equal(result.learned.images, COMPRESS_IMAGES - 1);
        assert_int_equal(result.held.images, 1);
        divergence[score] = result.learned.divergence;
        vit158_prune_result_free(&result);
    }
    for (uint32_t score = 1; score < VIT158_PRUNE_SCORES; score++)
        assert_true(divergence[VIT158_PRUNE_OBS] < divergence[score]);
    compress_run_end(&run);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    compress_run run = compress_run_start();
    vit158_embedder_finish(&run.images);
    vit158_pool pool = vit158_pool_serial();
    vit158_prune_job job = {.model = run.model,
                            .images = &run.images,
                            .learned = COMPRESS_IMAGES,
                            .settings = vit158_prune_defaults(),
                            .pool = &pool};
    vit158_prune_result result;
    vit158_error error;
    job.settings.heads = 3; /* of 2 blocks with 2 each */
    assert_int_equal(vit158_prune_run(&result, &job, &error), VIT158_E_ARGUMENT);
    assert_non_null(strstr(error.message, "at most 2 can"));
    vit158_prune_result_free(&result);
    random_shape shape = compress_tiny;
    shape.inner_norms = true;
    vit158_model *const normed = random_model_make(shape, 3);
    assert_int_equal(vit158_prune_check(normed, &error), VIT158_E_UNSUPPORTED);
    assert_non_null(strstr(error.message, "norms before proj and fc2"));
    random_model_free(normed);
    compress_run_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_removals_are_numpys),
        cmocka_unit_test(test_nothing_is_left),
        cmocka_unit_test(test_moments_without_an_inverse),
        cmocka_unit_test(test_kept_channels),
        cmocka_unit_test(test_network),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
