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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_status_has_a_name),
        cmocka_unit_test(test_questions_at_the_wrong_moment),
        cmocka_unit_test(test_the_sessions_own_tensor),
        cmocka_unit_test(test_every_allocation_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
