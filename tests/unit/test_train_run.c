/* SPDX-License-Identifier: MIT
 *
 * Whole runs: learning, stopping on nonsense, and what bad recipes, bad data
 * and a full disk lead to.
 */
#include "unit/test.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "train/checkpoint.h"
#include "train/data.h"
#include "train/teacher.h"
#include "train/train_run.h"
#include "unit/train_fixture.h"

static void check_overfits(uint32_t ternary, uint32_t muon)
{
    vit158_train_recipe r;
    vit158_error error;
    vit158_train_step_result result = {0};
    fixture_recipe(&r);
    r.net.ternary = ternary;
    r.muon = muon;
    r.batch = 64;
    r.microbatch = 8;
    r.epochs = 400;
    r.lr = 5e-3F;
    r.muon_lr = 1e-2F;
    r.weight_decay = r.muon_weight_decay = 0.0F;
    vit158_trainer *t = fixture_trainer(&r, 64, 0);
    for (int i = 0; i < 400; i++)
        if (vit158_train_step(t, &result, &error) != VIT158_OK)
            fail_msg("%s", error.message);
    if (result.accuracy < 1.0)
        fail_msg("ternary %u, muon %u: accuracy %g, loss %g on 64 pictures", ternary, muon,
                 result.accuracy, result.loss);
    vit158_trainer_close(t);
}

static void test_a_tiny_network_overfits_64_images(void **state)
{
    (void)state;
    check_overfits(1, 1);
    check_overfits(1, 0);
    check_overfits(0, 1);
}

static void test_a_gradient_that_is_not_finite_stops_the_run(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_error error;
    vit158_train_step_result result;
    fixture_recipe(&r);
    vit158_trainer *t = fixture_trainer(&r, 16, 0);
    t->parameters[t->net.head_weight] = NAN;
    vit158_trainer_pack(t, t->parameters);
    const float kept = t->parameters[0];
    assert_int_equal(vit158_train_step(t, &result, &error), VIT158_E_NUMERIC);
    assert_non_null(strstr(error.message, "not finite at step 0"));
    assert_true(t->parameters[0] == kept);
    vit158_trainer_close(t);
}

/* Share of the first block's attention that patches give to their 3 x 3 neighbourhoods. */
static double local_share(uint32_t mimetic)
{
    vit158_train_recipe r;
    fixture_recipe(&r);
    r.net.image_size = 32;
    r.net.dim = 64;
    r.mimetic = mimetic;
    vit158_trainer *t = fixture_trainer(&r, 16, 0);
    fixture_feed(t, 2);
    const vit158_train_pass pass = {
        .net = &t->net, .packed = &t->packed, .compute = t->compute, .workspace = &t->workspace[0]};
    vit158_train_forward(&pass);
    const int tokens = (int)t->net.tokens, grid = 8;
    const float *row = t->workspace[0].blocks[0].p;
    double local = 0.0;
    for (int map = 0; map < 2 * (int)r.net.heads; map++)
        for (int query = 0; query < tokens;
             query++, row += vit158_train_round_up(t->net.tokens, 16))
            for (int key = 1; key < tokens && query > 0; key++)
                if (abs((key - 1) % grid - (query - 1) % grid) <= 1 &&
                    abs((key - 1) / grid - (query - 1) / grid) <= 1)
                    local += (double)row[key];
    vit158_trainer_close(t);
    return local / (2.0 * r.net.heads * (tokens - 1));
}

static void test_mimetic_attention_begins_among_neighbours(void **state)
{
    (void)state;
    const double normal = local_share(0), mimetic = local_share(1);
    assert_true(normal > 0.10 && normal < 0.14); /* 7.6 of 65 tokens */
    assert_true(mimetic > 3.0 * normal);
}

static void assert_no_teacher(vit158_trainer *t, const char *message)
{
    vit158_error error;
    assert_int_equal(vit158_trainer_teach(t, fixture_path("t.safetensors"), &error),
                     VIT158_E_ARGUMENT);
    assert_string_equal(error.message, message);
    vit158_trainer_close(t);
}

