/* SPDX-License-Identifier: MIT
 *
 * What a run is told from outside before it begins: checkpoints that no run wrote, and names that
 * no model file can hold. Each is refused at once, in one sentence, and not when hours of training
 * are to be saved.
 */
#include "unit/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "model/json_in.h"
#include "train/checkpoint.h"
#include "train/data.h"
#include "train/train_run.h"
#include "unit/train_fixture.h"

/* A copy of the checkpoint with the value of a metadata key replaced, or the key renamed. */
static void write_changed(const char *from, const char *to, const char *key, const char *value)
{
    uint8_t *bytes;
    size_t n_bytes;
    vit158_error error;
    char pattern[64];
    assert_int_equal(vit158_file_read(&bytes, &n_bytes, from, 0, &error), VIT158_OK);
    const size_t n_pattern = vit158_format(pattern, sizeof pattern, "\"%s\":\"", key);
    char *at = (char *)bytes + 8;
    while (memcmp(at, pattern, n_pattern) != 0)
        at++;
    char *end = strchr(at + n_pattern, '"');
    vit158_file_writer out;
    assert_int_equal(vit158_file_begin(&out, to, &error), VIT158_OK);
    uint64_t header = 0;
    memcpy(&header, bytes, 8);
    const size_t kept = value != NULL ? n_pattern : 1;
    const char *changed = value != NULL ? value : "another\":\"";
    if (value == NULL)
        end = at + n_pattern;
    const uint64_t changed_header = header - (uint64_t)(end - at) + kept + strlen(changed);
    vit158_file_add(&out, &changed_header, 8);
    vit158_file_add(&out, bytes + 8, (size_t)(at - (char *)bytes) - 8 + kept);
    vit158_file_add(&out, changed, strlen(changed));
    vit158_file_add(&out, end, n_bytes - (size_t)(end - (char *)bytes));
    assert_int_equal(vit158_file_commit(&out, &error), VIT158_OK);
    free(bytes);
}

static const char *bits_of(double x)
{
    static char text[24];
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    vit158_format(text, sizeof text, "%llu", (unsigned long long)bits);
    return text;
}

static void refuse_checkpoint(vit158_trainer *t, const char *key, const char *value,
                              vit158_status status, const char *sentence)
{
    vit158_error error = {VIT158_OK, ""};
    write_changed(fixture_path("good.ckpt"), fixture_path("bad.ckpt"), key, value);
    const vit158_train_state before = t->state;
    const vit158_status found = vit158_train_checkpoint_load(t, fixture_path("bad.ckpt"), &error);
    if (found != status || strstr(error.message, sentence) == NULL)
        fail_msg("%s = %s: status %d, \"%s\"", key, value != NULL ? value : "(gone)", (int)found,
                 error.message);
    assert_memory_equal(&before, &t->state, sizeof before);
}

static void test_checkpoints_that_no_run_wrote(void **state)
{
    (void)state;
    static const char *const counts[] = {"step", "epoch", "position", "images"};
    static const char *const reals[] = {"seconds", "finish_start", "best"};
    static const char *const no_counts[] = {"",
                                            "-1",
                                            " 1",
                                            "1 ",
                                            "+1",
                                            "0x1",
                                            "1.5",
                                            "18446744073709551616",
                                            "99999999999999999999999",
                                            "18446744073709551615"};
    const double no_reals[] = {(double)NAN, (double)INFINITY, -(double)INFINITY, -2.0, 1e300};
    vit158_train_recipe r;
    vit158_error error;
    fixture_recipe(&r);
    vit158_trainer *t = fixture_trainer(&r, 16, 0);
    fixture_steps(t, 3);
    assert_int_equal(vit158_train_checkpoint_save(t, fixture_path("good.ckpt"), &error), VIT158_OK);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        for (size_t j = 0; j < sizeof no_counts / sizeof *no_counts; j++)
            refuse_checkpoint(t, counts[i], no_counts[j], VIT158_E_METADATA, counts[i]);
        refuse_checkpoint(t, counts[i], NULL, VIT158_E_METADATA, counts[i]);
    }
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        for (size_t j = 0; j < sizeof no_reals / sizeof *no_reals; j++)
            refuse_checkpoint(t, reals[i], bits_of(no_reals[j]), VIT158_E_METADATA, reals[i]);
        refuse_checkpoint(t, reals[i], NULL, VIT158_E_METADATA, reals[i]);
    }
    refuse_checkpoint(t, "best", bits_of(1.5), VIT158_E_METADATA, "best");
    refuse_checkpoint(t, "finish_start", bits_of(t->state.seconds + 1.0), VIT158_E_METADATA,
                      "finish_start");
    refuse_checkpoint(t, "epoch", "4", VIT158_E_METADATA, "epoch");
    refuse_checkpoint(t, "position", "17", VIT158_E_METADATA, "other training data");
    refuse_checkpoint(t, "checkpoint_version", "2", VIT158_E_UNSUPPORTED, "version 2");
    refuse_checkpoint(t, "checkpoint_version", "1.0", VIT158_E_UNSUPPORTED, "version 1.0");
    refuse_checkpoint(t, "checkpoint_version", NULL, VIT158_E_FORMAT, "no checkpoint");
    assert_int_equal(vit158_train_checkpoint_load(t, fixture_path("good.ckpt"), &error), VIT158_OK);
    write_changed(fixture_path("good.ckpt"), fixture_path("bad.ckpt"), "slots", "4");
    assert_int_equal(vit158_train_checkpoint_load(t, fixture_path("bad.ckpt"), &error), VIT158_OK);
    t->recipe.deterministic = true; /* now sums must go on as they began */
    refuse_checkpoint(t, "slots", "4", VIT158_E_ARGUMENT, "a run with 4 slots, the recipe says 8");
    refuse_checkpoint(t, "slots", "x", VIT158_E_METADATA, "slots");
    write_changed(fixture_path("good.ckpt"), fixture_path("bad.ckpt"), "slots", NULL);
    assert_int_equal(vit158_train_checkpoint_load(t, fixture_path("bad.ckpt"), &error), VIT158_OK);
    t->optimiser.v[5] = -1.0F;
    assert_int_equal(vit158_train_checkpoint_save(t, fixture_path("bad.ckpt"), &error), VIT158_OK);
    assert_int_equal(vit158_train_checkpoint_load(t, fixture_path("bad.ckpt"), &error),
                     VIT158_E_VALUE);
    vit158_trainer_close(t);
}

