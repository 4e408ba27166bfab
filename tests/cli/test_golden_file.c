/* SPDX-License-Identifier: MIT
 *
 * Golden files in memory: what is written reads back the same; cut at every byte or with any byte
 * changed a file is read, or refused with a sentence, and nothing leaks. Names of files beside each
 * other.
 */
#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sha256.h"
#include "cli/files.h"
#include "cli/golden_file.h"

#define OUT "test_golden_file.json"

static vit158_golden_step steps[2] = {{.name = "preprocess"}, {.name = "embed"}};
static float logits[3] = {-0.0F, 1e-30F, -12.3456F};
static char file[] = "p\xC3\xA4/\"1\\.jpg";
static char label[] = "a\x01 label";
static char model_file[] = "../m.safetensors";

/* A golden file's text, to be freed. */
static uint8_t *sample(size_t *n_bytes)
{
    vit158_golden_image images[2] = {{.file = file,
                                      .top1_index = 1,
                                      .top1_label = label,
                                      .steps = steps,
                                      .step_count = 2,
                                      .logits = logits,
                                      .logit_count = 3}};
    vit158_golden golden = {
        .numerics_version = 7, .model_file = model_file, .images = images, .image_count = 2};
    vit158_error error;
    uint8_t *text;
    vit158_sha256_hex(images[0].sha256, "a", 1);
    vit158_sha256_hex(images[0].logits_sha256, logits, sizeof logits);
    vit158_sha256_hex(golden.model_sha256, "b", 1);
    vit158_sha256_hex(steps[0].sha256, "c", 1);
    vit158_sha256_hex(steps[1].sha256, "d", 1);
    images[1] = images[0];
    assert_int_equal(vit158_golden_write(n_bytes, &golden, OUT, &error), VIT158_OK);
    size_t read_bytes;
    assert_int_equal(vit158_input_read(&text, &read_bytes, OUT, 1 << 20, &error), VIT158_OK);
    assert_int_equal(read_bytes, *n_bytes);
    remove(OUT);
    return text;
}

static void test_what_is_written_reads_back(void **state)
{
    (void)state;
    size_t n_bytes;
    uint8_t *const text = sample(&n_bytes);
    vit158_golden golden;
    vit158_error error;
    assert_int_equal(vit158_golden_parse(&golden, text, n_bytes, &error), VIT158_OK);
    assert_int_equal(golden.numerics_version, 7);
    assert_string_equal(golden.model_file, model_file);
    assert_int_equal(golden.image_count, 2);
    for (size_t i = 0; i < 2; i++) {
        const vit158_golden_image *const p = &golden.images[i];
        assert_string_equal(p->file, file);
        assert_string_equal(p->top1_label, label);
        assert_int_equal(p->top1_index, 1);
        assert_int_equal(p->step_count, 2);
        assert_memory_equal(p->steps, steps, sizeof steps);
        assert_int_equal(p->logit_count, 3);
        assert_memory_equal(p->logits, logits, sizeof logits);
    }
    vit158_golden_free(&golden);
    free(text);
}

static void test_cut_at_every_byte(void **state)
{
    (void)state;
    size_t n_bytes;
    uint8_t *const text = sample(&n_bytes);
    for (size_t n = 0; n + 1 < n_bytes; n++) { /* the last byte is a line feed */
        uint8_t *const cut = malloc(n + 1);
        vit158_golden golden;
        vit158_error error;
        memcpy(cut, text, n);
        assert_int_not_equal(vit158_golden_parse(&golden, cut, n, &error), VIT158_OK);
        assert_true(strlen(error.message) > 10);
        free(cut);
    }
    free(text);
}

