/* SPDX-License-Identifier: MIT
 *
 * PyTorch archives put together from parts: pickles of one tensor with every way of writing its
 * numbers and with one part wrong, and ZIP tables with entries of all kinds.
 */
#include "unit/test.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import/import.h"
#include "import/pickle_read.h"
#include "unit/memory_files.h"

typedef struct part {
    const char *bytes;
    size_t n_bytes;
} part;

#define PART(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

typedef struct buffer {
    uint8_t bytes[8192];
    size_t n_bytes;
} buffer;

static void put(buffer *to, const void *bytes, size_t n_bytes)
{
    assert_true(to->n_bytes + n_bytes <= sizeof to->bytes);
    if (n_bytes > 0)
        memcpy(to->bytes + to->n_bytes, bytes, n_bytes);
    to->n_bytes += n_bytes;
}

static void put_number(buffer *to, uint32_t value, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++)
        put(to, &(uint8_t){(uint8_t)(value >> (8 * i))}, 1);
}

/* ---- Pickles ---- */

#define STORAGE(type, key) "(X\7\0\0\0storagectorch\n" type "\n" key "X\3\0\0\0cpuK\6tQ"
#define FLOATS                                                                                     \
    STORAGE("FloatStorage", "X\1\0\0\0"                                                            \
                            "0")

/* A dictionary of the tensor "a": what is empty is as it should be. */
typedef struct pickle_parts {
    part before; /* "}" */
    part key;
    part storage, first, shape, strides;
    part after; /* "s.", adding and the end */
} pickle_parts;

static void write_pickle(buffer *to, const pickle_parts *given)
{
    static const pickle_parts right = {PART("\x80\x02}"), PART("X\1\0\0\0a"), PART(FLOATS),
                                       PART("K\0"),       PART("K\2K\3\x86"), PART("K\3K\1\x86"),
                                       PART("s.")};
#define PUT(field)                                                                                 \
    put(to, given->field.bytes != NULL ? given->field.bytes : right.field.bytes,                   \
        given->field.bytes != NULL ? given->field.n_bytes : right.field.n_bytes)
    PUT(before);
    PUT(key);
    put(to, "ctorch._utils\n_rebuild_tensor_v2\n(", 34);
    PUT(storage);
    PUT(first);
    PUT(shape);
    PUT(strides);
    put(to, "\x89}tR", 4);
    PUT(after);
}

