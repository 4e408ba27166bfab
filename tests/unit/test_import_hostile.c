/* SPDX-License-Identifier: MIT
 *
 * Sources with anything changed: texts cut anywhere, every value in them another one, every byte of
 * headers, tables and pickles another one, every allocation refused. The result is a whole model or
 * one error with a sentence, and nothing is lost.
 */
#include "unit/test.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import/import.h"
#include "unit/memory_files.h"
#include "unit/read_file.h"
#include "unit/refused_memory.h"
#include "unit/thorough.h"

#define DATA VIT158_TEST_DATA "/import/"

/* A source: a folder's files, or one file. */
typedef struct source {
    const char *folder; /* of tests/data/import, "" for a file in it */
    const char *names[7];
} source;

static const source sources[] = {
    {"hf4", {"config.json", "preprocessor_config.json", "model.safetensors"}},
    {"timm", {"config.json", "model.safetensors"}},
    {"timm-wrapper", {"config.json", "model.safetensors"}},
    {"hf4-sharded",
     {"model.safetensors.index.json", "config.json", "preprocessor_config.json",
      "model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors",
      "model-00003-of-00003.safetensors"}},
    {"hf4-bin", {"config.json", "preprocessor_config.json", "pytorch_model.bin"}},
    {"", {"state-dict-module.pth"}},
    {"", {"torchvision.safetensors"}},
};
#define INDEX 3 /* the source with one */
#define SOURCES (sizeof sources / sizeof *sources)

static void load(memory_files *all, const source *of)
{
    all->count = 0;
    for (; of->names[all->count] != NULL; all->count++) {
        char path[512];
        memory_file *file = &all->files[all->count];
        snprintf(path, sizeof path, DATA "%s%s%s", of->folder, of->folder[0] != 0 ? "/" : "",
                 of->names[all->count]);
        file->name = of->names[all->count];
        file->bytes = test_read_file(path, &file->n_bytes);
        if (file->bytes == NULL)
            fail_msg("%s is missing", path);
    }
}

static void release(memory_files *all)
{
    for (size_t i = 0; i < all->count; i++)
        free((void *)(uintptr_t)all->files[i].bytes);
}

/* Imports, and fails the test unless there is a model or a sentence, and all memory is back. */
static vit158_status import(memory_files *all, vit158_error *error)
{
    const bool one = all->count == 1;
    const vit158_import_files files = memory_source(all);
    const vit158_import_options options = {.file = one ? all->files[0].name : NULL,
                                           .heads = one ? 2 : 0,
                                           .weights = VIT158_IMPORT_I8,
                                           .metadata_json = one ? "{\"dataset\":\"fruit\"}" : NULL,
                                           .labels = one ? "a\nb\\\nc\td\"\r\nd\ne" : NULL,
                                           .labels_bytes = one ? 14 : 0};
    vit158_draft draft;
    vit158_import_report report;
    *error = (vit158_error){0};
    const long before = refuse_memory_held();
    vit158_status status = vit158_import_run(&draft, &report, &files, &options, error);
    if (status == VIT158_OK && draft.failure.status != VIT158_OK) { /* for whom writes it */
        *error = draft.failure;
        status = error->status;
    }
    if (status == VIT158_OK) {
        assert_non_null(memchr(report.text, 0, sizeof report.text));
        assert_true(strlen(report.text) > 20 && draft.tensor_count > 20);
    } else {
        assert_int_equal(error->status, status);
        assert_true(strlen(error->message) > 10);
    }
    vit158_draft_clear(&draft);
    assert_int_equal(refuse_memory_held(), before);
    return status;
}

static bool is_text(const memory_file *file)
{
    const size_t n = strlen(file->name);
    return n > 5 && strcmp(file->name + n - 5, ".json") == 0;
}

static void test_texts_cut_anywhere(void **state)
{
    (void)state;
    for (size_t s = 0; s < SOURCES; s++) {
        memory_files all;
        vit158_error error;
        load(&all, &sources[s]);
        for (size_t i = 0; i < all.count; i++) {
            const size_t whole = all.files[i].n_bytes;
            size_t end = whole; /* of the object */
            while (is_text(&all.files[i]) && ((const char *)all.files[i].bytes)[end - 1] != '}')
                end--;
            for (size_t n = 0; is_text(&all.files[i]) && n < end; n++) {
                all.files[i].n_bytes = n;
                const vit158_status status = import(&all, &error);
                if (status != (n == 0 && i == 0 && s == INDEX ? VIT158_E_FORMAT : VIT158_E_JSON))
                    fail_msg("%s/%s, %zu bytes: %d %s", sources[s].folder, all.files[i].name, n,
                             (int)status, error.message);
                assert_non_null(strstr(error.message, all.files[i].name));
            }
            all.files[i].n_bytes = whole;
        }
        release(&all);
    }
}