/* A teacher that took its pixels or classes otherwise would teach nonsense. */
static void test_a_teacher_must_see_and_name_the_same(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_trainer *t = fixture_trainer_with_model(&r);
    t->recipe.mean[0] = 0.75F;
    assert_no_teacher(t, "the teacher was trained with another mean than the recipe's: 0.5");
    t = fixture_trainer(&r, 16, 0);
    t->recipe.std[0] = 0.25F;
    assert_no_teacher(t, "the teacher was trained with another std than the recipe's: 0.5");
    t = fixture_trainer(&r, 16, 0);
    t->train.names[2] = '?';
    assert_no_teacher(t, "class 1 is \"b\" to the teacher and \"?\" in the data");
}

/* A student of a model file: the same logits as teacher and student, so no distillation loss. */
static void test_a_teacher_reads_the_models_we_write(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_error error;
    vit158_trainer *t = fixture_trainer_with_model(&r);
    assert_int_equal(vit158_trainer_teach(t, fixture_path("t.safetensors"), &error), VIT158_OK);
    fixture_feed(t, 2);
    vit158_train_workspace *teacher = &t->teachers->first->workspace[0];
    vit158_train_workspace_whole(teacher, &t->teachers->first->net, 2);
    memcpy(teacher->patches, t->workspace[0].patches,
           2 * (t->net.tokens - 1) * teacher->patch_ld * sizeof(float));
    memcpy(teacher->places, t->workspace[0].places, 2 * (t->net.tokens - 1) * sizeof(uint32_t));
    const vit158_train_pass student = {
        .net = &t->net, .packed = &t->packed, .compute = t->compute, .workspace = &t->workspace[0]};
    const vit158_train_pass master = {.net = &t->teachers->first->net,
                                      .packed = &t->teachers->first->packed,
                                      .compute = t->compute,
                                      .workspace = teacher};
    vit158_train_forward(&student);
    vit158_train_forward(&master);
    assert_memory_equal(t->workspace[0].logits, teacher->logits, 4 * sizeof(float));
    vit158_trainer_close(t);
}

static void refuse(const char *text, const char *complaint)
{
    vit158_train_recipe r;
    vit158_error error;
    vit158_train_recipe_defaults(&r);
    assert_int_not_equal(vit158_train_recipe_parse(&r, text, "x.recipe", &error), VIT158_OK);
    if (!strstr(error.message, complaint))
        fail_msg("\"%s\" instead of \"%s\"", error.message, complaint);
}

static void test_recipes_refuse_mistakes(void **state)
{
    (void)state;
    refuse("dim = 64\nlearning_rate = 1\n", "x.recipe:2: unknown key \"learning_rate\"");
    refuse("dim = 64\ndim = 64\n", "x.recipe:2: dim is set twice");
    refuse("depth = 1.5\n", "is not a whole number");
    refuse("lr = fast\n", "x.recipe:1: lr = fast");
    refuse("weights = binary\n", "must be float or ternary");
    refuse("just words\n", "expected \"key = value\"");
    refuse("mean = 0.1 0.2 0.3 0.4\n", "too many numbers");
    vit158_train_recipe r;
    vit158_error error;
    vit158_train_recipe_defaults(&r);
    assert_int_equal(
        vit158_train_recipe_parse(&r, " dim=64 # width\n\n#x\nmean = 0.5\n", "x", &error),
        VIT158_OK);
    assert_int_equal(r.net.dim, 64);
}

static void write_bytes(const char *path, const void *bytes, size_t n_bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n_bytes, file), n_bytes);
    assert_int_equal(fclose(file), 0);
}