/* All these are the tensor a of 2 x 3 floats. */
static void test_ways_to_write_a_tensor(void **state)
{
    (void)state;
    static const pickle_parts cases[] = {
        {.first = PART("K\0")},
        {.first = PART("M\0\0")},
        {.first = PART("J\0\0\0\0")},
        {.first = PART("\x8a\0")},
        {.first = PART("\x8a\1\0")},
        {.first = PART("\x8a\3\0\0\0"), .shape = PART("\x8a\1\2\x8a\x08\3\0\0\0\0\0\0\0\x86")},
        {.shape = PART("(K\2K\3t"), .strides = PART("(M\3\0J\1\0\0\0t")},
        {.shape = PART("K\2q\1K\3r\2\0\0\0\x86"), .strides = PART("j\2\0\0\0K\1\x86")},
        {.shape = PART("K\2\x94K\3\x94\x86"), .strides = PART("h\1K\1\x86")},
        {.key = PART("\x8c\1a"), .before = PART("\x80\x04\x95\0\0\0\0\0\0\0\0}")},
        {.before = PART("}("), .after = PART("u.")},
        {.before = PART("ccollections\nOrderedDict\n)R"),
         .after = PART("s}X\1\0\0\0bK\1sb.")}, /* attributes of the dictionary */
        {.before = PART("\x8c\x0b"
                        "collections\x8c\x0bOrderedDict\x93)R")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buffer bytes = {.n_bytes = 0};
        vit158_pickle pickle;
        vit158_error error = {VIT158_OK, ""};
        write_pickle(&bytes, &cases[i]);
        if (vit158_pickle_read(&pickle, bytes.bytes, bytes.n_bytes, &error) != VIT158_OK)
            fail_msg("case %zu: %s", i, error.message);
        assert_int_equal(pickle.count, 1);
        const vit158_pickle_tensor *t = &pickle.tensors[0];
        assert_true(t->name.n_bytes == 1 && t->name.bytes[0] == 'a' && t->storage.n_bytes == 1);
        assert_true(t->dtype == VIT158_DTYPE_F32 && t->rank == 2 && t->n_elements == 6);
        assert_true(t->shape[0] == 2 && t->shape[1] == 3 && t->first == 0);
        assert_string_equal(pickle.inside, "");
        vit158_pickle_clear(&pickle);
    }
}

static void test_dictionaries_of_dictionaries(void **state)
{
    (void)state;
    static const struct {
        part before, after;
        const char *inside;
    } cases[] = {
        {PART("}X\5\0\0\0model}"), PART("ss."), "model"},
        {PART("}X\5\0\0\0epochK\7sX\12\0\0\0state_dict}"), PART("ss."), "state_dict"},
        {PART("}K\1K\2sX\3\0\0\0net}"), PART("ss."), "net"},
        {PART("}X\5\0\0\0modelK\1sX\6\0\0\0module}"), PART("ss."), "module"},
        {PART("}X\5\0\0\0model}sX\3\0\0\0net}"), PART("ss."), "net"},
        {PART("}X\3\0\0\0ema}"), PART("ss."), NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buffer bytes = {.n_bytes = 0};
        vit158_pickle pickle;
        vit158_error error = {VIT158_OK, ""};
        write_pickle(&bytes, &(pickle_parts){.before = cases[i].before, .after = cases[i].after});
        const vit158_status status =
            vit158_pickle_read(&pickle, bytes.bytes, bytes.n_bytes, &error);
        if (status != (cases[i].inside != NULL ? VIT158_OK : VIT158_E_UNSUPPORTED))
            fail_msg("case %zu: %s", i, error.message);
        if (cases[i].inside != NULL) {
            assert_string_equal(pickle.inside, cases[i].inside);
            vit158_pickle_clear(&pickle);
        }
    }
}

#define NOT_MADE "tensor a: not made as torch.save makes tensors"
#define LETTERS_100                                                                                \
    "abcdefghijklmnopqrstabcdefghijklmnopqrstabcdefghijklmnopqrst"                                 \
    "abcdefghijklmnopqrstabcdefghijklmnopqrst"
#define NAME_OF_100 "X\x64\0\0\0" LETTERS_100

/* clang-format off */
static const struct {
    pickle_parts parts;
    vit158_status status;
    const char *sentence;
} wrong[] = {
    {{.storage = PART("K\1")}, VIT158_E_UNSUPPORTED, NOT_MADE},
    {{.shape = PART("K\0K\3\x86"), .strides = PART("K\1K\1\x86")}, VIT158_E_UNSUPPORTED, "strided view"},
    {{.first = PART("J\xFF\xFF\xFF\xFF")}, VIT158_E_UNSUPPORTED, NOT_MADE},
    {{.first = PART("\x8a\1\xFF")}, VIT158_E_UNSUPPORTED, NOT_MADE},
    {{.first = PART("G\0\0\0\0\0\0\0\0")}, VIT158_E_UNSUPPORTED, NOT_MADE},
    {{.first = PART("N")}, VIT158_E_UNSUPPORTED, NOT_MADE},
    {{.shape = PART("]")}, VIT158_E_UNSUPPORTED, NOT_MADE},
    {{.shape = PART("](K\2K\3e")}, VIT158_E_UNSUPPORTED, NOT_MADE},
    {{.shape = PART("]K\2a")}, VIT158_E_UNSUPPORTED, NOT_MADE},
    {{.strides = PART("K\1")}, VIT158_E_UNSUPPORTED, NOT_MADE},
    {{.strides = PART("\x88")}, VIT158_E_UNSUPPORTED, NOT_MADE},
    {{.shape = PART("(K\1K\1K\1K\1K\1t")}, VIT158_E_UNSUPPORTED, "more than 4 dimensions"},
    {{.shape = PART("K\2N\x86")}, VIT158_E_UNSUPPORTED, "not made of whole numbers"},
    {{.shape = PART("K\2J\xFE\xFF\xFF\xFF\x86")}, VIT158_E_UNSUPPORTED, "whole numbers"},
    {{.shape = PART("J\xFF\xFF\xFF\x7FK\3\x86")}, VIT158_E_UNSUPPORTED, "its shape is too large"},
    {{.shape = PART("K\6\x85")}, VIT158_E_UNSUPPORTED, "strided view"},
    {{.strides = PART("K\1K\2\x86")}, VIT158_E_UNSUPPORTED, "strided view"},
    {{.strides = PART("NK\1\x86")}, VIT158_E_UNSUPPORTED, "strided view"},
    {{.key = PART("K\7")}, VIT158_E_UNSUPPORTED, ""},
    {{.key = PART(NAME_OF_100), .first = PART("N")}, VIT158_E_UNSUPPORTED, "klmnopqrst: not made"},
    {{.storage = PART("(K\1K\1K\1K\1tQ")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.storage = PART("(K\1K\1K\1K\1K\1tQ")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.storage = PART(STORAGE("FloatStorage", "K\1"))}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.storage = PART("K\1Q")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.storage = PART("Q")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.storage = PART(STORAGE("QInt8Storage", "K\1"))}, VIT158_E_UNSUPPORTED, "Python's torch.QInt8"},
    {{.before = PART("c" "abcdefghijklmnopqrstabcdefghijklmnopqrstabcdefghijklmnopqrstabcdef\nx\n")},
     VIT158_E_UNSUPPORTED, "qrst.x"},
    {{.before = PART("\x8c\1aK\1\x93")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("K\1\x8c\1a\x93")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("\x8c\1a\x93")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("\x93")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("c\xFF\nx\n")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("c" "a\n\xFF\n")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("}R")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("}}R")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("K\1)R")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("ccollections\nOrderedDict\nK\1\x85R")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("b")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("}b")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("]}b")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("}K\1b")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("(")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("(q\1")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("\x94")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("K\1r\xFF\xFF\xFF\x7F")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("\x85")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("(K\1\x86")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("K\1t")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("](a")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("}K\1(s")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("](K\1(e")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("a")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("K\1K\2K\3s")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("(K\2K\3s")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.before = PART("\x8a\x09\0\0\0\0\0\0\0\0\0")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.after = PART("\x8a\7")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.after = PART("G\0")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.after = PART("\x95\0")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.after = PART("\x80")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.after = PART("q")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.after = PART("h")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.after = PART("K")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.after = PART("cos")}, VIT158_E_FORMAT, "a damaged pickle"},
    {{.after = PART("I1\n.")}, VIT158_E_UNSUPPORTED, "opcode 73"},
};
/* clang-format on */

static void test_pickles_that_are_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        buffer bytes = {.n_bytes = 0};
        vit158_pickle pickle;
        vit158_error error = {VIT158_OK, ""};
        write_pickle(&bytes, &wrong[i].parts);
        const vit158_status status =
            vit158_pickle_read(&pickle, bytes.bytes, bytes.n_bytes, &error);
        if (status != wrong[i].status || strstr(error.message, wrong[i].sentence) == NULL)
            fail_msg("case %zu: %d %s", i, (int)status, error.message);
    }
    uint8_t *much = calloc(1, VIT158_PICKLE_MAX_BYTES + 1);
    vit158_pickle pickle;
    vit158_error error;
    assert_int_equal(vit158_pickle_read(&pickle, much, VIT158_PICKLE_MAX_BYTES + 1, &error),
                     VIT158_E_LIMIT);
    free(much);
}

