/* SPDX-License-Identifier: MIT
 *
 * Hostile tables of contents, as large as the limits allow and of names that differ only in their
 * last letters: what readers compare is bounded by the table's size times its logarithm. strcmp and
 * memcmp are wrapped and count the bytes that they look at, so no clock is needed.
 */
#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import/import.h"
#include "import/zip_read.h"
#include "model/header.h"
#include "unit/memory_files.h"

/* Bytes compared for each byte of a table: two comparisons for each of the 14 levels of a heap of
 * 16,384 names, and as many to look every name up. */
#define MOST_FOR_A_BYTE 56U
#define TEXT_BYTES VIT158_MAX_HEADER_BYTES

static uint64_t compared;

int __real_strcmp(const char *a, const char *b);
int __real_memcmp(const void *a, const void *b, size_t n_bytes);
int __wrap_strcmp(const char *a, const char *b);
int __wrap_memcmp(const void *a, const void *b, size_t n_bytes);

int __wrap_strcmp(const char *a, const char *b)
{
    size_t same = 0;
    while (a[same] != 0 && a[same] == b[same])
        same++;
    compared += same + 1;
    return (int)(unsigned char)a[same] - (int)(unsigned char)b[same];
}

int __wrap_memcmp(const void *a, const void *b, size_t n_bytes)
{
    const uint8_t *x = a;
    const uint8_t *y = b;
    size_t same = 0;
    while (same < n_bytes && x[same] == y[same])
        same++;
    compared += same + 1;
    return same < n_bytes ? (int)x[same] - (int)y[same] : 0;
}

typedef struct text {
    char *bytes;
    size_t used;
} text;

static text begin_text(void)
{
    text t = {malloc(TEXT_BYTES + 65536U), 0};
    assert_non_null(t.bytes);
    return t;
}

/* Puts `before`, a name of `length` letters that end in the number, and `after`. */
static void add_name(text *t, const char *before, size_t length, unsigned number, const char *after)
{
    t->used += (size_t)sprintf(t->bytes + t->used, "%s", before);
    memset(t->bytes + t->used, 'n', length - 5);
    t->used += length - 5;
    t->used += (size_t)sprintf(t->bytes + t->used, "%05u%s", number, after);
}

static void expect_linear(const char *what, size_t n_bytes)
{
    print_message("%s: %llu bytes, %.1f compared for each\n", what, (unsigned long long)n_bytes,
                  (double)compared / (double)n_bytes);
    assert_true(n_bytes > TEXT_BYTES / 2);
    assert_true(compared < (uint64_t)MOST_FOR_A_BYTE * n_bytes);
    compared = 0;
}

static void parse(const char *what, text *t)
{
    vit158_header header;
    assert_true(t->used <= VIT158_MAX_HEADER_BYTES);
    compared = 0;
    assert_int_equal(vit158_header_parse(&header, t->bytes, t->used, NULL), VIT158_OK);
    expect_linear(what, t->used);
    vit158_header_clear(&header);
    free(t->bytes);
}

static void test_metadata_keys(void **state)
{
    (void)state;
    text t = begin_text();
    for (unsigned i = 0; i < VIT158_MAX_METADATA; i++)
        add_name(&t, i == 0 ? "{\"__metadata__\":{\"" : ",\"", 16000, i, "\":\"\"");
    t.used += (size_t)sprintf(t.bytes + t.used, "}}");
    parse("metadata", &t);
}

static void test_metadata_keys_that_are_equal(void **state)
{
    (void)state;
    vit158_header header;
    vit158_error error;
    text t = begin_text();
    for (unsigned i = 0; i < VIT158_MAX_METADATA; i++)
        add_name(&t, i == 0 ? "{\"__metadata__\":{\"" : ",\"", 16000,
                 i + 1 < VIT158_MAX_METADATA ? i : 7, "\":\"\"");
    t.used += (size_t)sprintf(t.bytes + t.used, "}}");
    assert_int_equal(vit158_header_parse(&header, t.bytes, t.used, &error), VIT158_E_JSON);
    assert_non_null(strstr(error.message, "header: metadata nnn"));
    free(t.bytes);
}

#define ENTRY "\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}"

