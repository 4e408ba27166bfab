/* SPDX-License-Identifier: MIT
 *
 * Stored activation steps: how they come from the spread of a layer's inputs, and that the engine
 * does with a file what the shadow did while its weights were rounded.
 */
#define _POSIX_C_SOURCE 200809L
#include "unit/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "compress/compress_run.h"
#include "unit/compress_fixture.h"
#include "unit/open_model.h"

#define VALUES 20000U

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

static double squared_error(const float *x, double step)
{
    double error = 0;
    for (uint32_t i = 0; i < VALUES; i++) {
        const double level = fmin(rint(fabs((double)x[i]) / step), 127);
        error += pow(fabs((double)x[i]) - level * step, 2);
    }
    return error;
}

/* Normal values with a few that are far off, added in pieces of any size. */
static void test_steps_of_a_spread(void **state)
{
    (void)state;
    static float x[VALUES], sorted[VALUES];
    vit158_rng rng = vit158_rng_seed(1);
    for (uint32_t i = 0; i < VALUES; i++)
        sorted[i] = x[i] = vit158_rng_normal(&rng) * (i % 4000 == 17 ? 20.0F : 1.0F);
    for (uint32_t i = 0; i < VALUES; i++)
        sorted[i] = fabsf(sorted[i]);
    qsort(sorted, VALUES, sizeof *sorted, by_value);
    vit158_activation_range range, other;
    assert_int_equal(vit158_activation_range_create(&range, NULL), VIT158_OK);
    assert_int_equal(vit158_activation_range_create(&other, NULL), VIT158_OK);
    for (uint32_t i = 0; i < VALUES; i += 100)
        vit158_activation_range_add(&range, x + i, 100);
    vit158_activation_range_add(&other, x, VALUES);
    assert_true(vit158_activation_range_step(&range, VIT158_STEP_LARGEST) ==
                sorted[VALUES - 1] / 127.0F);
    const float percentile = vit158_activation_range_step(&range, VIT158_STEP_PERCENTILE) * 127;
    assert_true(fabsf(percentile - sorted[VALUES - 3]) < 0.01F * percentile);
    const float squared = vit158_activation_range_step(&range, VIT158_STEP_SQUARED);
    double best = INFINITY;
    for (int i = 1; i <= 1000; i++)
        best = fmin(best, squared_error(x, (double)sorted[VALUES - 1] / 127 * i / 1000));
    assert_true(squared_error(x, (double)squared) < 1.02 * best);
    assert_true(squared_error(x, (double)squared) <=
                squared_error(x, (double)sorted[VALUES - 1] / 127));
    for (int rule = VIT158_STEP_LARGEST; rule <= VIT158_STEP_SQUARED; rule++)
        assert_true(vit158_activation_range_step(&range, (vit158_step_rule)rule) ==
                    vit158_activation_range_step(&other, (vit158_step_rule)rule));
    vit158_activation_range_free(&range);
    vit158_activation_range_free(&other);
}

static void test_zeros_have_a_step(void **state)
{
    (void)state;
    const float zeros[3] = {0};
    vit158_activation_range range;
    assert_int_equal(vit158_activation_range_create(&range, NULL), VIT158_OK);
    for (int rule = VIT158_STEP_LARGEST; rule <= VIT158_STEP_SQUARED; rule++)
        assert_true(vit158_activation_range_step(&range, (vit158_step_rule)rule) > 0);
    vit158_activation_range_add(&range, zeros, 3);
    for (int rule = VIT158_STEP_LARGEST; rule <= VIT158_STEP_SQUARED; rule++)
        assert_true(vit158_activation_range_step(&range, (vit158_step_rule)rule) > 0);
    vit158_activation_range_free(&range);
}

/* Logits of the written file through the engine, and of the shadow at the end. */
static void compare_with_engine(const compress_run *run, const vit158_compress_result *result,
                                const char *path)
{
    vit158_model *const model = test_open_model(path);
    vit158_session *session;
    for (uint32_t block = 0; block < model->info.depth; block++) {
        assert_true(model->blocks[block].qkv.inputs.step > 0);
        assert_true(model->blocks[block].fc2.inputs.step ==
                    result->quantizer.matrices[block * VIT158_BLOCK_LINEARS + VIT158_FC2].step);
    }
    assert_int_equal(vit158_session_create(&session, model, NULL, NULL), VIT158_OK);
    const vit158_quantizer *const q = &result->quantizer;
    float *const logits = calloc(64, sizeof *logits);
    for (uint32_t i = 0; i < COMPRESS_IMAGES; i++) {
        const vit158_image image = compress_image(i);
        assert_int_equal(vit158_session_set_image(session, image.data, image.width, image.height,
                                                  image.row_bytes, VIT158_PIXELS_RGB, NULL),
                         VIT158_OK);
        assert_int_equal(vit158_session_run(session, NULL, NULL, NULL), VIT158_OK);
        vit158_shadow_logits(&q->student, q->works, q->rounded.values + i * q->rounded.stride,
                             logits);
        for (uint32_t c = 0; c < run->model->info.classes; c++)
            assert_true(fabsf(logits[c] - vit158_session_logits(session)[c]) <
                        0.15F); /* F16 biases flip codes */
    }
    free(logits);
    vit158_session_close(session);
    vit158_model_close(model);
}

static void test_files_with_steps(void **state)
{
    (void)state;
    compress_run run = compress_run_start();
    vit158_pool pool = vit158_pool_serial();
    char path[] = "/tmp/vit158-static-XXXXXX";
    close(mkstemp(path));
    for (int rule = VIT158_STEP_LARGEST; rule <= VIT158_STEP_SQUARED; rule++) {
        vit158_compress_job job = {.model = run.model,
                                   .ends = &run.ends,
                                   .images = &run.images,
                                   .learned = COMPRESS_IMAGES - 1,
                                   .settings = vit158_quantizer_defaults(),
                                   .rows = rule == VIT158_STEP_LARGEST ? 0 : 3,
                                   .extra = &run.metadata,
                                   .pool = &pool};
        job.settings.static_steps = true;
        job.settings.step_rule = (vit158_step_rule)rule;
        vit158_compress_result result;
        vit158_error error;
        if (vit158_compress_run(&result, &job, path, &error) != VIT158_OK)
            fail_msg("%s", error.message);
        assert_true(result.learned.divergence < 0.05);
        compare_with_engine(&run, &result, path);
        vit158_compress_result_free(&result);
    }
    unlink(path);
    compress_run_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_of_a_spread),
        cmocka_unit_test(test_zeros_have_a_step),
        cmocka_unit_test(test_files_with_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