/* Twenty images in a cache file, of classes with these names. */
static void write_images(vit158_train_recipe *r, const char *second_class)
{
    vit158_train_dataset data;
    vit158_error error;
    char names[64];
    fixture_recipe(r);
    r->deterministic = 1;
    r->epochs = 1;
    r->val_every = 5;
    fixture_images(&data, 20, r, 7, 1);
    const size_t n = vit158_format(names, sizeof names, "a_%s_c_d", second_class) + 1;
    for (size_t i = 0; i < n; i++)
        names[i] = names[i] == '_' ? '\0' : names[i];
    free(data.names);
    data.names = malloc(n);
    assert_non_null(data.names);
    memcpy(data.names, names, n);
    data.name_bytes = (uint32_t)n;
    vit158_format(r->train_data, sizeof r->train_data, "%s", fixture_path("d.vds"));
    assert_int_equal(vit158_train_dataset_save(&data, r->train_data, &error), VIT158_OK);
    vit158_train_dataset_free(&data);
}

static void refuse_run(const vit158_train_recipe *r, const char *sentence)
{
    vit158_error error = {VIT158_OK, ""};
    const vit158_train_run_options options = {.out_dir = fixture_path("refused")};
    assert_int_equal(vit158_train_run(r, &options, &error), VIT158_E_ARGUMENT);
    if (strstr(error.message, sentence) == NULL)
        fail_msg("\"%s\" instead of \"%s\"", error.message, sentence);
}

static void test_names_that_no_model_can_hold(void **state)
{
    (void)state;
    vit158_train_recipe r;
    write_images(&r, "b");
    vit158_format(r.name, sizeof r.name, "caf\xE9");
    refuse_run(&r, "the recipe's name is not UTF-8 (byte 3)");
    vit158_format(r.name, sizeof r.name, "tab\there");
    refuse_run(&r, "the recipe's name has a control character (byte 3)");
    write_images(&r, "b");
    vit158_format(r.dataset, sizeof r.dataset, "\xFF");
    refuse_run(&r, "the recipe's dataset is not UTF-8");
    write_images(&r, "b");
    vit158_format(r.licence, sizeof r.licence, "\xC3");
    refuse_run(&r, "the recipe's licence is not UTF-8");
    write_images(&r, "b");
    vit158_format(r.labels, sizeof r.labels, "a,\xED\xA0\x80,c,d");
    refuse_run(&r, "the recipe's labels is not UTF-8");
    write_images(&r, "stra\xDF"
                     "e");
    refuse_run(&r, "the name of class 1 is not UTF-8 (byte 4)");
}

static void test_class_folders_that_no_model_can_name(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_train_dataset train, val;
    vit158_error error;
    fixture_recipe(&r);
    vit158_format(r.train_data, sizeof r.train_data, "%s", fixture_path("tree"));
    mkdir(fixture_path("tree"), 0777);
    mkdir(fixture_path("tree/caf\xE9"), 0777);
    mkdir(fixture_path("tree/dog"), 0777);
    assert_int_equal(vit158_train_data_open(&train, &val, &r, &error), VIT158_E_ARGUMENT);
    assert_non_null(strstr(error.message, "the name of a class folder is not UTF-8"));
}

/* Quotes and backslashes in names: each line of the log is JSON, and the models open. */
static void test_quotes_in_names(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_error error;
    uint8_t *log, *file;
    size_t n_bytes;
    write_images(&r, "\"b\\");
    vit158_format(r.name, sizeof r.name, "my \"best\" \\ model");
    const vit158_train_run_options options = {.out_dir = fixture_path("quotes")};
    if (vit158_train_run(&r, &options, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    assert_int_equal(vit158_file_read(&log, &n_bytes, fixture_path("quotes/log.jsonl"), 0, &error),
                     VIT158_OK);
    assert_non_null(strstr((const char *)log, "\"name\":\"my \\\"best\\\" \\\\ model\",\"step\""));
    free(log);
    assert_int_equal(
        vit158_file_read(&file, &n_bytes, fixture_path("quotes/last.safetensors"), 0, &error),
        VIT158_OK);
    vit158_header header;
    uint64_t header_bytes;
    memcpy(&header_bytes, file, 8);
    assert_int_equal(vit158_header_parse(&header, file + 8, (size_t)header_bytes, &error),
                     VIT158_OK);
    assert_string_equal(vit158_header_metadata(&header, "recipe"), "my \"best\" \\ model");
    assert_string_equal(vit158_header_metadata(&header, "labels"),
                        "[\"a\",\"\\\"b\\\\\",\"c\",\"d\"]");
    vit158_header_clear(&header);
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checkpoints_that_no_run_wrote),
        cmocka_unit_test(test_names_that_no_model_can_hold),
        cmocka_unit_test(test_class_folders_that_no_model_can_name),
        cmocka_unit_test(test_quotes_in_names),
    };
    return cmocka_run_group_tests(tests, fixture_make_folder, fixture_remove_folder);
}
