/* SPDX-License-Identifier: MIT
 *
 * What a session answers when it is asked at the wrong moment, for the wrong room, or without
 * memory; the names of statuses. Linked with malloc, calloc and realloc wrapped.
 */
#include "unit/test.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/session.h"
#include "base/sha256.h"
#include "unit/session_fixture.h"
#include "vit158_observe.h"

static long fail_at; /* 0: never */
static long calls;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

static bool refused(void)
{
    return ++calls == fail_at;
}

void *__wrap_malloc(size_t size)
{
    return refused() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return refused() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return refused() ? NULL : __real_realloc(block, size);
}

static void test_every_status_has_a_name(void **state)
{
    (void)state;
    char seen[1024] = " ";
    for (int status = VIT158_OK; status <= VIT158_E_THREAD; status++) {
        char word[64];
        snprintf(word, sizeof word, " %s ", vit158_status_name((vit158_status)status));
        assert_true(strcmp(word, " E_UNKNOWN ") != 0);
        assert_null(strstr(seen, word)); /* a name of its own */
        strcat(seen, word + 1);
    }
    assert_string_equal(vit158_status_name((vit158_status)(VIT158_E_THREAD + 1)), "E_UNKNOWN");
    assert_string_equal(vit158_status_name(VIT158_E_LIMIT), "E_LIMIT");
    int major, minor, patch;
    assert_int_equal(sscanf(vit158_version(), "%d.%d.%d", &major, &minor, &patch), 3);
    assert_true(vit158_numerics_version() >= 1);
}

/* Pixels a row after the other; the last of them is refused. */
static void push_too_many(vit158_session *s)
{
    const uint8_t row[3 * 9] = {9};
    vit158_error error = {0};
    assert_int_equal(vit158_session_begin_image(s, 9, 2, VIT158_PIXELS_RGB, &error), VIT158_OK);
    assert_null(vit158_session_tensor(s));
    assert_int_equal(vit158_session_step(s, &error), VIT158_E_STATE);
    assert_int_equal(vit158_session_push_rows(s, row, sizeof row - 1, 1, &error),
                     VIT158_E_ARGUMENT);
    assert_int_equal(vit158_session_push_rows(s, row, sizeof row, 1, &error), VIT158_OK);
    assert_null(vit158_session_tensor(s));
    assert_int_equal(vit158_session_push_rows(s, row, sizeof row, 1, &error), VIT158_OK);
    assert_non_null(vit158_session_tensor(s));
    assert_int_equal(vit158_session_push_rows(s, row, sizeof row, 1, &error), VIT158_E_STATE);
}

static int never(void *context, uint32_t step)
{
    (void)step;
    ++*(int *)context;
    return 0;
}

static void test_questions_at_the_wrong_moment(void **state)
{
    (void)state;
    vit158_model *model = random_model_make(small_shape, 5);
    vit158_session *s = open_session(model, (vit158_options){.explain = 1});
    const size_t hidden = (size_t)model->info.tokens * model->info.dim;
    float *room = malloc(hidden * sizeof *room);
    vit158_error error = {0};
    vit158_prediction best[2];
    uint8_t pixels[12 * 12 * 3] = {0};
    int steps = 0;

    assert_int_equal(vit158_session_copy_hidden(s, room, hidden, &error), VIT158_E_STATE);
    assert_int_equal(vit158_session_top_k(s, best, 2), 0);
    assert_true(vit158_session_attention(s) == NULL && vit158_session_rollout(s) == NULL);
    assert_true(vit158_session_logits(s) == NULL && vit158_session_embedding(s) == NULL);
    push_too_many(s);
    assert_int_equal(vit158_session_set_image(s, pixels, 12, 0, 36, VIT158_PIXELS_RGB, &error),
                     VIT158_E_ARGUMENT);
    assert_int_equal(vit158_session_set_image(s, pixels, 12, 12, 36, VIT158_PIXELS_RGB, &error),
                     VIT158_OK);
    assert_int_equal(vit158_session_copy_hidden(s, room, hidden, &error), VIT158_E_STATE);
    assert_int_equal(vit158_session_step(s, &error), VIT158_OK);
    assert_null(vit158_session_tensor(s)); /* used up */
    assert_int_equal(vit158_session_copy_hidden(s, NULL, hidden, &error), VIT158_E_ARGUMENT);
    assert_int_equal(vit158_session_copy_hidden(s, room, hidden - 1, &error), VIT158_E_ARGUMENT);
    assert_int_equal(vit158_session_copy_hidden(s, room, hidden, &error), VIT158_OK);
    assert_int_equal(vit158_session_top_k(s, best, 2), 0);
    assert_int_equal(vit158_session_run(s, never, &steps, &error), VIT158_OK);
    assert_int_equal(steps, (int)vit158_session_step_count(s) - 1); /* one was done before */
    assert_int_equal(vit158_session_top_k(s, NULL, 2), 0);
    assert_int_equal(vit158_session_top_k(s, best, 2), 2);
    assert_true(vit158_session_attention(s) != NULL && vit158_session_rollout(s) != NULL);
    assert_int_equal(vit158_session_copy_hidden(s, room, hidden, &error), VIT158_E_STATE);
    /* The pass is over: the hook has no step left to be asked about. */
    assert_int_equal(vit158_session_run(s, never, &steps, &error), VIT158_E_STATE);
    assert_int_equal(vit158_session_set_tensor(s, NULL, tensor_count(model), &error),
                     VIT158_E_ARGUMENT);
    assert_int_equal(vit158_session_set_tensor(s, room, 1, &error), VIT158_E_ARGUMENT);
    free(room);
    vit158_session_close(s);
    random_model_free(model);
}

