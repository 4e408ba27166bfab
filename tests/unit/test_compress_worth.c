/* SPDX-License-Identifier: MIT
 *
 * What tokens are worth, against gradients by finite differences through the shadow.
 */
#include "unit/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/threads.h"
#include "compress/worth.h"
#include "unit/compress_fixture.h"

enum { TOKENS = 17, DIM = 32, CLASSES = 7, DEPTH = 2 };

typedef struct setup {
    compress_run run;
    vit158_shadow shadow; /* of the float model */
    vit158_shadow_workspace work;
} setup;

static void start(setup *s)
{
    s->run = compress_run_start();
    assert_int_equal(s->run.model->info.tokens, TOKENS);
    assert_int_equal(s->run.model->info.dim, DIM);
    assert_int_equal(s->run.model->info.classes, CLASSES);
    assert_int_equal(s->run.model->info.depth, DEPTH);
    assert_int_equal(vit158_shadow_create(&s->shadow, s->run.model, false, NULL), VIT158_OK);
    assert_int_equal(vit158_shadow_workspace_create(&s->work, s->run.model, NULL), VIT158_OK);
}

static void end(setup *s)
{
    vit158_shadow_workspace_free(&s->work);
    vit158_shadow_free(&s->shadow);
    compress_run_end(&s->run);
}

/* log p of all classes from the stream in front of `block`. */
static void log_probabilities(double p[CLASSES], setup *s, const float *stream, uint32_t block)
{
    static float x[(TOKENS + VIT158_TRAIN_TILE_ROWS) * DIM];
    float logits[64];
    memcpy(x, stream, (size_t)TOKENS * DIM * sizeof *x);
    for (uint32_t half = 2 * block; half < 2 * DEPTH; half++)
        vit158_shadow_add_branch(&s->shadow, &s->work, x, half / 2, half % 2);
    vit158_shadow_logits(&s->shadow, &s->work, x, logits);
    double total = 0;
    for (uint32_t c = 0; c < CLASSES; c++)
        total += exp((double)logits[c]);
    for (uint32_t c = 0; c < CLASSES; c++)
        p[c] = (double)logits[c] - log(total);
}

/* Lengths of the gradients of log p of each class, over their mean. */
static void lengths(double out[CLASSES][TOKENS], setup *s, const float *stream, uint32_t block)
{
    static float x[TOKENS * DIM];
    const float step = 0x1p-7F;
    memcpy(x, stream, sizeof x);
    for (uint32_t t = 0; t < TOKENS; t++) {
        double squares[CLASSES] = {0};
        for (uint32_t i = 0; i < DIM; i++) {
            double above[CLASSES], below[CLASSES];
            float *const at = &x[t * DIM + i];
            const float value = *at;
            *at = value + step;
            log_probabilities(above, s, x, block);
            *at = value - step;
            log_probabilities(below, s, x, block);
            *at = value;
            for (uint32_t c = 0; c < CLASSES; c++)
                squares[c] += pow((above[c] - below[c]) / (2 * (double)step), 2);
        }
        for (uint32_t c = 0; c < CLASSES; c++)
            out[c][t] = sqrt(squares[c]);
    }
    for (uint32_t c = 0; c < CLASSES; c++) {
        double total = 0;
        for (uint32_t t = 0; t < TOKENS; t++)
            total += out[c][t];
        for (uint32_t t = 0; t < TOKENS; t++)
            out[c][t] *= TOKENS / total;
    }
}

static double distance(const float *worth, const double *expected)
{
    double most = 0;
    for (uint32_t t = 0; t < TOKENS; t++)
        most = fmax(most, fabs((double)worth[t] - expected[t]));
    return most;
}

/* The answer is drawn, so which class it was is the one that fits: in front of all blocks alike. */
static void test_it_is_the_length_of_the_gradient(void **state)
{
    (void)state;
    setup s;
    start(&s);
    static float worth[(DEPTH + 1) * COMPRESS_IMAGES * TOKENS];
    static double expected[DEPTH][CLASSES][TOKENS];
    vit158_pool pool = vit158_pool_serial();
    const vit158_streams *const streams = &s.run.images.known;
    assert_int_equal(vit158_token_worth(worth, s.run.model, streams->values, streams->stride,
                                        COMPRESS_IMAGES, &pool, NULL),
                     VIT158_OK);
    for (uint32_t image = 0; image < 2; image++) {
        static float stream[(TOKENS + VIT158_TRAIN_TILE_ROWS) * DIM];
        memcpy(stream, streams->values + image * streams->stride, TOKENS * DIM * sizeof *stream);
        lengths(expected[0], &s, stream, 0);
        for (uint32_t half = 0; half < 2; half++)
            vit158_shadow_add_branch(&s.shadow, &s.work, stream, 0, half);
        lengths(expected[1], &s, stream, 1);
        double best = INFINITY, worst = 0;
        for (uint32_t c = 0; c < CLASSES; c++) {
            const double far =
                fmax(distance(worth + image * TOKENS, expected[0][c]),
                     distance(worth + (COMPRESS_IMAGES + image) * TOKENS, expected[1][c]));
            best = fmin(best, far);
            worst = fmax(worst, far);
        }
        assert_true(best < 0.02);
        assert_true(worst > 0.05); /* or any class would do */
    }
    for (uint32_t image = 0; image < COMPRESS_IMAGES; image++) {
        const float *const last = worth + (DEPTH * COMPRESS_IMAGES + image) * TOKENS;
        assert_true(fabsf(last[0] - (float)TOKENS) < 1e-4F);
        for (uint32_t t = 1; t < TOKENS; t++)
            assert_true(last[t] == 0);
    }
    end(&s);
}

static void test_threads_change_nothing(void **state)
{
    (void)state;
    setup s;
    start(&s);
    static float one[(DEPTH + 1) * COMPRESS_IMAGES * TOKENS];
    static float three[(DEPTH + 1) * COMPRESS_IMAGES * TOKENS];
    vit158_pool serial = vit158_pool_serial();
    vit158_thread_pool threads;
    vit158_pool *pool = vit158_thread_pool_start(&threads, 3);
    const vit158_streams *const streams = &s.run.images.known;
    assert_int_equal(vit158_token_worth(one, s.run.model, streams->values, streams->stride,
                                        COMPRESS_IMAGES, &serial, NULL),
                     VIT158_OK);
    assert_int_equal(vit158_token_worth(three, s.run.model, streams->values, streams->stride,
                                        COMPRESS_IMAGES, pool, NULL),
                     VIT158_OK);
    assert_memory_equal(one, three, sizeof one);
    vit158_thread_pool_stop(&threads);
    end(&s);
}

/* A head that is all zeros knows nothing: no gradient, no division by its length. */
static void test_a_certain_answer(void **state)
{
    (void)state;
    setup s;
    start(&s);
    static float worth[(DEPTH + 1) * COMPRESS_IMAGES * TOKENS];
    memset((float *)(uintptr_t)s.run.model->head.weight, 0, (size_t)CLASSES * DIM * sizeof(float));
    vit158_pool pool = vit158_pool_serial();
    const vit158_streams *const streams = &s.run.images.known;
    assert_int_equal(vit158_token_worth(worth, s.run.model, streams->values, streams->stride,
                                        COMPRESS_IMAGES, &pool, NULL),
                     VIT158_OK);
    for (uint32_t i = 0; i < DEPTH * COMPRESS_IMAGES * TOKENS; i++)
        assert_true(worth[i] == 1);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_the_length_of_the_gradient),
        cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_a_certain_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