static void test_folders_of_images_that_are_wrong(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_train_dataset train, val;
    vit158_error error;
    fixture_recipe(&r);
    vit158_format(r.cache_dir, sizeof r.cache_dir, "%s", fixture_folder());
    vit158_format(r.train_data, sizeof r.train_data, "%s", fixture_path("tree"));
    assert_int_equal(vit158_train_data_open(&train, &val, &r, &error), VIT158_E_IO);
    mkdir(fixture_path("tree"), 0777);
    mkdir(fixture_path("tree/cat"), 0777);
    mkdir(fixture_path("tree/dog"), 0777);
    assert_int_equal(vit158_train_data_open(&train, &val, &r, &error), VIT158_E_ARGUMENT);
    assert_non_null(strstr(error.message, "tree/cat has no images"));
    const uint8_t start[] = {0xFF, 0xD8, 0xFF, 0xE0, 0, 16, 'J', 'F', 'I', 'F'};
    write_bytes(fixture_path("tree/cat/1.jpg"), start, sizeof start);
    write_bytes(fixture_path("tree/dog/2.jpg"), start, sizeof start);
    assert_int_not_equal(vit158_train_data_open(&train, &val, &r, &error), VIT158_OK);
    assert_non_null(strstr(error.message, "tree/cat/1.jpg"));
    assert_null(train.pixels);
}

static void test_cifar_and_idx_files(void **state)
{
    (void)state;
    vit158_train_dataset data;
    vit158_error error;
    uint8_t *records = calloc(2, 3073);
    records[0] = 7;
    records[1] = 200; /* red of the first pixel */
    records[3073] = 9;
    write_bytes(fixture_path("two.bin"), records, 2 * 3073);
    assert_int_equal(vit158_train_data_cifar(&data, fixture_path("two.bin"), &error), VIT158_OK);
    assert_int_equal(data.count, 2);
    assert_int_equal(data.labels[1], 9);
    assert_int_equal(data.pixels[0], 200);
    assert_string_equal(vit158_train_dataset_name(&data, 9), "truck");
    vit158_train_dataset_free(&data);
    write_bytes(fixture_path("cut.bin"), records, 3000);
    assert_int_equal(vit158_train_data_cifar(&data, fixture_path("cut.bin"), &error),
                     VIT158_E_TRUNCATED);
    records[3073] = 10;
    write_bytes(fixture_path("bad.bin"), records, 2 * 3073);
    assert_int_equal(vit158_train_data_cifar(&data, fixture_path("bad.bin"), &error),
                     VIT158_E_FORMAT);
    free(records);

    const uint8_t images[16 + 8] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2,
                                    0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8};
    const uint8_t labels[8 + 2] = {0, 0, 8, 1, 0, 0, 0, 2, 1, 0};
    write_bytes(fixture_path("i"), images, sizeof images);
    write_bytes(fixture_path("l"), labels, sizeof labels);
    assert_int_equal(vit158_train_data_idx(&data, fixture_path("i"), fixture_path("l"), &error),
                     VIT158_OK);
    assert_int_equal(data.classes, 2);
    assert_int_equal(data.pixels[4], 5);
    vit158_train_dataset_free(&data);
    write_bytes(fixture_path("i"), images, sizeof images - 1);
    assert_int_equal(vit158_train_data_idx(&data, fixture_path("i"), fixture_path("l"), &error),
                     VIT158_E_TRUNCATED);
    assert_int_equal(vit158_train_data_idx(&data, fixture_path("i"), fixture_path("i"), &error),
                     VIT158_E_FORMAT);
}

/* A limit on file sizes stands for the full disk: writes beyond it fail. */
static void test_a_full_disk_keeps_the_old_checkpoint(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_error error;
    fixture_recipe(&r);
    vit158_trainer *t = fixture_trainer(&r, 16, 0);
    const char *path = fixture_path("disk.ckpt");
    assert_int_equal(vit158_train_checkpoint_save(t, path, &error), VIT158_OK);
    fixture_steps(t, 1);
    struct rlimit old, small;
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 1000;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    const vit158_status status = vit158_train_checkpoint_save(t, path, &error);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(status, VIT158_E_IO);
    assert_int_equal(vit158_train_checkpoint_load(t, path, &error), VIT158_OK);
    assert_int_equal(t->state.step, 0);
    vit158_trainer_close(t);
}

/* vit158_train_run from a cache file: log, checkpoint, models; stopped and resumed to the same
 * weights.
 */
/* Forty images for the recipe, a fifth of them held out. */
static void images_in_a_file(vit158_train_recipe *r)
{
    vit158_train_dataset data;
    vit158_error error;
    r->val_every = 5;
    fixture_images(&data, 40, r, 7, 1);
    vit158_format(r->train_data, sizeof r->train_data, "%s", fixture_path("d.vds"));
    assert_int_equal(vit158_train_dataset_save(&data, r->train_data, &error), VIT158_OK);
    vit158_train_dataset_free(&data);
}