/* The way of the wasm module: the caller writes into the session's own tensor. */
static void test_the_sessions_own_tensor(void **state)
{
    (void)state;
    vit158_model *model = random_model_make(small_shape, 6);
    vit158_session *s = open_session(model, (vit158_options){.explain = 0});
    const size_t count = tensor_count(model);
    float *given = random_tensor(model, 7);
    run_tensor(s, model, given);
    const float expected = vit158_session_logits(s)[0];
    assert_true(vit158_session_attention(s) == NULL && vit158_session_rollout(s) == NULL);
    assert_null(vit158_session_input(s, count - 1));
    float *own = vit158_session_input(s, count);
    memcpy(own, given, count * sizeof *own);
    run_tensor(s, model, own);
    assert_true(vit158_session_logits(s)[0] == expected);
    own[count - 1] = INFINITY;
    vit158_error error;
    assert_int_equal(vit158_session_set_tensor(s, own, count, &error), VIT158_E_ARGUMENT);
    free(given);
    vit158_session_close(s);
    random_model_free(model);
}

static void see(void *context, const vit158_sight *seen)
{
    (void)seen;
    ++*(int *)context;
}

/* Opens a session, observes it, asks for a hash; a refused allocation is E_MEMORY. */
static vit158_status use(const vit158_model *model, int *sights)
{
    vit158_session *s = NULL;
    vit158_error error = {0};
    vit158_options options = {.explain = 0};
    vit158_status status = vit158_session_create(&s, model, &options, &error);
    if (status == VIT158_OK) {
        const vit158_observer observer = {
            .sites = VIT158_SITE_RESIDUAL, .see = see, .context = sights};
        status = vit158_session_observe(s, &observer, &error);
    }
    if (status != VIT158_OK)
        assert_non_null(strstr(error.message, "memory"));
    vit158_session_close(s);
    return status;
}

static void test_every_allocation_refused(void **state)
{
    (void)state;
    vit158_model *model = random_model_make(small_shape, 8);
    int sights = 0;
    long at = 1;
    for (;; at++) {
        calls = 0;
        fail_at = at;
        const vit158_status status = use(model, &sights);
        fail_at = 0;
        if (calls < at) {
            assert_int_equal(status, VIT158_OK);
            break;
        }
        assert_int_equal(status, VIT158_E_MEMORY);
    }
    assert_true(at > 3);
    random_model_free(model);
}

static void test_engines_that_do_not_exist(void **state)
{
    (void)state;
    vit158_model *model = random_model_make(small_shape, 5);
    vit158_session *s = NULL;
    vit158_error error;
    assert_int_equal(vit158_session_create(&s, model, &(vit158_options){.engine = 99}, &error),
                     VIT158_E_ARGUMENT);
    assert_non_null(strstr(error.message, "no engine 99"));
    assert_null(s);
    random_model_free(model);
}

