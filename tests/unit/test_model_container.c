/* SPDX-License-Identifier: MIT
 *
 * Malformed model files, part one: the container. Every rule of FORMAT.md's first two sections
 * broken once, each with its exact error code.
 */
#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/model_parts.h"

static file_bytes good; /* a valid file */

static int make_good(void **state)
{
    (void)state;
    const vit158_synth_options options = synth_small();
    good = synth_bytes(&options);
    return 0;
}

static int drop_good(void **state)
{
    (void)state;
    free(good.data);
    return 0;
}

static file_bytes copy_of(const uint8_t *bytes, size_t n_bytes)
{
    file_bytes copy = {malloc(n_bytes + 1), n_bytes};
    assert_non_null(copy.data);
    memcpy(copy.data, bytes, n_bytes);
    return copy;
}

/* ---- Prefix and length ---- */

static file_bytes with_length(uint64_t length)
{
    file_bytes file = copy_of(good.data, good.n_bytes);
    for (int i = 0; i < 8; i++)
        file.data[i] = (uint8_t)(length >> 8 * i);
    return file;
}

static void test_prefix(void **state)
{
    (void)state;
    expect_refused(copy_of(good.data, 0), VIT158_E_TRUNCATED, "after 0 bytes");
    expect_refused(copy_of(good.data, 5), VIT158_E_TRUNCATED, "header");
    expect_refused(copy_of(good.data, 8), VIT158_E_TRUNCATED, "header");
    expect_refused(with_length(0), VIT158_E_FORMAT, "0 bytes");
    expect_refused(with_length(1), VIT158_E_FORMAT, "1 bytes");
    expect_refused(with_length((4U << 20) + 1), VIT158_E_LIMIT, "4194305 bytes");
    expect_refused(with_length(UINT64_MAX), VIT158_E_LIMIT, "18446744073709551615");
    expect_refused(with_length(good.n_bytes), VIT158_E_TRUNCATED, "header");
    expect_refused(copy_of((const uint8_t *)"\xFF\xD8\xFF\xE0\0\x10JFIF", 10), VIT158_E_FORMAT,
                   "not a model file");
    expect_refused(copy_of((const uint8_t *)"<!DOCTYPE html>", 15), VIT158_E_FORMAT,
                   "not a model file");
    /* A header of the largest allowed size is looked at. */
    file_bytes large = copy_of(good.data, good.n_bytes);
    uint8_t *json = malloc(4U << 20);
    assert_non_null(json);
    memset(json, ' ', 4U << 20);
    memcpy(json, good.data + 8, header_length(good));
    const file_bytes padded = header_set(large, json, 4U << 20);
    vit158_model *model = NULL;
    assert_int_equal(vit158_model_open(&model, padded.data, padded.n_bytes, NULL), VIT158_OK);
    vit158_model_close(model);
    free(json);
    free(large.data);
    free(padded.data);
}

static void test_truncation_at_every_97th_byte(void **state)
{
    (void)state;
    unsigned cuts = 0;
    for (size_t n_bytes = 0; n_bytes < good.n_bytes; n_bytes += 97, cuts++)
        expect_refused(copy_of(good.data, n_bytes), VIT158_E_TRUNCATED, "");
    assert_true(cuts > 100);
    expect_refused(copy_of(good.data, good.n_bytes - 1), VIT158_E_TRUNCATED, "");
}

static void test_bytes_after_the_end(void **state)
{
    (void)state;
    file_bytes longer = copy_of(good.data, good.n_bytes);
    longer.data[longer.n_bytes++] = 0;
    expect_refused(longer, VIT158_E_FORMAT, "");
}

static void test_known_length_is_checked_with_the_header(void **state)
{
    (void)state;
    const size_t header = 8 + header_length(good);
    for (int longer = 0; longer < 2; longer++) {
        vit158_loader *loader = NULL;
        vit158_error error;
        const uint64_t claim = longer ? good.n_bytes + 1 : good.n_bytes - 1;
        assert_int_equal(vit158_loader_create(&loader, claim, &error), VIT158_OK);
        assert_int_equal(vit158_loader_push(loader, good.data, header, &error),
                         longer ? VIT158_E_FORMAT : VIT158_E_TRUNCATED);
        vit158_loader_close(loader);
    }
}