/* Length of the JSON value that begins here, in a text that is right. */
static size_t value_length(const char *text)
{
    size_t n = 0, depth = 0;
    bool quoted = false;
    do {
        if (quoted && text[n] == '\\')
            n++;
        else if (text[n] == '"')
            quoted = !quoted;
        else if (!quoted && (text[n] == '{' || text[n] == '['))
            depth++;
        else if (!quoted && (text[n] == '}' || text[n] == ']'))
            depth--;
        n++;
    } while (depth > 0 || quoted || strchr(",]} \n", text[n]) == NULL);
    return n;
}

static const char *const values[] = {"null",
                                     "true",
                                     "false",
                                     "0",
                                     "1",
                                     "7",
                                     "16",
                                     "-1.5e300",
                                     "4294967296",
                                     "123456789012345678901234567890123456789012345678901",
                                     "\"\"",
                                     "\"x\"",
                                     "\"a\\nb\"",
                                     "\"avg\"",
                                     "\"squash\"",
                                     "\"bilinear\"",
                                     "\"nearest\"",
                                     "[]",
                                     "[16]",
                                     "[16, 16]",
                                     "[1, 16, 16]",
                                     "[3, 16, 8]",
                                     "[0.5, 0.5, 0.5, 0.5]",
                                     "[\"ViTModel\"]",
                                     "[\"DeiTModel\"]",
                                     "[\"DeiTForImageClassification\"]",
                                     "[{}]",
                                     "{}",
                                     "{\"shortest_edge\": 20}",
                                     "{\"height\": 16, \"width\": 16}",
                                     "{\"0\": \"a\"}",
                                     "{\"x\": \"a\"}"};

static void test_other_values_in_texts(void **state)
{
    (void)state;
    uint32_t opened = 0, refusals = 0;
    for (size_t s = 0; s < SOURCES; s++) {
        memory_files all;
        vit158_error error;
        load(&all, &sources[s]);
        for (size_t i = 0; i < all.count; i++) {
            const memory_file right = all.files[i];
            if (!is_text(&right) || right.n_bytes > 2000)
                continue; /* an index has the same kind of value everywhere */
            const char *text = right.bytes;
            char changed[4096];
            for (size_t at = 0; at + 2 < right.n_bytes; at++) {
                if (text[at] != ':' || text[at + 1] != ' ')
                    continue;
                const size_t begin = at + 2, length = value_length(text + begin);
                for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
                    const int n =
                        snprintf(changed, sizeof changed, "%.*s%s%.*s", (int)begin, text, values[v],
                                 (int)(right.n_bytes - begin - length), text + begin + length);
                    all.files[i].bytes = changed;
                    all.files[i].n_bytes = (size_t)n;
                    const vit158_status status = import(&all, &error);
                    opened += status == VIT158_OK;
                    refusals += status != VIT158_OK;
                    assert_int_not_equal(status, VIT158_E_MEMORY);
                }
            }
            all.files[i] = right;
        }
        release(&all);
    }
    print_message("%u imported, %u refused\n", opened, refusals);
    assert_true(opened > 100 && refusals > 100);
}

/* Every byte of what describes a file's tensors: the first and last so many. */
static void test_any_byte_changed(void **state)
{
    (void)state;
    static const struct {
        size_t of, head, tail;
    } places[] = {{0, 3500, 0}, {INDEX, 3500, 0}, {4, 3800, 4500}, {5, 3800, 4500}, {6, 3500, 0}};
    static const uint8_t others[] = {0, 0xFF, '.', '"', 0x80, '}', 'R', 8};
    const size_t step = test_is_thorough() ? 1 : 5;
    uint32_t opened = 0, refusals = 0;
    for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
        memory_files all;
        vit158_error error;
        load(&all, &sources[places[p].of]);
        memory_file *file = &all.files[places[p].of == INDEX ? 0 : all.count - 1];
        uint8_t *bytes = (uint8_t *)(uintptr_t)file->bytes;
        for (size_t at = p; at < file->n_bytes; at += step) {
            if (at >= places[p].head && at + places[p].tail < file->n_bytes)
                continue;
            const uint8_t right = bytes[at];
            for (size_t v = at % 3; v < sizeof others; v += 3) {
                bytes[at] = others[v];
                const vit158_status status = import(&all, &error);
                opened += status == VIT158_OK;
                refusals += status != VIT158_OK;
                assert_int_not_equal(status, VIT158_E_MEMORY);
            }
            bytes[at] = right;
        }
        release(&all);
    }
    print_message("%u imported, %u refused\n", opened, refusals);
    assert_true(opened > 100 && refusals > 1000);
}