static void test_any_byte_changed(void **state)
{
    (void)state;
    static const uint8_t changes[] = {0, '"', '{', '}', '[', ']', ',', '9', 'e', '\\', 0xC3};
    size_t n_bytes;
    uint8_t *const text = sample(&n_bytes);
    size_t refused = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        const uint8_t before = text[i];
        for (size_t k = 0; k < sizeof changes; k++) {
            vit158_golden golden;
            vit158_error error = {0};
            text[i] = changes[k];
            if (vit158_golden_parse(&golden, text, n_bytes, &error) != VIT158_OK) {
                assert_true(strlen(error.message) > 10);
                assert_null(golden.images);
                refused++;
            }
            vit158_golden_free(&golden);
        }
        text[i] = before;
    }
    assert_true(refused > n_bytes * 5);
    free(text);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        vit158_status status;
        const char *message;
    } cases[] = {
        {"", VIT158_E_FORMAT, "not a golden file"},
        {"[]", VIT158_E_FORMAT, "not a golden file"},
        {"{}", VIT158_E_FORMAT, "not a golden file"},
        {"{\"format\":\"vit158-golden\"}", VIT158_E_FORMAT, "it has no format_version"},
        {"{\"format\":\"vit158-golden\",\"format_version\":2}", VIT158_E_UNSUPPORTED, "version 2"},
        {"{\"format\":\"vit158-golden\",\"format_version\":1}", VIT158_E_JSON, "are missing"},
        {"{\"format\":\"vit158-golden\",\"format_version\":1,\"x\":1}", VIT158_E_JSON,
         "an unknown member at byte"},
        {"{\"format\":\"vit158-golden\",\"format_version\":1,\"pictures\":[]}", VIT158_E_JSON,
         "there are no pictures"},
        {"{\"format\":\"vit158-golden\",\"format_version\":1,\"pictures\":[{\"logits\":[1e99]}]}",
         VIT158_E_JSON, "a finite number is expected"},
        {"{\"format\":\"vit158-golden\",\"format_version\":1,\"pictures\":[{\"file\":\"\"}]}",
         VIT158_E_JSON, "a file name is empty"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vit158_golden golden;
        vit158_error error;
        assert_int_equal(vit158_golden_parse(&golden, cases[i].text, strlen(cases[i].text), &error),
                         cases[i].status);
        if (strstr(error.message, cases[i].message) == NULL)
            fail_msg("'%s' does not say '%s'", error.message, cases[i].message);
    }
}

static void check_relative(const char *from, const char *file_name, const char *expected)
{
    char *path;
    vit158_error error;
    assert_int_equal(vit158_relative_path(&path, from, file_name, &error), VIT158_OK);
    assert_string_equal(path, expected);
    free(path);
}

static void test_names_beside_each_other(void **state)
{
    (void)state;
    mkdir("golden_a", 0777);
    mkdir("golden_a/b", 0777);
    mkdir("golden_ab", 0777);
    check_relative("g.json", "m", "m");
    check_relative("golden_a/g.json", "golden_a/m", "m");
    check_relative("golden_a/g.json", "golden_a/b/m", "b/m");
    check_relative("golden_a/b/g.json", "m", "../../m");
    check_relative("golden_a/g.json", "golden_ab/m", "../golden_ab/m");
    check_relative("golden_a/../golden_a/g.json", "./golden_ab/../m", "../m");
    check_relative("/g.json", "/m", "m");
    char *path;
    vit158_error error;
    assert_int_equal(vit158_relative_path(&path, "golden_none/g", "m", &error), VIT158_E_IO);
    assert_null(path);
    rmdir("golden_a/b");
    rmdir("golden_a");
    rmdir("golden_ab");
    static const char *const ways[][3] = {{"g.json", "m", "m"},
                                          {"a/g.json", "../m", "a/../m"},
                                          {"/g.json", "m", "/m"},
                                          {"a/g.json", "/m", "/m"}};
    for (size_t i = 0; i < 4; i++) {
        path = vit158_path_beside(ways[i][0], ways[i][1]);
        assert_string_equal(path, ways[i][2]);
        free(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_reads_back), cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_any_byte_changed),           cmocka_unit_test(test_refused),
        cmocka_unit_test(test_names_beside_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