/* A model without a head answers with its embedding. */
static void test_a_model_without_a_head(void **state)
{
    (void)state;
    vit158_model *model = random_model_make(small_shape, 6);
    model->variant.headless = true;
    model->info.classes = 0;
    model->head = (vit158_linear){.n_in = model->info.dim};
    float *tensor = random_tensor(model, 8);
    vit158_session *s = open_session(model, (vit158_options){0});
    vit158_error error;
    char before[65], after[65];
    vit158_prediction best;
    assert_int_equal(vit158_session_set_tensor(s, tensor, tensor_count(model), &error), VIT158_OK);
    assert_int_equal(vit158_session_state_sha256(s, before, &error), VIT158_OK);
    assert_int_equal(vit158_session_run(s, NULL, NULL, &error), VIT158_OK);
    assert_int_equal(vit158_session_state_sha256(s, after, &error), VIT158_OK);
    assert_string_not_equal(before, after);
    char embedding[65];
    vit158_sha256_hex(embedding, vit158_session_embedding(s),
                      model->info.embedding * sizeof(float));
    assert_string_equal(after, embedding);
    assert_int_equal(vit158_session_top_k(s, &best, 1), 0);
    vit158_session_close(s);
    free(tensor);
    random_model_free(model);
}

/* What overflows ends a run up to a step as it ends a whole one. */
static void test_running_until_a_step_that_fails(void **state)
{
    (void)state;
    vit158_model *model = random_model_make(small_shape, 7);
    float *weight = (float *)(uintptr_t)model->head.weight;
    for (size_t i = 0; i < model->info.dim; i++)
        weight[i] = 3e38F;
    float *tensor = random_tensor(model, 9);
    vit158_session *s = open_session(model, (vit158_options){0});
    const uint32_t steps = vit158_session_step_count(s);
    vit158_error error;
    assert_int_equal(vit158_session_set_tensor(s, tensor, tensor_count(model), &error), VIT158_OK);
    assert_int_equal(vit158_session_run_until(s, steps - 1, &error), VIT158_OK);
    assert_int_equal(vit158_session_run_until(s, steps, &error), VIT158_E_NUMERIC);
    assert_null(vit158_session_logits(s));
    vit158_session_close(s);
    free(tensor);
    random_model_free(model);
}

static double told_ms; /* what the pool was told last */

static void be_told(vit158_pool *pool, double ms)
{
    (void)pool;
    told_ms = ms;
}

static bool has_died(const vit158_pool *pool)
{
    (void)pool;
    return true;
}

static double clock_ms(void)
{
    static double now;
    return now += 1.0;
}

/* A session on somebody else's pool tells it how long passes take, but for those that explain; once
 * a worker has died there is no answer. */
static void test_a_pool_of_the_callers(void **state)
{
    (void)state;
    vit158_model *model = random_model_make(small_shape, 8);
    float *tensor = random_tensor(model, 10);
    vit158_error error;
    for (uint32_t explain = 0; explain < 2; explain++) {
        vit158_pool pool = vit158_pool_serial();
        pool.took = be_told;
        vit158_session *s = NULL;
        const vit158_options options = {.now_ms = clock_ms, .explain = explain};
        assert_int_equal(vit158_session_create_on(&s, model, &options, &pool, &error), VIT158_OK);
        told_ms = 0.0;
        assert_int_equal(vit158_session_set_tensor(s, tensor, tensor_count(model), &error),
                         VIT158_OK);
        assert_int_equal(vit158_session_run(s, NULL, NULL, &error), VIT158_OK);
        assert_int_equal(told_ms > 0.0, explain == 0);
        pool.failed = has_died;
        assert_int_equal(vit158_session_set_tensor(s, tensor, tensor_count(model), &error),
                         VIT158_OK);
        assert_int_equal(vit158_session_run(s, NULL, NULL, &error), VIT158_E_THREAD);
        assert_non_null(strstr(error.message, "has died"));
        assert_null(vit158_session_logits(s));
        vit158_session_close(s);
    }
    free(tensor);
    random_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_status_has_a_name),
        cmocka_unit_test(test_questions_at_the_wrong_moment),
        cmocka_unit_test(test_the_sessions_own_tensor),
        cmocka_unit_test(test_every_allocation_refused),
        cmocka_unit_test(test_engines_that_do_not_exist),
        cmocka_unit_test(test_a_model_without_a_head),
        cmocka_unit_test(test_running_until_a_step_that_fails),
        cmocka_unit_test(test_a_pool_of_the_callers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
