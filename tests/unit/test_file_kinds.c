/* SPDX-License-Identifier: MIT
 *
 * Files that somebody gives as a model: what their first bytes say they are, whose names their
 * tensors bear, and safetensors files whose lengths do not agree or whose bytes cannot be read.
 */
#include "unit/test.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "model/safetensors.h"
#include "model/what_is.h"

#define BYTES(literal) literal, sizeof(literal) - 1
/* A ZIP archive's first entry. */
#define ZIP(name_bytes, name)                                                                      \
    BYTES("PK\3\4"                                                                                 \
          "......................" name_bytes "\0"                                                 \
          ".." name)

static void test_what_a_file_is(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n_bytes;
        vit158_content_kind kind;
    } files[] = {
        {BYTES(""), VIT158_CONTENT_EMPTY},
        {BYTES("\x50\0\0\0\0\0\0\0{\"a\""), VIT158_CONTENT_MODEL},
        {BYTES("\x50\0\0\0\1\0\0\0{\"a\""), VIT158_CONTENT_UNKNOWN},
        {BYTES("\x50\0\0\0\0\1\0\0{\"a\""), VIT158_CONTENT_UNKNOWN},
        {BYTES("\x50\0\0\0\0\0\1\0{\"a\""), VIT158_CONTENT_UNKNOWN},
        {BYTES("\x50\0\0\0\0\0\0\1{\"a\""), VIT158_CONTENT_UNKNOWN},
        {BYTES("\x50\0\0\0\0\0\0\0"),
         VIT158_CONTENT_MODEL}, /* the engine says that it ends there */
        {BYTES("\x50\0\0\0\0\0\0"), VIT158_CONTENT_UNKNOWN},
        {BYTES("version https://git-lfs.github.com/spec/v1"), VIT158_CONTENT_LFS},
        {BYTES("\xEF\xBB\xBFversion https://hawser.github.com/spec/v1"), VIT158_CONTENT_LFS},
        {BYTES("PK\3\4....."), VIT158_CONTENT_ZIP},
        {ZIP("\x10", "archive/data.pkl"), VIT158_CONTENT_TORCH},
        {ZIP("\x11", "archive/data.pkl"), VIT158_CONTENT_ZIP}, /* a name that is not there whole */
        {ZIP("\7", "cls.npy"), VIT158_CONTENT_NUMPY},
        {ZIP("\2", "py"), VIT158_CONTENT_ZIP},
        {BYTES("\x93NUMPY\1\0"), VIT158_CONTENT_NUMPY},
        {BYTES("BZh91AY"), VIT158_CONTENT_PACKED},
        {BYTES("\xFD\x37zXZ\0"), VIT158_CONTENT_PACKED},
        {BYTES("\x28\xB5\x2F\xFD"), VIT158_CONTENT_PACKED},
        {BYTES("\x04\x22\x4D\x18"), VIT158_CONTENT_PACKED},
        {BYTES("7z\xBC\xAF\x27\x1C"), VIT158_CONTENT_PACKED},
        {BYTES("Rar!\x1A\7"), VIT158_CONTENT_PACKED},
        {BYTES("%PDF-1.7\n"), VIT158_CONTENT_PDF},
        {BYTES("\xFF\xFE<\0!\0"), VIT158_CONTENT_UTF16},
        {BYTES("\xFE\xFF\0<\0!"), VIT158_CONTENT_UTF16},
        {BYTES("\10\1\x12\xAF\x80\1\n"), VIT158_CONTENT_SAVED},
        {BYTES("\10\4\x12\xD6\10"), VIT158_CONTENT_UNKNOWN},
        {BYTES("\x80\2]q"), VIT158_CONTENT_PICKLE},
        {BYTES("\x80\1]q"), VIT158_CONTENT_UNKNOWN},
        {BYTES("\x80\6]q"), VIT158_CONTENT_UNKNOWN},
        {BYTES("\x80\2"), VIT158_CONTENT_UNKNOWN},
        {BYTES("GGUF\3\0\0\0"), VIT158_CONTENT_GGUF},
        {BYTES("\x1C\0\0\0TFL3"), VIT158_CONTENT_TFLITE},
        {BYTES("\x89HDF\r\n\x1A\n"), VIT158_CONTENT_HDF5},
        {BYTES("\x1F\x8B\10"), VIT158_CONTENT_GZIP},
        {BYTES("\10\7\x12\7pytorch"), VIT158_CONTENT_ONNX},
        {BYTES("\10\7\x3A\7graph"), VIT158_CONTENT_ONNX},
        {BYTES("\10\x20\x12\7"), VIT158_CONTENT_UNKNOWN},
        {BYTES("\10\7\x13\7a"), VIT158_CONTENT_UNKNOWN},
        {BYTES("\10\7\x12"), VIT158_CONTENT_UNKNOWN},
        {BYTES(" \r\n\t<!DOCTYPE html>"), VIT158_CONTENT_HTML},
        {BYTES("<HTML><body>"), VIT158_CONTENT_HTML},
        {BYTES("\xEF\xBB\xBF\n<head>"), VIT158_CONTENT_HTML},
        {BYTES("<!-- saved -->"), VIT158_CONTENT_HTML},
        {BYTES("<htm"), VIT158_CONTENT_TEXT},
        {BYTES("<xml version"), VIT158_CONTENT_TEXT},
        {BYTES("\n{\"a\": 1}"), VIT158_CONTENT_JSON},
        {BYTES("[1, 2]"), VIT158_CONTENT_JSON},
        {BYTES("   "), VIT158_CONTENT_TEXT},
        {BYTES("Not Found"), VIT158_CONTENT_TEXT},
        {BYTES("not\1found"), VIT158_CONTENT_UNKNOWN},
        {BYTES("\xFF\xD8\xFF\xE0"), VIT158_CONTENT_IMAGE},
        {BYTES("\x89PNG\r\n"), VIT158_CONTENT_IMAGE},
        {BYTES("GIF89a"), VIT158_CONTENT_IMAGE},
        {BYTES("II*\0"), VIT158_CONTENT_IMAGE},
        {BYTES("\0\0\0\x18"
               "ftypheic"),
         VIT158_CONTENT_IMAGE},
        {BYTES("RIFF\x24\0\0\0WEBP"), VIT158_CONTENT_IMAGE},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const vit158_content_kind kind =
            vit158_what_is((const uint8_t *)files[i].bytes, files[i].n_bytes);
        if (kind != files[i].kind)
            fail_msg("case %zu: %d, not %d", i, (int)kind, (int)files[i].kind);
        char sentence[VIT158_SENTENCE_BYTES];
        vit158_what_is_sentence(sentence, (const uint8_t *)files[i].bytes, files[i].n_bytes);
        assert_true(strlen(sentence) > 8 && strlen(sentence) < sizeof sentence - 1);
    }
}