static void test_tensors_of_too_few_arguments(void **state)
{
    (void)state;
    static const part arguments[] = {PART(""), PART(FLOATS), PART(FLOATS "K\0"),
                                     PART(FLOATS "K\0K\2\x85")};
    for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++) {
        buffer bytes = {.n_bytes = 0};
        vit158_pickle pickle;
        vit158_error error = {VIT158_OK, ""};
        put(&bytes, "}X\1\0\0\0actorch._utils\n_rebuild_tensor_v2\n(", 41);
        put(&bytes, arguments[i].bytes, arguments[i].n_bytes);
        put(&bytes, "tRs.", 4);
        assert_int_equal(vit158_pickle_read(&pickle, bytes.bytes, bytes.n_bytes, &error),
                         VIT158_E_UNSUPPORTED);
        assert_string_equal(error.message, NOT_MADE);
    }
}

/* ---- Archives ---- */

typedef struct zip_entry {
    part name, data;
    uint16_t flags, method;
    uint32_t more; /* bytes that its size is larger than its data */
} zip_entry;

typedef struct zip_end {
    uint16_t disk, more_entries;
    uint32_t table_bytes, offset; /* other values than the right ones, if not 0 */
    part comment;
} zip_end;

static void write_zip(buffer *to, const zip_entry *entries, size_t count, const zip_end *end)
{
    buffer table = {.n_bytes = 0};
    for (size_t i = 0; i < count; i++) {
        const zip_entry *e = &entries[i];
        const uint32_t size = (uint32_t)e->data.n_bytes, at = (uint32_t)to->n_bytes;
        for (int in_table = 0; in_table < 2; in_table++) {
            buffer *out = in_table ? &table : to;
            put(out, in_table ? "PK\1\2\24\0\24\0" : "PK\3\4\24\0", in_table ? 8 : 6);
            put_number(out, e->flags, 2);
            put_number(out, e->method, 2);
            put(out, "\0\0\0\0\0\0\0\0", 8); /* time, checksum */
            put_number(out, size, 4);
            put_number(out, size + e->more, 4);
            put_number(out, (uint32_t)e->name.n_bytes, 2);
            put(out, "\0\0\0\0\0\0\0\0\0\0\0\0", in_table ? 12 : 2); /* extra, comment, ... */
            if (in_table)
                put_number(out, at, 4);
            put(out, e->name.bytes, e->name.n_bytes);
        }
        put(to, e->data.bytes, e->data.n_bytes);
    }
    const uint32_t offset = (uint32_t)to->n_bytes;
    put(to, table.bytes, table.n_bytes);
    put(to, "PK\5\6", 4);
    put_number(to, end->disk, 2);
    put_number(to, 0, 2);
    put_number(to, (uint32_t)count + end->more_entries, 2);
    put_number(to, (uint32_t)count + end->more_entries, 2);
    put_number(to, end->table_bytes != 0 ? end->table_bytes : (uint32_t)table.n_bytes, 4);
    put_number(to, end->offset != 0 ? end->offset : offset, 4);
    put_number(to, (uint32_t)end->comment.n_bytes, 2);
    put(to, end->comment.bytes, end->comment.n_bytes);
}

