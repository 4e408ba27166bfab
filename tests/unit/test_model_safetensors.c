/* SPDX-License-Identifier: MIT
 *
 * The writer and the generic reader: what is written is read back, the bytes are those that
 * FORMAT.md describes, and contents the reader would refuse are not written.
 */
#define _POSIX_C_SOURCE 200809L
#include "unit/test.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/safetensors.h"
#include "model/writer.h"

#define PATH "test_model_safetensors.tmp.safetensors"

static const uint8_t codes[3] = {0, 121, 242};
static const uint16_t halves[2] = {0x3C00, 0xC000}; /* 1, -2 */
static const uint16_t brains[1] = {0x3F80};         /* 1 */
static const float floats[4] = {1.5F, -2.5F, 0.0F, 1e-20F};
static const int8_t bytes[2] = {-128, 127};

static const vit158_tensor_view views[] = {
    {"codes", VIT158_DTYPE_U8, 1, {3}, codes},      {"half", VIT158_DTYPE_F16, 1, {2}, halves},
    {"float", VIT158_DTYPE_F32, 2, {2, 2}, floats}, {"brain", VIT158_DTYPE_BF16, 0, {0}, brains},
    {"int", VIT158_DTYPE_I8, 3, {1, 2, 1}, bytes},
};
static const vit158_metadata_pair pairs[] = {{"name", "quote \" slash \\ tab \t \xC3\xA4"},
                                             {"empty", ""}};
static const vit158_contents contents = {views, 5, pairs, 2};