static void expect_sentence(const char *bytes, size_t n_bytes, const char *ending)
{
    char sentence[VIT158_SENTENCE_BYTES];
    vit158_what_is_sentence(sentence, (const uint8_t *)bytes, n_bytes);
    const size_t length = strlen(ending);
    assert_true(strlen(sentence) > length);
    assert_string_equal(sentence + strlen(sentence) - length, ending);
}

static void test_what_a_sentence_shows(void **state)
{
    (void)state;
    expect_sentence(BYTES("\n Access \r\n\tdenied \n"), "begins with Access denied");
    expect_sentence(BYTES("\xEF\xBB\xBFsp\xC3\xA4ter\x7F"), "begins with sp??ter?");
    expect_sentence(BYTES("{\"error\":\"none\"}"),
                    "OUT.safetensors; it begins with {\"error\":\"none\"}");
    expect_sentence(BYTES("1234567890 234567890 234567890 234567890 234567890 2"),
                    "begins with 1234567890 234567890 234567890 234567890 2345678");
    expect_sentence(BYTES(" \n"), "begins with ");
    expect_sentence(BYTES("\0"), "the bytes 00");
    expect_sentence(BYTES("\1\2\xFFxyz01"), "the bytes 01 02 ff 78 79 7a");
}

/* A file in memory whose read number `broken` (from 1) fails. */
typedef struct memory {
    uint8_t bytes[512];
    uint64_t count;
    int reads;
    int broken;
    int closed;
} memory;

static vit158_status read_memory(void *context, uint64_t position, void *out, size_t n_bytes,
                                 vit158_error *error)
{
    memory *m = context;
    if (++m->reads == m->broken)
        return vit158_fail(error, VIT158_E_IO, "the disk is gone");
    assert_true(position + n_bytes <= m->count);
    memcpy(out, m->bytes + position, n_bytes);
    return VIT158_OK;
}

static void close_memory(void *context)
{
    ((memory *)context)->closed++;
}

/* `header` behind its length, then `data_bytes` ones. */
static void write_memory(memory *m, const char *header, size_t data_bytes)
{
    const size_t n = strlen(header);
    *m = (memory){.count = 8 + n + data_bytes};
    assert_true(m->count <= sizeof m->bytes);
    m->bytes[0] = (uint8_t)n;
    m->bytes[1] = (uint8_t)(n >> 8);
    memcpy(m->bytes + 8, header, n);
    memset(m->bytes + 8 + n, 1, data_bytes);
}

static vit158_status open_memory(vit158_safetensors **file, memory *m, int closes,
                                 vit158_error *error)
{
    const vit158_file_bytes bytes = {m, m->count, read_memory, closes ? close_memory : NULL};
    return vit158_safetensors_over(file, &bytes, error);
}

