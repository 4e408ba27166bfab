/* SPDX-License-Identifier: MIT
 *
 * Deterministic runs: equal in every bit, resumed or not, with any number of threads; and in what
 * order their sums are added.
 */
#include "unit/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "unit/train_fixture.h"

static void test_deterministic_runs_are_equal_and_survive_resuming(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_error error;
    fixture_busy_recipe(&r);
    vit158_trainer *whole = fixture_trainer(&r, 30, 0), *first = fixture_trainer(&r, 30, 0);
    fixture_steps(whole, 11); /* the epoch has 3 steps: resuming happens inside one */
    fixture_steps(first, 7);
    assert_int_equal(vit158_train_checkpoint_save(first, fixture_path("a.ckpt"), &error),
                     VIT158_OK);
    vit158_trainer_close(first);
    r.seed = 1; /* a resumed run reads the same recipe */
    vit158_trainer *second = fixture_trainer(&r, 30, 0);
    assert_int_equal(vit158_train_checkpoint_load(second, fixture_path("a.ckpt"), &error),
                     VIT158_OK);
    fixture_steps(second, 4);
    const size_t n_bytes = whole->net.parameters * sizeof(float);
    assert_memory_equal(whole->parameters, second->parameters, n_bytes);
    assert_memory_equal(whole->average, second->average, n_bytes);
    assert_memory_equal(whole->optimiser.m, second->optimiser.m, n_bytes);
    assert_int_equal(whole->state.position, second->state.position);
    r.seed = 2;
    vit158_trainer *other = fixture_trainer(&r, 30, 0);
    fixture_steps(other, 11);
    assert_memory_not_equal(whole->parameters, other->parameters, n_bytes);
    vit158_trainer_close(other);
    vit158_trainer_close(second);
    vit158_trainer_close(whole);
}

/* All that a run leaves, but for its clock. */
static void assert_same_run(const vit158_trainer *a, const vit158_trainer *b)
{
    const size_t n_bytes = a->net.parameters * sizeof(float);
    assert_memory_equal(a->parameters, b->parameters, n_bytes);
    assert_memory_equal(a->average, b->average, n_bytes);
    assert_memory_equal(a->optimiser.m, b->optimiser.m, n_bytes);
    assert_memory_equal(a->optimiser.v, b->optimiser.v, n_bytes);
    assert_int_equal(a->state.step, b->state.step);
    assert_int_equal(a->state.position, b->state.position);
}

/* The sums of a deterministic run belong to slots, not to threads: also when the number changes at
 * a checkpoint, with fewer microbatches than slots and with slots that are no power of 2. */
static void test_deterministic_runs_do_not_depend_on_threads(void **state)
{
    (void)state;
    static const uint32_t slots[] = {8, 5, 2, 1};
    float *first_parameters = NULL;
    for (size_t k = 0; k < sizeof slots / sizeof *slots; k++) {
        vit158_train_recipe r;
        vit158_error error;
        vit158_train_step_result expected, result;
        fixture_busy_recipe(&r);
        r.batch = 28;
        r.microbatch = 4;
        r.slots = slots[k];
        r.threads = 1;
        vit158_trainer *one = fixture_trainer(&r, 64, 18);
        fixture_steps(one, 5);
        assert_int_equal(vit158_train_checkpoint_save(one, fixture_path("one.ckpt"), &error),
                         VIT158_OK);
        fixture_steps(one, 2);
        assert_int_equal(vit158_train_step(one, &expected, &error), VIT158_OK);
        const vit158_train_evaluation judged = vit158_train_evaluate(one);
        for (uint32_t threads = 2; threads <= 8; threads *= 2) {
            r.threads = threads;
            vit158_trainer *whole = fixture_trainer(&r, 64, 18);
            vit158_trainer *resumed = fixture_trainer(&r, 64, 18);
            fixture_steps(whole, 7);
            assert_int_equal(
                vit158_train_checkpoint_load(resumed, fixture_path("one.ckpt"), &error), VIT158_OK);
            fixture_steps(resumed, 2);
            vit158_trainer *const both[] = {whole, resumed};
            for (int i = 0; i < 2; i++) {
                assert_int_equal(vit158_train_step(both[i], &result, &error), VIT158_OK);
                assert_memory_equal(&expected, &result, sizeof result);
                assert_same_run(one, both[i]);
                const vit158_train_evaluation its = vit158_train_evaluate(both[i]);
                assert_memory_equal(&judged, &its, sizeof its);
                vit158_trainer_close(both[i]);
            }
        }
        const size_t n_bytes = one->net.parameters * sizeof(float);
        if (first_parameters == NULL) {
            first_parameters = malloc(n_bytes);
            assert_non_null(first_parameters);
            memcpy(first_parameters, one->parameters, n_bytes);
        } else {
            assert_memory_not_equal(first_parameters, one->parameters, n_bytes);
        }
        vit158_trainer_close(one);
    }
    free(first_parameters);
}

/* The tree over slots, as train/slots.h has it. */
typedef struct tree_text {
    char text[200];
} tree_text;

static void write_pair(void *context, uint32_t s, uint32_t other)
{
    tree_text *t = context;
    const size_t n = strlen(t->text);
    snprintf(t->text + n, sizeof t->text - n, "%u+%u ", s, other);
}

static void test_slots_are_added_by_a_fixed_tree(void **state)
{
    (void)state;
    static const struct {
        uint32_t used;
        const char *pairs;
    } cases[] = {{1, ""},
                 {2, "0+1 "},
                 {3, "0+1 0+2 "},
                 {5, "0+1 2+3 0+2 0+4 "},
                 {6, "0+1 2+3 4+5 0+2 0+4 "},
                 {8, "0+1 2+3 4+5 6+7 0+2 4+6 0+4 "}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const vit158_train_slots slots = {.fixed = true, .count = 8, .used = cases[i].used};
        tree_text found = {""};
        vit158_train_slots_tree(&slots, write_pair, &found);
        assert_string_equal(found.text, cases[i].pairs);
    }
}

/* An image's random changes must not depend on who handles it. */
static void test_thread_counts_agree_up_to_summation(void **state)
{
    (void)state;
    vit158_train_recipe r;
    fixture_busy_recipe(&r);
    r.net.ternary = 0; /* no rounding flips */
    vit158_trainer *two = fixture_trainer(&r, 32, 0);
    r.threads = 1;
    vit158_trainer *one = fixture_trainer(&r, 32, 0);
    fixture_steps(two, 1);
    fixture_steps(one, 1);
    for (size_t i = 0; i < one->net.parameters; i++)
        assert_true(fabsf(one->slots.slot[0].gradient[i] - two->slots.slot[0].gradient[i]) < 1e-5F);
    vit158_trainer_close(one);
    vit158_trainer_close(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deterministic_runs_are_equal_and_survive_resuming),
        cmocka_unit_test(test_deterministic_runs_do_not_depend_on_threads),
        cmocka_unit_test(test_slots_are_added_by_a_fixed_tree),
        cmocka_unit_test(test_thread_counts_agree_up_to_summation),
    };
    return cmocka_run_group_tests(tests, fixture_make_folder, fixture_remove_folder);
}