static void test_a_run_in_a_folder_resumes_to_the_same_file(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_error error;
    uint8_t *whole, *resumed;
    size_t n, m;
    fixture_busy_recipe(&r);
    r.epochs = 3;
    images_in_a_file(&r);
    const vit158_train_run_options once = {.out_dir = fixture_path("once")};
    assert_int_equal(vit158_train_run(&r, &once, &error), VIT158_OK);
    const vit158_train_run_options half = {.out_dir = fixture_path("half"), .max_steps = 5};
    assert_int_equal(vit158_train_run(&r, &half, &error), VIT158_OK);
    const vit158_train_run_options rest = {.out_dir = half.out_dir,
                                           .resume = fixture_path("half/last.ckpt")};
    assert_int_equal(vit158_train_run(&r, &rest, &error), VIT158_OK);
    assert_int_equal(vit158_file_read(&whole, &n, fixture_path("once/last.safetensors"), 0, &error),
                     VIT158_OK);
    assert_int_equal(
        vit158_file_read(&resumed, &m, fixture_path("half/last.safetensors"), 0, &error),
        VIT158_OK);
    assert_int_equal(n, m);
    assert_memory_equal(whole, resumed, n);
    free(whole);
    free(resumed);
    assert_int_equal(vit158_file_read(&whole, &n, fixture_path("once/log.jsonl"), 0, &error),
                     VIT158_OK);
    assert_non_null(strstr((const char *)whole, "\"val_accuracy\":"));
    free(whole);
}

/* A rate of 0 gains nothing: after the first validation two more, then the falling rate for less
 * than a step's time. */
static void test_a_run_that_gains_nothing_ends_early(void **state)
{
    (void)state;
    const uint32_t patience = 2;
    for (int early = 0; early < 2; early++) {
        vit158_train_recipe r;
        vit158_error error;
        uint8_t *log;
        size_t n_bytes;
        fixture_recipe(&r);
        images_in_a_file(&r);
        r.lr = r.muon_lr = 0.0F;
        r.epochs = 3;          /* of 4 steps */
        r.eval_minutes = 0.0F; /* after every step */
        r.finish_minutes = early != 0 ? 1e-6F : 0.0F;
        r.patience = early != 0 ? patience : 0;
        const vit158_train_run_options run = {.out_dir =
                                                  fixture_path(early != 0 ? "early" : "whole")};
        if (vit158_train_run(&r, &run, &error) != VIT158_OK)
            fail_msg("%s", error.message);
        char log_path[200];
        vit158_format(log_path, sizeof log_path, "%s/log.jsonl", run.out_dir);
        assert_int_equal(vit158_file_read(&log, &n_bytes, log_path, 0, &error), VIT158_OK);
        uint32_t validations = 0;
        for (const char *at = (const char *)log; (at = strstr(at, "\"eval\"")) != NULL; at++)
            validations++;
        /* After each step, the last of them while the rate falls, and at the end once more. */
        assert_int_equal(validations, early != 0 ? 1 + patience + 1 + 1 : 12 + 1);
        free(log);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_tiny_network_overfits_64_images),
        cmocka_unit_test(test_a_gradient_that_is_not_finite_stops_the_run),
        cmocka_unit_test(test_a_teacher_reads_the_models_we_write),
        cmocka_unit_test(test_mimetic_attention_begins_among_neighbours),
        cmocka_unit_test(test_a_teacher_must_see_and_name_the_same),
        cmocka_unit_test(test_recipes_refuse_mistakes),
        cmocka_unit_test(test_folders_of_images_that_are_wrong),
        cmocka_unit_test(test_cifar_and_idx_files),
        cmocka_unit_test(test_a_full_disk_keeps_the_old_checkpoint),
        cmocka_unit_test(test_a_run_in_a_folder_resumes_to_the_same_file),
        cmocka_unit_test(test_a_run_that_gains_nothing_ends_early),
    };
    return cmocka_run_group_tests(tests, fixture_make_folder, fixture_remove_folder);
}