/* ---- JSON ---- */

#define CLS_ENTRY "\"cls_token\":{\"dtype\":\"F32\",\"shape\":[1,1,10],\"data_offsets\":[0,40]}"

typedef struct edit {
    const char *old;
    const char *new_text;
    vit158_status status;
    const char *message;
} edit;

static void try_edits(const edit *edits, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        refusal_label = edits[i].new_text;
        expect_refused(header_replace(good, edits[i].old, edits[i].new_text), edits[i].status,
                       edits[i].message);
    }
    refusal_label = "";
}
#define TRY(edits) try_edits(edits, sizeof(edits) / sizeof((edits)[0]))

static void test_json(void **state)
{
    (void)state;
    static const edit edits[] = {
        {"\"cls_token\":", "\"cls_token\"", VIT158_E_JSON, "colon"},
        {"[1,1,10]", "[1,1,10,]", VIT158_E_JSON, "comma"},
        {"[1,1,10]", "[1 1,10]", VIT158_E_JSON, "comma"},
        {"[1,1,10]", "[1,1,10}", VIT158_E_JSON, "comma"},
        {"[1,1,10]", "[[1,1,10]]", VIT158_E_JSON, "whole number"},
        {"[1,1,10]", "[1,1,010]", VIT158_E_JSON, "leading zero"},
        {"[1,1,10]", "[1,-1,10]", VIT158_E_JSON, "whole number"},
        {"[1,1,10]", "[1,1.0,10]", VIT158_E_JSON, "not whole"},
        {"[1,1,10]", "[1,1,1e1]", VIT158_E_JSON, "not whole"},
        {"[1,1,10]", "[1,1,\"10\"]", VIT158_E_JSON, "whole number"},
        {"[1,1,10]", "10", VIT158_E_JSON, "array"},
        {"[1,1,10]", "null", VIT158_E_JSON, "array"},
        {"[0,40]", "[0,99999999999999999999]", VIT158_E_JSON, "2^64"},
        {"[0,40]", "[0]", VIT158_E_JSON, "without two"},
        {"[0,40]", "[0,40,40]", VIT158_E_JSON, "more than two"},
        {"\"F32\"", "F32", VIT158_E_JSON, "string"},
        {"\"F32\"", "tru", VIT158_E_JSON, "string"},
        {CLS_ENTRY, CLS_ENTRY ",", VIT158_E_JSON, "string"},
        {CLS_ENTRY, CLS_ENTRY " " CLS_ENTRY, VIT158_E_JSON, "comma"},
        {CLS_ENTRY, "\"cls_token\":[]", VIT158_E_JSON, "object"},
        {CLS_ENTRY, "\"cls_token\":3", VIT158_E_JSON, "object"},
        {"{\"__metadata__\":{", "{\"__metadata__\":[", VIT158_E_JSON, "object"},
        {"\"trained\":\"false\"", "\"trained\":false", VIT158_E_JSON, "string"},
        {"\"trained\":\"false\"", "\"trained\":\"fal\\qse\"", VIT158_E_JSON, "escape"},
        {"\"trained\":\"false\"", "\"trained\":\"\\ud800\"", VIT158_E_JSON, "escape"},
        {"\"trained\":\"false\"", "\"trained\":\"\\u0000\"", VIT158_E_JSON, "escape"},
        {"\"trained\":\"false\"", "\"trained\":\"\n\"", VIT158_E_JSON, "control"},
        {"\"trained\":\"false\"", "\"trained\":\"\xC0\x80\"", VIT158_E_JSON, "UTF-8"},
        {"\"trained\":\"false\"", "\"trained\":\"\xFF\"", VIT158_E_JSON, "UTF-8"},
        {"\"cls_token\"", "\"cls_token\xE2\x82\"", VIT158_E_JSON, "UTF-8"},
    };
    TRY(edits);
}