/* Imports an archive, which is no model: the sentence says how far it came. */
static void expect(const zip_entry *entries, size_t count, const zip_end *end, const char *what,
                   vit158_status status, const char *sentence)
{
    buffer bytes = {.n_bytes = 0};
    write_zip(&bytes, entries, count, end);
    memory_files all = {.files = {{"file", bytes.bytes, bytes.n_bytes}}, .count = 1};
    const vit158_import_files files = memory_source(&all);
    vit158_draft draft;
    vit158_import_report report;
    vit158_error error = {VIT158_OK, ""};
    const vit158_status found = vit158_import_run(&draft, &report, &files,
                                                  &(vit158_import_options){.file = "file"}, &error);
    vit158_draft_clear(&draft);
    if (found != status || strstr(error.message, sentence) == NULL)
        fail_msg("%s: %d %s", what, (int)found, error.message);
}

#define TWENTY_FOUR "abcdefghijklmnopqrstuvwx"
#define OPENED VIT158_E_TENSOR, "tensor a is not known"

static void test_entries_of_archives(void **state)
{
    (void)state;
    static const char name_of_600[600] = "/data.pkl";
    buffer pickle = {.n_bytes = 0};
    write_pickle(&pickle, &(pickle_parts){.key = {NULL, 0}});
    const part pickled = {(const char *)pickle.bytes, pickle.n_bytes};
    const zip_entry right[] = {{.name = PART("x/data.pkl"), .data = pickled},
                               {.name = PART("x/data/0"), .data = PART(TWENTY_FOUR)}};
    const zip_end end = {0};
    expect(right, 2, &end, "as it should be", OPENED);
    expect(right, 2, &(zip_end){.comment = PART("PK says so")}, "a comment", OPENED);
    expect(right, 1, &end, "no data", VIT158_E_FORMAT, "the data of tensor a are not in it");
    expect(right + 1, 1, &end, "no pickle", VIT158_E_FORMAT, "it has no data.pkl");
    expect(right, 2, &(zip_end){.disk = 1}, "in parts", VIT158_E_UNSUPPORTED, "in parts");
    expect(right, 2, &(zip_end){.offset = UINT32_MAX}, "ZIP64", VIT158_E_UNSUPPORTED, "ZIP64");
    expect(right, 2, &(zip_end){.table_bytes = UINT32_MAX}, "ZIP64", VIT158_E_UNSUPPORTED, "ZIP64");
    expect(right, 2, &(zip_end){.more_entries = 0xFFFF - 2}, "ZIP64", VIT158_E_UNSUPPORTED,
           "ZIP64");
    expect(right, 2, &(zip_end){.more_entries = 0xF000}, "many", VIT158_E_LIMIT, "entries, above");
    expect(right, 2, &(zip_end){.table_bytes = 0xF0000000}, "a long table", VIT158_E_LIMIT,
           "entries, above");
    expect(right, 2, &(zip_end){.more_entries = 1}, "one more", VIT158_E_FORMAT, "a damaged ZIP");
    struct {
        zip_entry third;
        vit158_status status;
        const char *sentence;
    } cases[] = {
        {{.name = PART("x/byteorder"), .data = PART("little")}, OPENED},
        {{.name = PART("x/byteorder"), .data = PART("bigger")}, VIT158_E_UNSUPPORTED, "not little"},
        {{.name = PART("x/byteorder"), .data = PART("big")}, VIT158_E_UNSUPPORTED, "not little"},
        {{.name = PART("x/byteorder"), .data = PART("little"), .method = 8},
         VIT158_E_UNSUPPORTED,
         "x/byteorder is compressed"},
        {{.name = PART("y/data.pkl"), .data = PART("?")}, OPENED}, /* the first one counts */
        {{.name = PART("data.pkl"), .data = PART("?")}, OPENED},
        {{.name = PART("x_data.pkl"), .data = PART("?")}, OPENED},
        {{.name = {name_of_600, sizeof name_of_600}, .data = PART("?")}, OPENED},
        {{.name = PART("x/data/0"), .data = PART(TWENTY_FOUR)}, OPENED},
        {{.name = PART("x/data/00"), .data = PART("?")}, OPENED},
        {{.name = PART("x/d"), .data = PART("?")}, OPENED},
        {{.name = PART("x"), .data = PART("?")}, OPENED},
        {{.name = PART("x/version"), .flags = 1}, VIT158_E_UNSUPPORTED, "x/version is encrypted"},
        {{.name = PART("x/version"), .method = 9}, VIT158_E_UNSUPPORTED, "method 9"},
        {{.name = PART("x/version"), .more = 5}, VIT158_E_FORMAT, "a damaged ZIP table"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char what[32];
        snprintf(what, sizeof what, "third entry, case %zu", i);
        const zip_entry three[] = {right[0], right[1], cases[i].third};
        expect(three, 3, &end, what, cases[i].status, cases[i].sentence);
    }
    const zip_entry much[] = {right[0],
                              {.name = PART("x/data/0"), .data = PART("too little of it")}};
    expect(much, 2, &end, "short data", VIT158_E_TRUNCATED, "longer than its data");
    const zip_entry deflated[] = {{.name = PART("x/data.pkl"), .data = pickled, .method = 8},
                                  right[1]};
    expect(deflated, 2, &end, "a deflated pickle", VIT158_E_UNSUPPORTED, "is compressed");
    const zip_entry long_pickle[] = {
        {.name = PART("x/data.pkl"), .method = 8, .more = VIT158_PICKLE_MAX_BYTES + 1}, right[1]};
    expect(long_pickle, 2, &end, "a long pickle", VIT158_E_LIMIT, "a pickle of");

    static char name_of_1100[1100];
    memset(name_of_1100, 'f', sizeof name_of_1100);
    memcpy(name_of_1100 + 1091, "/data.pkl", 9);
    const zip_entry far_away[] = {{.name = {name_of_1100, 1100}, .data = pickled}, right[1]};
    expect(far_away, 2, &end, "a folder's name of 1,091 bytes", VIT158_E_FORMAT, "has no data.pkl");
    const zip_entry in_long_folder[] = {
        {.name = PART(LETTERS_100 "/data.pkl"), .data = pickled, .method = 8}, right[1]};
    expect(in_long_folder, 2, &end, "a long name", VIT158_E_UNSUPPORTED, "qrst is compressed");
    const zip_entry two[] = {{.name = PART("y/data.pkl"), .data = PART("?")}, right[0], right[1]};
    expect(two, 3, &end, "the table's first, not the alphabet's", VIT158_E_UNSUPPORTED,
           "opcode 63");

    buffer far = {.n_bytes = 0};
    write_pickle(&far, &(pickle_parts){.first = PART("K\1")});
    const zip_entry shifted[] = {
        {.name = PART("x/data.pkl"), .data = {(const char *)far.bytes, far.n_bytes}}, right[1]};
    expect(shifted, 2, &end, "begins late", VIT158_E_TRUNCATED, "longer than its data");
    buffer farther = {.n_bytes = 0};
    write_pickle(&farther, &(pickle_parts){.first = PART("K\7")});
    const zip_entry behind[] = {
        {.name = PART("x/data.pkl"), .data = {(const char *)farther.bytes, farther.n_bytes}},
        right[1]};
    expect(behind, 2, &end, "begins behind", VIT158_E_TRUNCATED, "longer than its data");
    buffer named = {.n_bytes = 0};
    write_pickle(&named, &(pickle_parts){.storage = PART(STORAGE("FloatStorage", NAME_OF_100))});
    const zip_entry unnamed[] = {
        {.name = PART("x/data.pkl"), .data = {(const char *)named.bytes, named.n_bytes}}, right[1]};
    expect(unnamed, 2, &end, "a long key", VIT158_E_FORMAT, "are not in it");
}

/* A source whose reads end after so many. */
typedef struct short_source {
    memory_files all;
    long reads, at_most;
} short_source;

static uint64_t short_size(void *context, const char *name)
{
    return memory_size(&((short_source *)context)->all, name);
}

static bool short_read(void *context, const char *name, uint64_t offset, void *out, size_t n_bytes)
{
    short_source *s = context;
    return s->reads++ < s->at_most && memory_read(&s->all, name, offset, out, n_bytes);
}

static void test_reads_that_fail(void **state)
{
    (void)state;
    buffer pickle = {.n_bytes = 0}, bytes = {.n_bytes = 0};
    write_pickle(&pickle, &(pickle_parts){.key = {NULL, 0}});
    const zip_entry entries[] = {
        {.name = PART("x/data.pkl"), .data = {(const char *)pickle.bytes, pickle.n_bytes}},
        {.name = PART("x/byteorder"), .data = PART("little")},
        {.name = PART("x/data/0"), .data = PART(TWENTY_FOUR)}};
    write_zip(&bytes, entries, 3, &(zip_end){0});
    for (long at_most = 0;; at_most++) {
        short_source source = {
            {.files = {{"file", bytes.bytes, bytes.n_bytes}}, .count = 1}, 0, at_most};
        const vit158_import_files files = {&source, short_size, short_read};
        vit158_draft draft;
        vit158_import_report report;
        vit158_error error = {VIT158_OK, ""};
        const vit158_status status = vit158_import_run(
            &draft, &report, &files, &(vit158_import_options){.file = "file"}, &error);
        vit158_draft_clear(&draft);
        if (source.reads <= at_most) {
            assert_int_equal(status, VIT158_E_TENSOR); /* opened, and no model */
            assert_int_equal(at_most, 8);
            break;
        }
        assert_int_equal(status, VIT158_E_IO);
        assert_string_equal(error.message, "file cannot be read");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ways_to_write_a_tensor),
        cmocka_unit_test(test_dictionaries_of_dictionaries),
        cmocka_unit_test(test_pickles_that_are_wrong),
        cmocka_unit_test(test_tensors_of_too_few_arguments),
        cmocka_unit_test(test_reads_that_fail),
        cmocka_unit_test(test_entries_of_archives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