static vit158_safetensors *open_file(void)
{
    vit158_error error;
    vit158_safetensors *file = NULL;
    if (vit158_safetensors_open(&file, PATH, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    return file;
}

static void test_write_then_read(void **state)
{
    (void)state;
    vit158_error error;
    assert_int_equal(vit158_safetensors_write(PATH, &contents, NULL, NULL, &error), VIT158_OK);
    vit158_safetensors *file = open_file();
    const vit158_header *header = vit158_safetensors_header(file);
    assert_int_equal(header->tensor_count, 5);
    static const char *const order[] = {"float", "half", "brain", "codes", "int"};
    for (unsigned i = 0; i < 5; i++)
        assert_string_equal(header->tensors[i].name, order[i]);
    assert_int_equal(header->data_bytes, 16 + 4 + 2 + 3 + 2);
    assert_int_equal(vit158_safetensors_header_bytes(file) % 64, 0);
    assert_int_equal(vit158_safetensors_file_bytes(file),
                     vit158_safetensors_header_bytes(file) + header->data_bytes);
    assert_string_equal(vit158_header_metadata(header, "name"), pairs[0].value);
    assert_string_equal(vit158_header_metadata(header, "empty"), "");
    assert_null(vit158_header_metadata(header, "absent"));
    assert_string_equal(header->metadata_json,
                        "{\"name\":\"quote \\\" slash \\\\ tab \\u0009 \xC3\xA4\",\"empty\":\"\"}");
    uint8_t raw[3];
    assert_int_equal(
        vit158_safetensors_read(file, vit158_safetensors_find(file, "codes"), raw, &error),
        VIT158_OK);
    assert_memory_equal(raw, codes, 3);
    float values[4];
    assert_int_equal(vit158_safetensors_get_f32(file, "float", values, 4, &error), VIT158_OK);
    assert_memory_equal(values, floats, sizeof floats);
    assert_int_equal(vit158_safetensors_get_f32(file, "half", values, 2, &error), VIT158_OK);
    assert_true(values[0] == 1.0F && values[1] == -2.0F);
    assert_int_equal(vit158_safetensors_get_f32(file, "brain", values, 1, &error), VIT158_OK);
    assert_true(values[0] == 1.0F);
    assert_int_equal(vit158_safetensors_get_f32(file, "brain", values, 2, &error), VIT158_E_TENSOR);
    assert_int_equal(vit158_safetensors_get_f32(file, "absent", values, 1, &error),
                     VIT158_E_TENSOR);
    assert_int_equal(vit158_safetensors_get_f32(file, "int", values, 2, &error), VIT158_E_TENSOR);
    vit158_safetensors_close(file);
    remove(PATH);
}

static void test_values_must_be_finite(void **state)
{
    (void)state;
    const uint16_t infinite[2] = {0, 0x7C00};
    const vit158_tensor_view view = {"half", VIT158_DTYPE_F16, 1, {2}, infinite};
    const vit158_contents one = {&view, 1, NULL, 0};
    assert_int_equal(vit158_safetensors_write(PATH, &one, NULL, NULL, NULL), VIT158_OK);
    vit158_safetensors *file = open_file();
    assert_string_equal(vit158_safetensors_header(file)->metadata_json, "{}");
    float values[2];
    vit158_error error;
    assert_int_equal(vit158_safetensors_get_f32(file, "half", values, 2, &error), VIT158_E_VALUE);
    assert_non_null(strstr(error.message, "value 1 is not finite"));
    vit158_safetensors_close(file);
    remove(PATH);
}

/* So many files begin with PATH: temporary ones would be among them. */
static void expect_files(size_t count)
{
    glob_t found;
    const int result = glob(PATH "*", 0, NULL, &found);
    assert_int_equal(result == 0 ? found.gl_pathc : 0, count);
    if (result == 0)
        globfree(&found);
}

static void refuse(const vit158_contents *bad)
{
    vit158_error error;
    assert_int_equal(vit158_safetensors_write(PATH, bad, NULL, NULL, &error), VIT158_E_ARGUMENT);
    expect_files(0);
}

static void test_bad_contents_are_refused(void **state)
{
    (void)state;
    const vit158_tensor_view twice[] = {views[0], views[0]};
    refuse(&(vit158_contents){twice, 2, NULL, 0});
    const vit158_tensor_view overflow = {
        "huge", VIT158_DTYPE_F32, 2, {1ULL << 40, 1ULL << 40}, floats};
    refuse(&(vit158_contents){&overflow, 1, NULL, 0});
    const vit158_tensor_view deep = {"deep", VIT158_DTYPE_F32, 5, {1, 1, 1, 1}, floats};
    refuse(&(vit158_contents){&deep, 1, NULL, 0});
    const vit158_tensor_view not_utf8 = {"\xFF", VIT158_DTYPE_F32, 1, {1}, floats};
    refuse(&(vit158_contents){&not_utf8, 1, NULL, 0});
    const vit158_metadata_pair same[] = {{"a", "1"}, {"a", "2"}};
    refuse(&(vit158_contents){views, 5, same, 2});
}

static vit158_status no(void *context, const char *path, vit158_error *error)
{
    assert_int_equal(strncmp(path, PATH ".tmp", strlen(PATH ".tmp")), 0);
    *(int *)context += 1;
    error->status = VIT158_E_VALUE;
    return VIT158_E_VALUE;
}

static void test_a_failed_check_keeps_the_old_file(void **state)
{
    (void)state;
    FILE *old = fopen(PATH, "wb");
    assert_non_null(old);
    fputs("old", old);
    fclose(old);
    int calls = 0;
    vit158_error error;
    assert_int_equal(vit158_safetensors_write(PATH, &contents, no, &calls, &error), VIT158_E_VALUE);
    assert_int_equal(calls, 1);
    expect_files(1);
    char text[4] = "";
    old = fopen(PATH, "rb");
    assert_non_null(old);
    assert_int_equal(fread(text, 1, 3, old), 3);
    fclose(old);
    assert_string_equal(text, "old");
    remove(PATH);
}

static void test_io_errors_say_why(void **state)
{
    (void)state;
    vit158_error error;
    vit158_safetensors *file = NULL;
    assert_int_equal(vit158_safetensors_open(&file, "absent/file", &error), VIT158_E_IO);
    assert_null(file);
    assert_non_null(strstr(error.message, "there is no such file"));
    assert_int_equal(vit158_safetensors_write("absent/file", &contents, NULL, NULL, &error),
                     VIT158_E_IO);
    assert_non_null(strstr(error.message, "there is no such folder"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_then_read),
        cmocka_unit_test(test_values_must_be_finite),
        cmocka_unit_test(test_bad_contents_are_refused),
        cmocka_unit_test(test_a_failed_check_keeps_the_old_file),
        cmocka_unit_test(test_io_errors_say_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