static void test_json_must_fill_the_header(void **state)
{
    (void)state;
    const size_t length = header_length(good);
    char *json = malloc(length + 64);
    assert_non_null(json);
    memcpy(json, good.data + 8, length);
    memcpy(json + length, "x", 1);
    expect_refused(header_set(good, json, length + 1), VIT158_E_JSON, "after the end");
    memcpy(json + length, "{}", 2);
    expect_refused(header_set(good, json, length + 2), VIT158_E_JSON, "after the end");
    memcpy(json + length, "\0", 1);
    expect_refused(header_set(good, json, length + 1), VIT158_E_JSON, "after the end");
    size_t end = length;
    while (json[end - 1] == ' ')
        end--;
    expect_refused(header_set(good, json, end - 1), VIT158_E_JSON, "");
    expect_refused(header_set(good, "{ ", 2), VIT158_E_JSON, "string");
    memset(json, '[', length);
    json[0] = '{';
    expect_refused(header_set(good, json, length), VIT158_E_JSON, "string");
    free(json);
}

static void test_duplicates(void **state)
{
    (void)state;
    static const edit edits[] = {
        {CLS_ENTRY, CLS_ENTRY "," CLS_ENTRY, VIT158_E_JSON, "cls_token occurs twice"},
        {CLS_ENTRY,
         CLS_ENTRY ",\"cls\\u005ftoken\":{\"dtype\":\"F32\",\"shape\":[0],"
                   "\"data_offsets\":[0,0]}",
         VIT158_E_JSON, "cls_token occurs twice"},
        {CLS_ENTRY, "\"__metadata__\":{}," CLS_ENTRY, VIT158_E_JSON, "__metadata__ occurs twice"},
        {"\"dim\":\"10\"", "\"dim\":\"10\",\"dim\":\"10\"", VIT158_E_JSON, "dim occurs twice"},
        {"\"dim\":\"10\"", "\"dim\":\"10\",\"d\\u0069m\":\"10\"", VIT158_E_JSON,
         "dim occurs twice"},
        {"\"dtype\":\"F32\"", "\"dtype\":\"F32\",\"dtype\":\"F32\"", VIT158_E_JSON, "repeated"},
        {"\"dtype\":\"F32\"", "\"dtype\":\"F32\",\"strides\":[1]", VIT158_E_JSON, "unknown member"},
        {"\"dtype\":\"F32\",", "", VIT158_E_JSON, "lacks"},
    };
    TRY(edits);
}

/* ---- Tensor entries ---- */

static void test_tensor_entries(void **state)
{
    (void)state;
    static const edit edits[] = {
        {"\"dtype\":\"F32\"", "\"dtype\":\"F64\"", VIT158_E_UNSUPPORTED, "F64"},
        {"\"dtype\":\"F32\"", "\"dtype\":\"f32\"", VIT158_E_UNSUPPORTED, "f32"},
        {"[1,1,10]", "[1,1,1,1,10]", VIT158_E_LIMIT, "dimensions"},
        {"[1,1,10]", "[4294967296,4294967296,10]", VIT158_E_TENSOR, "overflows"},
        {"[1,1,10]", "[4611686018427387904,1,4]", VIT158_E_TENSOR, "overflows"},
        {"[1,1,10]", "[4611686018427387904,1,1]", VIT158_E_TENSOR, "do not fill"},
        {"[1,1,10]", "[1,1,11]", VIT158_E_TENSOR, "do not fill"},
        {"[1,1,10]", "[1,1,0]", VIT158_E_TENSOR, "do not fill"},
        {"[0,40]", "[40,0]", VIT158_E_TENSOR, "before it begins"},
        {"[40,440]", "[36,436]", VIT158_E_TENSOR, "inside another"},
        {"[0,40]", "[18446744073709551575,18446744073709551615]", VIT158_E_TENSOR, "hole"},
        {CLS_ENTRY ",", "", VIT158_E_TENSOR, "hole"},
    };
    TRY(edits);
}