/* The shape in a header, from `begin` to its bracket, as others of the same size or another one. */
static const char *other_shape(char out[32], const char *shape, size_t n_bytes, int kind)
{
    unsigned long sides[4] = {0};
    const int rank = sscanf(shape, "[%lu,%lu,%lu,%lu", &sides[0], &sides[1], &sides[2], &sides[3]);
    unsigned long count = 1;
    for (int i = 0; i < rank; i++)
        count *= sides[i];
    if (kind == 0)
        snprintf(out, 32, "[%lu]", count);
    else if (kind == 1)
        snprintf(out, 32, "[1,%lu]", count);
    else if (kind == 2)
        snprintf(out, 32, "[%lu,1,1]", count);
    else if (kind == 3)
        snprintf(out, 32, "[1,1,1,%lu]", count);
    else if (kind == 4)
        snprintf(out, 32, "[1,%lu,2]", count / 2);
    else if (kind == 5)
        snprintf(out, 32, "[%lu,2]", count / 2);
    else
        snprintf(out, 32, "[2,%lu]", count / 2);
    const size_t length = strlen(out);
    if (length > n_bytes)
        return NULL; /* no room */
    memset(out + length, ' ', n_bytes - length);
    out[n_bytes] = 0;
    return out;
}

/* Every tensor of another shape of the same size: a model only where the shape is the old one. */
static void test_other_shapes(void **state)
{
    (void)state;
    static const size_t with_header[] = {0, 1, 2, 6};
    uint32_t refusals = 0;
    for (size_t s = 0; s < sizeof with_header / sizeof *with_header; s++) {
        memory_files all;
        vit158_error error;
        load(&all, &sources[with_header[s]]);
        const memory_file *file = &all.files[all.count - 1];
        char *bytes = (char *)(uintptr_t)file->bytes;
        for (size_t at = 8; at < 4500 && at + 40 < file->n_bytes; at++) {
            if (memcmp(bytes + at, "\"shape\":", 8) != 0)
                continue;
            char *begin = bytes + at + 8 + (bytes[at + 8] == ' ');
            const size_t n_bytes = (size_t)((char *)memchr(begin, ']', 32) - begin) + 1;
            char right[32], found[32], other[32];
            memcpy(right, begin, n_bytes);
            size_t n = 0;
            for (size_t i = 0; i < n_bytes; i++)
                if (right[i] != ' ')
                    found[n++] = right[i];
            found[n] = 0;
            for (int kind = 0; kind < 7; kind++) {
                if (other_shape(other, found, n_bytes, kind) == NULL ||
                    strncmp(other, found, n) == 0)
                    continue;
                memcpy(begin, other, n_bytes);
                refusals += import(&all, &error) != VIT158_OK;
                memcpy(begin, right, n_bytes);
            }
        }
        release(&all);
    }
    print_message("%u refused\n", refusals);
    assert_true(refusals > 200);
}

static void test_every_allocation_failing(void **state)
{
    (void)state;
    for (size_t s = 0; s < SOURCES; s++) {
        memory_files all;
        vit158_error error;
        load(&all, &sources[s]);
        for (int on = 0; on < 2; on++)
            for (long at = 1;; at++) {
                refuse_memory(at, on == 1);
                const vit158_status status = import(&all, &error);
                const long calls = refuse_memory_calls();
                refuse_memory(0, false);
                if (calls < at) {
                    if (status != VIT158_OK || at < 20)
                        fail_msg("%s: %s", sources[s].names[0], error.message);
                    break;
                }
                if (status != VIT158_E_MEMORY)
                    fail_msg("%s%s, allocation %ld: %d %s", sources[s].folder, sources[s].names[0],
                             at, (int)status, error.message);
            }
        release(&all);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_cut_anywhere),
        cmocka_unit_test(test_other_values_in_texts),
        cmocka_unit_test(test_any_byte_changed),
        cmocka_unit_test(test_other_shapes),
        cmocka_unit_test(test_every_allocation_failing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
