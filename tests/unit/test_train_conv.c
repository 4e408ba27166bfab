/* SPDX-License-Identifier: MIT
 *
 * The convolutional network as a run and as a teacher: it learns, resumes with the same bits, is
 * written and read as a model file, and what does not fit it is refused.
 */
#include "unit/test.h"

#include <string.h>

#include "train/checkpoint.h"
#include "unit/train_fixture.h"

#define CLASSES 4

/* 16 x 16 pictures, grids of 8, 4 and 2 places a side, 16 to 64 channels. */
static void conv_recipe(vit158_train_recipe *r)
{
    fixture_recipe(r);
    r->net.conv = 1;
    r->net.ternary = 0;
    r->net.image_size = 16;
    r->net.patch_size = 2;
    r->net.dim = 64;
    r->net.depth = 1;
    r->deterministic = 1;
}

static void test_it_learns_pictures_by_heart(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_error error;
    vit158_step_result result = {0};
    conv_recipe(&r);
    r.batch = 32;
    r.microbatch = 8;
    r.lr = 5e-3F;
    r.muon_lr = 1e-2F;
    vit158_trainer *t = fixture_trainer(&r, 32, 0);
    for (int i = 0; i < 60 && !(result.accuracy >= 1.0); i++)
        assert_int_equal(vit158_trainer_step(t, &result, &error), VIT158_OK);
    assert_true(result.accuracy >= 1.0);
    vit158_trainer_close(t);
}

static void test_it_resumes_with_the_same_bits(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_error error;
    conv_recipe(&r);
    vit158_trainer *whole = fixture_trainer(&r, 30, 0), *first = fixture_trainer(&r, 30, 0);
    fixture_steps(whole, 5);
    fixture_steps(first, 2);
    assert_int_equal(vit158_checkpoint_save(first, fixture_path("a.ckpt"), &error), VIT158_OK);
    vit158_trainer_close(first);
    vit158_trainer *second = fixture_trainer(&r, 30, 0);
    assert_int_equal(vit158_checkpoint_load(second, fixture_path("a.ckpt"), &error), VIT158_OK);
    fixture_steps(second, 3);
    assert_memory_equal(whole->parameters, second->parameters,
                        whole->net.parameters * sizeof(float));
    vit158_trainer_close(second);
    vit158_trainer_close(whole);
}

static void forward(const vit158_trainer *t, const vit158_net *net, const vit158_ready *ready,
                    vit158_work *work)
{
    const vit158_pass pass = {net, ready, t->compute, work, false};
    vit158_forward(&pass);
}

/* A student of other patches gets from the file the logits that the trained network has. */
static void test_it_teaches_from_a_file(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_error error;
    conv_recipe(&r);
    vit158_trainer *master = fixture_trainer(&r, 16, 0);
    fixture_steps(master, 2);
    vit158_trainer_prepare(master, master->parameters);
    assert_int_equal(
        vit158_model_save(master, master->parameters, 0.5, fixture_path("t.safetensors"), &error),
        VIT158_OK);
    fixture_feed(master, 2);
    forward(master, &master->net, &master->ready, &master->work[0]);

    fixture_recipe(&r);
    r.net.image_size = 16;
    r.keep_tokens = 0.5F;
    vit158_trainer *student = fixture_trainer(&r, 16, 0);
    assert_int_equal(vit158_teacher_open(student, fixture_path("t.safetensors"), &error),
                     VIT158_OK);
    vit158_teacher *teacher = student->teacher;
    vit158_work *work = &teacher->work[0];
    work->images = 2;
    work->tokens = teacher->net.tokens;
    memcpy(work->patches, master->work[0].patches,
           2 * (size_t)(work->tokens - 1) * work->patch_ld * sizeof(float));
    forward(student, &teacher->net, &teacher->ready, work);
    for (uint32_t i = 0; i < 2; i++)
        assert_memory_equal(master->work[0].logits + i * work->logit_ld,
                            work->logits + i * work->logit_ld, CLASSES * sizeof(float));
    fixture_steps(student, 2);
    vit158_trainer_close(student);
    vit158_trainer_close(master);
}

static void refuse(const vit158_net_config *config, const char *message)
{
    vit158_net net;
    vit158_error error;
    assert_int_equal(vit158_net_create(&net, config, &error), VIT158_E_ARGUMENT);
    assert_string_equal(error.message, message);
}

static void test_what_does_not_fit_is_refused(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_error error;
    conv_recipe(&r);
    r.net.classes = CLASSES;
    vit158_net_config c = r.net;
    c.dim = 72;
    refuse(&c, "dim 72 of a convolutional network must be a multiple of 64 and at most 8192");
    c = r.net;
    c.image_size = 12;
    refuse(&c, "6 patches a side, a convolutional network needs a multiple of 4");
    c = r.net;
    c.ternary = 1;
    refuse(&c, "a convolutional network has float weights only");
    r.keep_tokens = 0.5F;
    assert_int_equal(vit158_recipe_check(&r, &error), VIT158_E_ARGUMENT);
    assert_string_equal(error.message,
                        "a convolutional network starts normal and sees all patches");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_learns_pictures_by_heart),
        cmocka_unit_test(test_it_resumes_with_the_same_bits),
        cmocka_unit_test(test_it_teaches_from_a_file),
        cmocka_unit_test(test_what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, fixture_make_folder, fixture_remove_folder);
}