/* The same tensors, all moved by four bytes, with those bytes in the file: a hole at the start. */
static void test_a_hole_at_the_start(void **state)
{
    (void)state;
    file_parts *parts = parts_of(good);
    const uint64_t four = 4;
    file_tensor *spare = parts_add(parts, "spare", "U8", 1, &four, 0);
    const file_tensor moved = *spare;
    memmove(parts->tensors + 1, parts->tensors, (parts->tensor_count - 1) * sizeof moved);
    parts->tensors[0] = moved;
    const file_bytes spared = parts_build(parts);
    expect_refused(
        header_replace(spared, "\"spare\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},",
                       ""),
        VIT158_E_TENSOR, "hole");
    free(spared.data);
    parts_free(parts);
}

/* ---- Counts ---- */

/* `count` members made by `format` with their index, then `tail`. */
static file_bytes many(const char *head, const char *format, unsigned count, const char *tail)
{
    const size_t capacity = strlen(head) + (strlen(format) + 16) * count + strlen(tail) + 1;
    char *json = malloc(capacity);
    assert_non_null(json);
    size_t length = (size_t)sprintf(json, "%s", head);
    for (unsigned i = 0; i < count; i++) {
        length += (size_t)sprintf(json + length, "%s", i > 0 ? "," : "");
        length += (size_t)sprintf(json + length, format, i);
    }
    length += (size_t)sprintf(json + length, "%s", tail);
    const file_bytes file = header_set(good, json, length);
    free(json);
    return file;
}

static void test_counts_are_limited(void **state)
{
    (void)state;
    static const char empty[] = "\"t%u\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}";
    expect_refused(many("{", empty, 8192, "}"), VIT158_E_TENSOR, "unknown tensor t");
    expect_refused(many("{", empty, 8193, "}"), VIT158_E_LIMIT, "8192 tensors");
    static const char pair[] = "\"k%u\":\"\"";
    expect_refused(many("{\"__metadata__\":{", pair, 256, "}}"), VIT158_E_TENSOR, "block 0");
    expect_refused(many("{\"__metadata__\":{", pair, 257, "}}"), VIT158_E_LIMIT, "256 metadata");
    expect_refused(header_set(good, "{}", 2), VIT158_E_TENSOR, "block 0");
}

/* ---- Damage anywhere in the header ---- */

static void test_every_flipped_header_byte(void **state)
{
    (void)state;
    static const uint8_t flips[] = {0x01, 0x04, 0x20, 0x80};
    const size_t end = 8 + header_length(good);
    uint8_t *bytes = malloc(good.n_bytes);
    assert_non_null(bytes);
    memcpy(bytes, good.data, good.n_bytes);
    unsigned refused = 0;
    for (size_t i = 0; i < end; i++) {
        for (size_t k = 0; k < sizeof flips; k++) {
            bytes[i] ^= flips[k];
            vit158_model *model = NULL;
            vit158_error error = {0};
            const vit158_status status = vit158_model_open(&model, bytes, good.n_bytes, &error);
            assert_int_equal(status == VIT158_OK, model != NULL);
            assert_int_equal(status == VIT158_OK, error.message[0] == 0);
            refused += status != VIT158_OK;
            vit158_model_close(model);
            bytes[i] ^= flips[k];
        }
    }
    free(bytes);
    assert_true(refused > 3 * end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_truncation_at_every_97th_byte),
        cmocka_unit_test(test_bytes_after_the_end),
        cmocka_unit_test(test_known_length_is_checked_with_the_header),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_must_fill_the_header),
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_tensor_entries),
        cmocka_unit_test(test_a_hole_at_the_start),
        cmocka_unit_test(test_counts_are_limited),
        cmocka_unit_test(test_every_flipped_header_byte),
    };
    return cmocka_run_group_tests(tests, make_good, drop_good);
}
