/* SPDX-License-Identifier: MIT
 *
 * The convolutional network as a run and as a teacher: it learns, resumes with the same bits, is
 * written and read as a model file, and what does not fit it is refused.
 */
#include "unit/test.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "train/checkpoint.h"
#include "train/teacher.h"
#include "unit/train_fixture.h"

#define CLASSES 4

static void conv_recipe(vit158_train_recipe *r)
{
    fixture_conv_recipe(r);
    r->deterministic = 1;
}

static void test_it_learns_images_by_heart(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_error error;
    vit158_train_step_result result = {0};
    conv_recipe(&r);
    r.batch = 32;
    r.microbatch = 8;
    r.lr = 5e-3F;
    r.muon_lr = 1e-2F;
    vit158_trainer *t = fixture_trainer(&r, 32, 0);
    for (int i = 0; i < 60 && !(result.accuracy >= 1.0); i++)
        assert_int_equal(vit158_train_step(t, &result, &error), VIT158_OK);
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
    assert_int_equal(vit158_train_checkpoint_save(first, fixture_path("a.ckpt"), &error),
                     VIT158_OK);
    vit158_trainer_close(first);
    vit158_trainer *second = fixture_trainer(&r, 30, 0);
    assert_int_equal(vit158_train_checkpoint_load(second, fixture_path("a.ckpt"), &error),
                     VIT158_OK);
    fixture_steps(second, 3);
    assert_memory_equal(whole->parameters, second->parameters,
                        whole->net.parameters * sizeof(float));
    vit158_trainer_close(second);
    vit158_trainer_close(whole);
}

static void save(vit158_trainer *t, const char *name)
{
    vit158_error error;
    assert_int_equal(vit158_train_model_save(t, t->parameters, 0.5, fixture_path(name), &error),
                     VIT158_OK);
}

/* A student of other patches gets from two files the mean of the logits that the two networks have,
 * and learns from them. */
static void test_networks_teach_from_files(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_error error;
    float logits[2][2 * CLASSES];
    conv_recipe(&r);
    vit158_trainer *master = fixture_trainer(&r, 16, 0);
    for (int i = 0; i < 2; i++) {
        fixture_steps(master, 2);
        fixture_logits(master, logits[i]);
        save(master, i ? "b.safetensors" : "a.safetensors");
    }
    vit158_trainer_close(master);

    fixture_recipe(&r);
    r.net.image_size = 16;
    r.keep_tokens = 0.5F;
    vit158_trainer *student = fixture_trainer(&r, 16, 0);
    char paths[400];
    vit158_format(paths, sizeof paths, "%s,%s", fixture_path("a.safetensors"),
                  fixture_path("b.safetensors"));
    assert_int_equal(vit158_trainer_teach(student, paths, &error), VIT158_OK);
    const size_t size = vit158_train_dataset_image(&student->train);
    for (uint32_t i = 0; i < 2; i++)
        vit158_train_feed_normalise(&student->feeder, student->feed[0].mixed + i * size,
                                    student->train.pixels + i * size);
    vit158_train_feed *feed = &student->feed[0];
    vit158_train_teachers_run(student->teachers, 0, feed->mixed, 2, NULL, feed->soft_labels);
    for (uint32_t i = 0; i < 2 * CLASSES; i++) {
        const float mean = 0.5F * (logits[0][i] + logits[1][i]);
        assert_true(fabsf(student->feed[0].soft_labels[i] - mean) < 1e-5F);
        assert_true(fabsf(logits[0][i] - logits[1][i]) > 1e-3F);
    }
    fixture_steps(student, 2);
    vit158_trainer_close(student);
}

static void test_a_missing_teacher_is_named(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_error error;
    fixture_recipe(&r);
    vit158_trainer *t = fixture_trainer(&r, 16, 0);
    assert_int_equal(vit158_trainer_teach(t, "/none/x.safetensors", &error), VIT158_E_IO);
    assert_non_null(strstr(error.message, "/none/x.safetensors"));
    vit158_trainer_close(t);
}

static void refuse(const vit158_train_net_config *config, const char *message)
{
    vit158_train_net net;
    vit158_error error;
    assert_int_equal(vit158_train_net_create(&net, config, &error), VIT158_E_ARGUMENT);
    assert_string_equal(error.message, message);
}

static void test_what_does_not_fit_is_refused(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_error error;
    conv_recipe(&r);
    r.net.classes = CLASSES;
    vit158_train_net_config c = r.net;
    c.dim = 72;
    refuse(&c, "dim 72 of a convolutional network must be a multiple of 64 and at most 8192");
    c = r.net;
    c.image_size = 12;
    refuse(&c, "6 patches a side, a convolutional network needs a multiple of 4");
    c = r.net;
    c.ternary = 1;
    refuse(&c, "a convolutional network has float weights only");
    r.keep_tokens = 0.5F;
    assert_int_equal(vit158_train_recipe_check(&r, &error), VIT158_E_ARGUMENT);
    assert_string_equal(error.message,
                        "a convolutional network starts normal and sees all patches");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_learns_images_by_heart),
        cmocka_unit_test(test_it_resumes_with_the_same_bits),
        cmocka_unit_test(test_networks_teach_from_files),
        cmocka_unit_test(test_a_missing_teacher_is_named),
        cmocka_unit_test(test_what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, fixture_make_folder, fixture_remove_folder);
}