static text tensor_names(void)
{
    text t = begin_text();
    for (unsigned i = 0; i < VIT158_MAX_TENSORS; i++)
        add_name(&t, i == 0 ? "{\"" : ",\"", 450, i * 5 % VIT158_MAX_TENSORS, ENTRY);
    t.used += (size_t)sprintf(t.bytes + t.used, "}");
    return t;
}

static void test_tensor_names(void **state)
{
    (void)state;
    text t = tensor_names();
    parse("tensors", &t);
}

/* The index lists the shard's tensors the other way round. */
static void test_index(void **state)
{
    (void)state;
    text names = tensor_names();
    text index = begin_text();
    for (unsigned i = VIT158_MAX_TENSORS; i-- > 0;)
        add_name(&index, i + 1 == VIT158_MAX_TENSORS ? "{\"weight_map\":{\"" : ",\"", 450,
                 i * 3 % VIT158_MAX_TENSORS, "\":\"a\"");
    index.used += (size_t)sprintf(index.bytes + index.used, "}}");
    char *shard = malloc(names.used + 8);
    assert_non_null(shard);
    for (unsigned i = 0; i < 8; i++)
        shard[i] = (char)((uint64_t)names.used >> 8 * i);
    memcpy(shard + 8, names.bytes, names.used);
    memory_files all = {{{"m.index.json", index.bytes, index.used}, {"a", shard, names.used + 8}},
                        2};
    const vit158_import_files files = memory_source(&all);
    const vit158_import_options options = {.file = "m.index.json"};
    vit158_draft draft;
    vit158_import_report report;
    vit158_error error;
    compared = 0;
    /* Every name is found in its shard; then none is a part of a model. */
    assert_int_equal(vit158_import_run(&draft, &report, &files, &options, &error), VIT158_E_TENSOR);
    assert_null(strstr(error.message, "is not in"));
    expect_linear("index and shard", names.used + index.used);
    vit158_draft_clear(&draft);
    free(shard);
    free(names.bytes);
    free(index.bytes);
}

static void put_number(char *at, uint32_t value, unsigned n_bytes)
{
    for (unsigned i = 0; i < n_bytes; i++)
        at[i] = (char)(value >> 8 * i);
}

/* An archive's table of contents of that many entries, each of no bytes. */
static void test_archive_names(void **state)
{
    (void)state;
    enum { COUNT = 16383, LENGTH = 200, RECORD = 46, END = 22 };
    text t = begin_text();
    char name[LENGTH + 1];
    for (unsigned i = 0; i < COUNT; i++) {
        memset(t.bytes + t.used, 0, RECORD);
        put_number(t.bytes + t.used, 0x02014B50U, 4);
        put_number(t.bytes + t.used + 28, LENGTH, 2);
        t.used += RECORD;
        add_name(&t, "", LENGTH, i * 7 % COUNT, "");
    }
    const size_t table = t.used;
    memset(t.bytes + t.used, 0, END);
    put_number(t.bytes + t.used, 0x06054B50U, 4);
    put_number(t.bytes + t.used + 8, COUNT, 2);
    put_number(t.bytes + t.used + 10, COUNT, 2);
    put_number(t.bytes + t.used + 12, (uint32_t)table, 4);
    memory_files all = {{{"a.zip", t.bytes, t.used + END}}, 1};
    const vit158_import_files files = memory_source(&all);
    vit158_zip zip;
    compared = 0;
    assert_int_equal(vit158_zip_open(&zip, &files, "a.zip", NULL), VIT158_OK);
    for (unsigned i = 0; i < COUNT; i++) {
        memset(name, 'n', LENGTH - 5);
        sprintf(name + LENGTH - 5, "%05u", i);
        assert_non_null(vit158_zip_find(&zip, name, LENGTH - 8, name + LENGTH - 8, 8));
    }
    assert_null(vit158_zip_find(&zip, name, LENGTH - 8, "n16383.", 8));
    assert_null(vit158_zip_find(&zip, name, LENGTH, "x", 1));
    assert_null(vit158_zip_find(&zip, name, LENGTH - 8, name + LENGTH - 8, 7));
    expect_linear("archive", table);
    vit158_zip_clear(&zip);
    free(t.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metadata_keys), cmocka_unit_test(test_metadata_keys_that_are_equal),
        cmocka_unit_test(test_tensor_names),  cmocka_unit_test(test_index),
        cmocka_unit_test(test_archive_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
