/* SPDX-License-Identifier: MIT
 *
 * Hints of a teacher: what they cost, that the backward pass goes down their slope, and teachers
 * that cannot give any.
 */
#include "unit/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/hints.h"
#include "train/teacher.h"
#include "unit/train_fixture.h"

#define IMAGES 2
#define STEP 0.02F     /* along the gradient's direction */
#define TOLERANCE 1e-2 /* of the slope; a wrong term is far more */

typedef struct hinted {
    vit158_trainer *student;
    float tokens, attention;
} hinted;

/* A disturbed student whose teacher is t.safetensors, a ternary network. */
static vit158_trainer *student(vit158_train_recipe *r, uint32_t ternary)
{
    vit158_error error;
    vit158_trainer_close(fixture_trainer_with_model(r));
    r->net.ternary = ternary;
    r->hint_tokens = r->hint_attention = 1.0F;
    vit158_trainer *t = fixture_trainer(r, 16, 0);
    if (vit158_trainer_teach(t, fixture_path("t.safetensors"), &error) != VIT158_OK)
        fail_msg("%s", error.message);
    vit158_rng rng = vit158_rng_seed(11);
    for (size_t i = 0; i < t->net.parameters; i++)
        t->parameters[i] += 0.1F * vit158_rng_normal(&rng);
    return t;
}

static double loss_of(const hinted *h)
{
    return fixture_hint(h->student, IMAGES, h->tokens, h->attention);
}

static void check_slope(float tokens, float attention)
{
    vit158_train_recipe r;
    const hinted h = {student(&r, 0), tokens, attention};
    vit158_trainer *t = h.student;
    const size_t count = t->net.parameters;
    float *g = malloc(count * sizeof *g), *start = malloc(count * sizeof *start);
    assert_true(g != NULL && start != NULL && loss_of(&h) > 0.0);
    memcpy(g, t->workspace[0].gradient, count * sizeof *g);
    memcpy(start, t->parameters, count * sizeof *start);
    const double size = sqrt(t->compute->sum_of_squares(g, count));
    double at[2];
    for (int side = 0; side < 2; side++) {
        const float step = (side == 0 ? STEP : -STEP) / (float)size;
        for (size_t i = 0; i < count; i++)
            t->parameters[i] = start[i] + step * g[i];
        at[side] = loss_of(&h);
    }
    const double slope = (at[0] - at[1]) / (2.0 * (double)STEP);
    if (!(fabs(slope - size) < TOLERANCE * size))
        fail_msg("the loss rises by %g a unit, its gradient is %g long", slope, size);
    free(g);
    free(start);
    vit158_trainer_close(t);
}

static void test_gradient_of_token_hints(void **state)
{
    (void)state;
    check_slope(1.0F, 0.0F);
}

static void test_gradient_of_attention_hints(void **state)
{
    (void)state;
    check_slope(0.0F, 1.0F);
}

static void test_the_teacher_itself_needs_no_hints(void **state)
{
    (void)state;
    vit158_train_recipe r;
    const hinted h = {student(&r, 1), 1.0F, 1.0F};
    memcpy(h.student->parameters, h.student->teachers->first->parameters,
           h.student->net.parameters * sizeof(float));
    assert_true(fabs(loss_of(&h)) < 1e-6);
    vit158_trainer_close(h.student);
}

static void test_hints_need_one_teacher_of_the_same_shape(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_error error;
    vit158_trainer_close(fixture_trainer_with_model(&r));
    r.hint_tokens = 1.0F;
    r.net.depth = 3;
    vit158_trainer *t = fixture_trainer(&r, 16, 0);
    assert_int_equal(vit158_trainer_teach(t, fixture_path("t.safetensors"), &error),
                     VIT158_E_ARGUMENT);
    assert_non_null(strstr(error.message, "depth"));
    vit158_trainer_close(t);
    snprintf(r.train_data, sizeof r.train_data, "x");
    assert_int_equal(vit158_train_recipe_check(&r, &error), VIT158_E_ARGUMENT);
    assert_non_null(strstr(error.message, "one teacher"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradient_of_token_hints),
        cmocka_unit_test(test_gradient_of_attention_hints),
        cmocka_unit_test(test_the_teacher_itself_needs_no_hints),
        cmocka_unit_test(test_hints_need_one_teacher_of_the_same_shape)};
    return cmocka_run_group_tests(tests, fixture_make_folder, fixture_remove_folder);
}