static const char two[] = "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                          "\"b\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[8,12]},"
                          "\"c\":{\"dtype\":\"I8\",\"shape\":[2],\"data_offsets\":[12,14]}}";

static void refuse_memory(memory *m, vit158_status status, const char *words)
{
    for (int closes = 0; closes < 2; closes++) {
        vit158_safetensors *file = NULL;
        vit158_error error = {0};
        m->reads = m->closed = 0;
        assert_int_equal(open_memory(&file, m, closes, &error), status);
        assert_non_null(strstr(error.message, words));
        assert_int_equal(m->closed, closes);
        assert_null(file);
    }
}

static void test_lengths_that_do_not_agree(void **state)
{
    (void)state;
    memory m;
    write_memory(&m, two, 14);
    m.count = 8;
    refuse_memory(&m, VIT158_E_TRUNCATED, "only 8 bytes long");
    write_memory(&m, two, 14);
    m.bytes[8] = '[';
    refuse_memory(&m, VIT158_E_FORMAT, "not a safetensors file");
    write_memory(&m, two, 14);
    m.bytes[6] = 1;
    refuse_memory(&m, VIT158_E_LIMIT, "a header of 281474976710");
    write_memory(&m, two, 14);
    m.bytes[1] += 1;
    refuse_memory(&m, VIT158_E_TRUNCATED, "ends inside its header");
    write_memory(&m, two, 13);
    refuse_memory(&m, VIT158_E_TRUNCATED, "1 of 14 bytes of data are missing");
    write_memory(&m, two, 15);
    refuse_memory(&m, VIT158_E_FORMAT, "1 bytes follow the last tensor");
    for (int broken = 1; broken <= 2; broken++) {
        write_memory(&m, two, 14);
        m.broken = broken;
        refuse_memory(&m, VIT158_E_IO, "the disk is gone");
    }
}

static void test_tensors_that_cannot_be_read(void **state)
{
    (void)state;
    memory m;
    vit158_safetensors *file = NULL;
    vit158_error error = {0};
    float values[2];
    write_memory(&m, two, 14);
    assert_int_equal(open_memory(&file, &m, 1, &error), VIT158_OK);
    assert_int_equal(vit158_safetensors_get_f32(file, "a", values, 2, &error), VIT158_OK);
    assert_int_equal(vit158_safetensors_get_f32(file, "b", values, 2, &error), VIT158_OK);
    assert_int_equal(vit158_safetensors_get_f32(file, "b", values, 3, &error), VIT158_E_TENSOR);
    assert_int_equal(vit158_safetensors_get_f32(file, "c", values, 2, &error), VIT158_E_TENSOR);
    assert_int_equal(vit158_safetensors_get_f32(file, "d", values, 2, &error), VIT158_E_TENSOR);
    m.broken = m.reads + 1;
    assert_int_equal(vit158_safetensors_get_f32(file, "a", values, 2, &error), VIT158_E_IO);
    m.broken = m.reads + 1;
    assert_int_equal(vit158_safetensors_get_f32(file, "b", values, 2, &error), VIT158_E_IO);
    m.broken = 0;
    memset(m.bytes + m.count - 14, 0xFF, 8); /* NaN */
    assert_int_equal(vit158_safetensors_get_f32(file, "a", values, 2, &error), VIT158_E_VALUE);
    vit158_safetensors_close(file);
    vit158_safetensors_close(NULL);
}

static void test_whose_names_tensors_bear(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *advice;
    } cases[] = {{"vit.embeddings", "Hugging Face's names"},
                 {"deit.x", "Hugging Face's names"},
                 {"timm_model.x", "of a timm model"},
                 {"module.x", "DataParallel"},
                 {"model.x", "Lightning"},
                 {"_orig_mod.x", "torch.compile"},
                 {"conv_proj.weight", "torchvision's"},
                 {"class_token", "torchvision's"},
                 {"cls_token", "timm's variants"},
                 {"patch_embed.x", "timm's variants"},
                 {"net.patch_embed.x", "inside something else"},
                 {"lstm.weight", "Hugging Face or torchvision"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char header[256];
        snprintf(header, sizeof header,
                 "{\"%s\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
                 cases[i].name);
        memory m;
        vit158_safetensors *file = NULL;
        vit158_error error = {0};
        write_memory(&m, header, 4);
        assert_int_equal(open_memory(&file, &m, 0, &error), VIT158_OK);
        const char *advice = vit158_names_advice(vit158_safetensors_header(file));
        assert_non_null(strstr(advice, cases[i].advice));
        vit158_safetensors_close(file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_file_is),
        cmocka_unit_test(test_what_a_sentence_shows),
        cmocka_unit_test(test_lengths_that_do_not_agree),
        cmocka_unit_test(test_tensors_that_cannot_be_read),
        cmocka_unit_test(test_whose_names_tensors_bear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
