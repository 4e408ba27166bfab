/* SPDX-License-Identifier: MIT
 *
 * Corners of src/model that whole files seldom come to: texts and numbers at their bounds, drafts
 * of everything, memory that ends.
 */
#include "unit/test.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/decimal.h"
#include "model/draft.h"
#include "model/facts.h"
#include "model/half.h"
#include "model/json_in.h"
#include "model/json_out.h"
#include "model/loader.h"
#include "model/metadata_json.h"
#include "model/names.h"
#include "model/safetensors.h"
#include "model/ternary.h"
#include "model/what_is.h"
#include "model/writer.h"
#include "unit/model_parts.h"
#include "unit/refused_memory.h"

/* Runs `act` with each allocation refused, alone and with all after it: VIT158_E_MEMORY until none
 * is refused, and nothing is lost. */
static void refuse_each(const char *what, vit158_status (*act)(void *context, vit158_error *error),
                        void *context)
{
    for (int on = 0; on < 2; on++)
        for (long at = 1;; at++) {
            vit158_error error = {VIT158_OK, ""};
            const long before = refuse_memory_held();
            refuse_memory(at, on == 1);
            const vit158_status status = act(context, &error);
            const long calls = refuse_memory_calls();
            refuse_memory(0, false);
            assert_int_equal(refuse_memory_held(), before);
            if (status != (calls < at ? VIT158_OK : VIT158_E_MEMORY))
                fail_msg("%s, allocation %ld: %d %s", what, at, (int)status, error.message);
            if (calls < at) {
                assert_true(at > 1);
                break;
            }
        }
}

/* ---- Texts and numbers ---- */

static void test_numbers_in_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool fine;
    } cases[] = {{"0.00000000001", true},
                 {"0.000000000000000000000000000000000000000001", false},
                 {"0.1234567890123456789", true},
                 {"0.12345678901234567890", false},
                 {"1.", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double value;
        assert_int_equal(vit158_decimal_double(&value, cases[i].text, strlen(cases[i].text)),
                         cases[i].fine);
    }
}

static void test_escapes_and_whole_numbers(void **state)
{
    (void)state;
    static const char *const escapes[] = {"\"\\ud83d\"", "\"\\ud83dxu0000\"", "\"\\ud83d\\n0000\"",
                                          "\"\\ud83d\\u0041\"", "\"\\ud83d\\uffff\""};
    vit158_json_string text;
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
        vit158_json_in in = vit158_json_in_over(escapes[i], strlen(escapes[i]));
        assert_false(vit158_json_in_text(&in, &text));
        assert_string_equal(in.problem, "an invalid escape");
    }
    static const char *const numbers[] = {"1.5", "1e3", "1E3"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        uint64_t value;
        vit158_json_in in = vit158_json_in_over(numbers[i], strlen(numbers[i]));
        assert_false(vit158_json_in_u64(&in, &value));
        assert_string_equal(in.problem, "a number that is not whole");
    }
    assert_int_equal(vit158_utf8_length((const uint8_t *)"a", 0), 0);
}

static void test_onnx_by_its_first_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        bool onnx;
    } cases[] = {{"\x08\x08\x3A\x10\x01", true},     {"\x08\x08\x12\x07pytorch", true},
                 {"\x08\x7F\x12\x07pytorch", false}, {"\x08\x08\x12\x87pytorch", false},
                 {"\x08\x08\x12\x07\x01", false},    {"\x08\x08\x13\x07pytorch", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(vit158_what_is((const uint8_t *)cases[i].head, strlen(cases[i].head)) ==
                             VIT158_CONTENT_ONNX,
                         cases[i].onnx);
}

static void test_means_of_nothing(void **state)
{
    (void)state;
    static const float zeros[4] = {0};
    int8_t trits[4];
    float scale[2];
    assert_true(vit158_absmean(zeros, 0, 0) == 1e-5F);
    assert_int_equal(vit158_find_trits(trits, scale, zeros, 2, 2), 1);
    assert_true(scale[0] == 1.0F);
    uint16_t half;
    assert_true(vit158_bf16_narrow(&half, 1.0F) && half == 0x3F80);
    assert_false(vit158_bf16_narrow(&half, INFINITY));
    assert_false(vit158_bf16_narrow(&half, FLT_MAX)); /* rounds to infinity */
    assert_int_equal(vit158_scale_slot(vit158_linear_slot(1, 2, VIT158_LINEAR_WEIGHT)),
                     vit158_linear_slot(1, 2, VIT158_LINEAR_SCALE));
    assert_true(vit158_metadata_is_long("labels") && vit158_metadata_is_long("wnids") &&
                vit158_metadata_is_long("encodings") && !vit158_metadata_is_long("mean"));
}

static void test_whose_version_a_header_says(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        bool first;
    } cases[] = {{"{\"__metadata__\":{\"format\":\"vit158\",\"format_version\":\"1\"}}", true},
                 {"{\"__metadata__\":{\"format\":\"vit158\",\"format_version\":\"2\"}}", false},
                 {"{\"__metadata__\":{\"format\":\"vit158\"}}", false},
                 {"{\"__metadata__\":{\"format\":\"pt\",\"format_version\":\"1\"}}", false},
                 {"{}", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vit158_header header;
        assert_int_equal(vit158_header_parse(&header, cases[i].json, strlen(cases[i].json), NULL),
                         VIT158_OK);
        assert_int_equal(vit158_is_version_1(&header), cases[i].first);
        vit158_header_clear(&header);
    }
    const vit158_variant headless = {.pooling = VIT158_POOLING_CLS,
                                     .prefix_tokens = 1,
                                     .activation = VIT158_ACTIVATION_GELU,
                                     .headless = true};
    assert_null(vit158_variant_beyond_plain(&headless, false));
    assert_string_equal(vit158_variant_beyond_plain(&headless, true), "has no head");
    static const char unknown[] = "{\"a\":{\"dtype\":\"AN_ELEMENT_TYPE_WITH_A_NAME\","
                                  "\"shape\":[],\"data_offsets\":[0,1]}}";
    vit158_header header;
    vit158_error error;
    assert_int_equal(vit158_header_parse_foreign(&header, unknown, sizeof unknown - 1, &error),
                     VIT158_E_UNSUPPORTED);
    assert_non_null(strstr(error.message, "element type AN_ELEMENT_TYPE_ is not"));
}

/* ---- Metadata that are added ---- */

static vit158_status add_metadata(void *context, vit158_error *error)
{
    static const char own[] = "{\"__metadata__\":{\"a\":\"1\",\"b\":\"2\"}}";
    const char *json = context;
    vit158_header header, added;
    VIT158_RETURN_IF_ERROR(vit158_header_parse(&header, own, sizeof own - 1, error));
    vit158_status status = vit158_metadata_of_json(&added, json, strlen(json), error);
    if (status == VIT158_OK) {
        status = vit158_metadata_add(&header, &added, error);
        if (status != VIT158_OK)
            vit158_header_clear(&added);
    }
    vit158_header_clear(&header);
    return status;
}

static void test_metadata_that_are_added(void **state)
{
    (void)state;
    vit158_error error;
    static char some[] = "{\"b\":\"3\",\"c\":\"4\"}";
    refuse_each("metadata", add_metadata, some);
    static char tensor[] = "{},\"t\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}";
    assert_int_equal(add_metadata(tensor, &error), VIT158_E_JSON);
    assert_string_equal(error.message, "the additional metadata is not a JSON object of strings");
    static char number[] = "{\"a\":1}";
    assert_int_equal(add_metadata(number, &error), VIT158_E_JSON);
    char many[8192] = "{";
    for (int i = 0; i < 255; i++)
        snprintf(many + strlen(many), 32, "%s\"k%d\":\"\"", i > 0 ? "," : "", i);
    strcat(many, "}");
    assert_int_equal(add_metadata(many, &error), VIT158_E_LIMIT);
    assert_string_equal(error.message, "more than 256 metadata entries");
}

/* ---- Drafts ---- */

/* Sums of rows, scales that F16 holds or does not, int8 with either, names of all lengths. */
static vit158_status draft_all(void *context, vit158_error *error)
{
    static const uint8_t counts[][4] = {{1, 1, 1, 1}, {2, 2, 2, 2}, {1, 2, 3, 4}};
    static const float scales[][16] = {
        {0.5F, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1e-7F, 1, 1, 1, 1, 1, 1, 1, 1, 1}, {1e6F, 1, 1, 1}};
    const uint64_t matrix[2] = {4, 8}, positions[3] = {1, 4, 8}, none = 0;
    char prefix[64];
    vit158_contents contents;
    vit158_draft draft = vit158_draft_start(VIT158_DTYPE_F16);
    (void)context;
    for (int c = 0; c < 3; c++)
        for (int s = 0; s < 3; s++) {
            snprintf(prefix, sizeof prefix, "blocks.%d.mlp.fc%d", c, s);
            vit158_draft_sums(&draft, prefix, 4, 8, counts[c], scales[s], VIT158_DTYPE_F16);
        }
    vit158_draft_i8_rest(&draft, "head.weight", 2, matrix, scales[0], VIT158_DTYPE_F16);
    vit158_draft_i8_rest(&draft, "pos", 3, positions, scales[1], VIT158_DTYPE_F16);
    vit158_draft_i8_rest(&draft, "pos_embed", 3, positions, scales[2], VIT158_DTYPE_F16);
    vit158_draft_tensor(&draft, "nothing", VIT158_DTYPE_F32, 1, &none);
    const vit158_status status = vit158_draft_contents(&contents, &draft, error);
    assert_int_equal(vit158_draft_contents(&contents, &draft, NULL), status);
    if (status == VIT158_OK) {
        for (size_t i = 0; i < contents.tensor_count; i++)
            if (strcmp(contents.tensors[i].name, "blocks.0.mlp.fc0.scale") == 0)
                assert_int_equal(contents.tensors[i].dtype, VIT158_DTYPE_F16);
            else if (strcmp(contents.tensors[i].name, "blocks.0.mlp.fc1.scale") == 0 ||
                     strcmp(contents.tensors[i].name, "blocks.0.mlp.fc2.scale") == 0)
                assert_int_equal(contents.tensors[i].dtype, VIT158_DTYPE_F32);
            else
                assert_string_not_equal(contents.tensors[i].name, "blocks.0.mlp.fc0.rows");
    }
    vit158_draft_clear(&draft);
    return status;
}

static void test_drafts(void **state)
{
    (void)state;
    refuse_each("a draft", draft_all, NULL);
    static const float too_large[] = {INFINITY, -INFINITY, NAN, FLT_MAX};
    const uint64_t one = 1;
    for (int i = 0; i < 4; i++) {
        vit158_draft draft = vit158_draft_start(VIT158_DTYPE_BF16);
        vit158_draft_rest(&draft, "a", 1, &one, &too_large[i]);
        assert_int_equal(draft.failure.status, VIT158_E_VALUE);
        vit158_draft_clear(&draft);
    }
}

#define OUT "test_model_edges.tmp.safetensors"

static void test_contents_that_are_written(void **state)
{
    (void)state;
    static const float four[4] = {1, 2, 3, 4};
    const vit158_tensor_view twice[] = {{"a", VIT158_DTYPE_F32, 1, {4}, four},
                                        {"a", VIT158_DTYPE_F32, 1, {4}, four}};
    vit158_metadata_pair pair = {"k", "tab\tand\x1F"};
    vit158_contents contents = {twice, 1, &pair, 1};
    vit158_error error;
    assert_int_equal(vit158_safetensors_write(OUT, &contents, NULL, NULL, &error), VIT158_OK);
    vit158_safetensors *file;
    assert_int_equal(vit158_safetensors_open(&file, OUT, &error), VIT158_OK);
    assert_int_equal(vit158_safetensors_file_bytes(file), vit158_safetensors_bytes(&contents));
    assert_string_equal(vit158_header_metadata(vit158_safetensors_header(file), "k"), pair.value);
    vit158_safetensors_close(file);
    remove(OUT);
    contents.tensor_count = 2;
    assert_int_equal(vit158_safetensors_bytes(&contents), 0);
    assert_int_equal(vit158_safetensors_write(OUT, &contents, NULL, NULL, &error),
                     VIT158_E_ARGUMENT);
    char *much = malloc(VIT158_MAX_HEADER_BYTES + 1);
    memset(much, 'x', VIT158_MAX_HEADER_BYTES);
    much[VIT158_MAX_HEADER_BYTES] = 0;
    pair.value = much;
    contents.tensor_count = 1;
    assert_int_equal(vit158_safetensors_write(OUT, &contents, NULL, NULL, &error),
                     VIT158_E_ARGUMENT);
    assert_non_null(strstr(error.message, "cannot be written: a header of"));
    assert_int_not_equal(remove(OUT), 0);
    free(much);
}

/* ---- Models ---- */

static void test_encodings_that_mean_nothing(void **state)
{
    (void)state;
    const vit158_synth_options options = synth_small();
    file_bytes plain = synth_bytes(&options);
#define LONG "abcdefghijklmnopqrstabcdefghijklmnopqrstabcdefghijklmnopqrstabcdefghijklmnopqrst"
#define OF(text) "{\"blocks.0.attn.qkv.weight\":{\"type\":" text ",\"n_in\":10,\"n_out\":30}}"
    static const struct {
        const char *json, *words;
    } cases[] = {{OF("\"" LONG LONG LONG LONG LONG LONG "\""), "unknown type"},
                 {OF("7"), "a string is expected"},
                 {"{\"" LONG LONG LONG LONG LONG LONG "\":{}}", "is not a matrix of this file"},
                 {"{\"head.weight\":{\"type\":\"trit\",\"n_in\":10,\"n_out\":3}}", "head.weight"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        file_parts *parts = parts_of(plain);
        parts_set(parts, "encodings", cases[i].json);
        if (i == 3) {
            const uint64_t codes = 9;
            parts_reshape(parts_tensor(parts, "head.weight"), "U8", 1, &codes, 0);
        }
        const file_bytes file = parts_build(parts);
        refusal_label = cases[i].json;
        expect_refused(file, VIT158_E_METADATA, cases[i].words);
        parts_free(parts);
    }
    file_parts *parts = parts_of(plain);
    parts_reshape(parts_tensor(parts, "norm.weight"), "F32", 0, NULL, 0);
    const file_bytes file = parts_build(parts);
    expect_refused(file, VIT158_E_TENSOR, "(1 elements, first dimension 0)");
    parts_free(parts);
    free(plain.data);
}

/* Opens it at once, and of unknown length in pieces of 100,000 bytes. */
static vit158_status open_both(void *context, vit158_error *error)
{
    const file_bytes *file = context;
    vit158_model *model = NULL;
    VIT158_RETURN_IF_ERROR(vit158_model_open(&model, file->data, file->n_bytes, error));
    vit158_model_close(model);
    vit158_loader *loader = NULL;
    vit158_status status = vit158_loader_create(&loader, 0, error);
    if (status == VIT158_OK)
        status = vit158_loader_set_metadata(loader, "{\"dataset\":\"none\"}", 18, error);
    for (size_t at = 0; status == VIT158_OK && at < file->n_bytes; at += 100000) {
        const size_t left = file->n_bytes - at;
        status = vit158_loader_push(loader, file->data + at, left < 100000 ? left : 100000, error);
    }
    if (status == VIT158_OK)
        status = vit158_loader_finish(loader, &model, error);
    vit158_loader_close(loader);
    if (status == VIT158_OK)
        vit158_model_close(model);
    return status;
}

/* A model's facts as JSON, in which these members stand. */
static void expect_facts(const file_bytes *file, const char *member, const char *none)
{
    vit158_model *model;
    vit158_error error;
    assert_int_equal(vit158_model_open(&model, file->data, file->n_bytes, &error), VIT158_OK);
    char *json = vit158_model_json(model, true, &error);
    assert_non_null(json);
    if (strstr(json, member) == NULL || (none != NULL && strstr(json, none) != NULL))
        fail_msg("%s, not %s: %.600s", member, none, json);
    free(json);
    vit158_model_close(model);
}

static void test_models_of_all_kinds(void **state)
{
    (void)state;
    vit158_synth_options options = synth_small();
    options.int8_rest = true;
    options.rows = 3;
    options.rest = VIT158_DTYPE_F16;
    file_bytes file = synth_bytes(&options);
    refuse_each("int8 and sums", open_both, &file);
    expect_facts(&file, "\"rows\":", NULL);
    free(file.data);
    options.encoding = VIT158_ENCODING_I8;
    options.rows = 0;
    vit158_variant variant = {.pooling = VIT158_POOLING_CLS,
                              .prefix_tokens = 1,
                              .activation = VIT158_ACTIVATION_GELU,
                              .final_norm = true,
                              .head_tokens = 1,
                              .inner_norms = VIT158_ALL_INNER_NORMS,
                              .headless = true};
    options.variant = &variant;
    file = synth_bytes(&options);
    expect_facts(&file, "\"matrices\":", "\"zeros\":");
    free(file.data);
    options = synth_small();
    options.encoding = VIT158_ENCODING_F32;
    options.inner_norms = false;
    options.dim = 160;
    options.mlp_dim = 640;
    file = synth_bytes(&options);
    refuse_each("large floats", open_both, &file);
    free(file.data);
}

static vit158_status make_int8_rest(void *context, vit158_error *error)
{
    vit158_synth_options options = synth_small();
    options.int8_rest = true;
    (void)context;
    const vit158_status status = vit158_synth_file(OUT, &options, NULL, error);
    assert_int_equal(remove(OUT) == 0, status == VIT158_OK);
    return status;
}

static void test_making_without_memory(void **state)
{
    (void)state;
    refuse_each("a random model", make_int8_rest, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_in_texts),
        cmocka_unit_test(test_escapes_and_whole_numbers),
        cmocka_unit_test(test_onnx_by_its_first_bytes),
        cmocka_unit_test(test_means_of_nothing),
        cmocka_unit_test(test_whose_version_a_header_says),
        cmocka_unit_test(test_metadata_that_are_added),
        cmocka_unit_test(test_drafts),
        cmocka_unit_test(test_contents_that_are_written),
        cmocka_unit_test(test_encodings_that_mean_nothing),
        cmocka_unit_test(test_models_of_all_kinds),
        cmocka_unit_test(test_making_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
