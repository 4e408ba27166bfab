/* SPDX-License-Identifier: MIT
 *
 * Sources that are wrong in one way each: one status and one sentence that names what is wrong.
 */
#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import/import.h"
#include "import/pickle_read.h"
#include "unit/memory_files.h"

#define DATA VIT158_TEST_DATA "/import/"
#define MAX_BYTES (1U << 18)

static void load(memory_file *out, const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, DATA "%s%s%s", folder, folder[0] != 0 ? "/" : "", name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s is missing", path);
    char *bytes = malloc(MAX_BYTES);
    assert_non_null(bytes);
    *out = (memory_file){name, bytes, fread(bytes, 1, MAX_BYTES, file)};
    fclose(file);
}

static void release(memory_files *all)
{
    for (size_t i = 0; i < all->count; i++)
        free((void *)all->files[i].bytes);
}

/* Replaces the first `from` in a file. With a NULL `to` the file ends there. */
static void change(memory_file *file, const char *from, const char *to)
{
    char *bytes = (char *)file->bytes;
    const size_t length = strlen(from);
    size_t at = 0;
    while (at + length <= file->n_bytes && memcmp(bytes + at, from, length) != 0)
        at++;
    if (at + length > file->n_bytes)
        fail_msg("%s has no %s", file->name, from);
    if (to == NULL) {
        file->n_bytes = at;
        return;
    }
    const size_t new_length = strlen(to);
    assert_true(file->n_bytes + new_length < MAX_BYTES);
    memmove(bytes + at + new_length, bytes + at + length, file->n_bytes - at - length);
    memcpy(bytes + at, to, new_length);
    file->n_bytes = file->n_bytes - length + new_length;
}

static void expect(memory_files *all, const char *file, const char *what, vit158_status status,
                   const char *sentence)
{
    vit158_draft draft;
    vit158_import_report report;
    vit158_error error = {VIT158_OK, ""};
    const vit158_import_files files = memory_source(all);
    const vit158_import_options options = {.file = file, .heads = file != NULL ? 2 : 0};
    const vit158_status found = vit158_import_run(&draft, &report, &files, &options, &error);
    vit158_draft_clear(&draft);
    if (found != status || strstr(error.message, sentence) == NULL)
        fail_msg("%s: status %d \"%s\", not %d with \"%s\"", what, (int)found, error.message,
                 (int)status, sentence);
}

/* ---- Texts of a Hugging Face folder ---- */

enum { CONFIG, PREPROCESSOR, WEIGHTS };

static void load_folder(memory_files *all, const char *folder)
{
    all->count = 3;
    load(&all->files[CONFIG], folder, "config.json");
    load(&all->files[PREPROCESSOR], folder, "preprocessor_config.json");
    load(&all->files[WEIGHTS], folder, "model.safetensors");
}

static void test_hugging_face_texts(void **state)
{
    static const struct {
        int file;
        const char *from;
        const char *to;
        vit158_status status;
        const char *sentence;
    } cases[] = {
        {CONFIG, "}", NULL, VIT158_E_JSON, "config.json: "},
        {CONFIG, "{", "[", VIT158_E_JSON, "config.json: "},
        {CONFIG, "{", "{\"x\": 01,", VIT158_E_JSON, "a number with a leading zero"},
        {CONFIG, "{", "{\"x\": 1.,", VIT158_E_JSON, "a digit is expected"},
        {CONFIG, "{", "{\"x\": -,", VIT158_E_JSON, "a digit is expected"},
        {CONFIG, "{", "{\"x\": 1e+,", VIT158_E_JSON, "a digit is expected"},
        {CONFIG, "{", "{\"x\": nul,", VIT158_E_JSON, "config.json: "},
        {CONFIG, "\"vit\"", "\"swin\"", VIT158_E_UNSUPPORTED, "model_type swin is not a plain"},
        {CONFIG, "\"vit\"", "7", VIT158_E_METADATA, "key model_type: a name is expected"},
        {CONFIG, "\"model_type\"", "\"type\"", VIT158_E_METADATA, "has no model_type"},
        {CONFIG, "\"gelu\"", "\"relu\"", VIT158_E_UNSUPPORTED, "key hidden_act: gelu"},
        {CONFIG, "\"qkv_bias\"", "\"num_register_tokens\"", VIT158_E_UNSUPPORTED,
         "key num_register_tokens: it is not known"},
        {CONFIG, "\"qkv_bias\": true", "\"problem_type\": \"multi_label_classification\"",
         VIT158_E_UNSUPPORTED, "key problem_type: only single_label"},
        {CONFIG, "\"qkv_bias\": true", "\"pruned_heads\": {\"0\": [1]}", VIT158_E_UNSUPPORTED,
         "key pruned_heads"},
        {CONFIG, "\"qkv_bias\"", "\"hidden_size\"", VIT158_E_JSON,
         "key hidden_size: it occurs twice"},
        {CONFIG, "\"hidden_size\": 16", "\"hidden_size\": \"16\"", VIT158_E_METADATA,
         "key hidden_size: a whole number"},
        {CONFIG, "\"hidden_size\": 16", "\"hidden_size\": 32", VIT158_E_METADATA,
         "width: 32, but the tensors' shapes say 16"},
        {CONFIG, "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", VIT158_E_METADATA,
         "blocks: 3, but"},
        {CONFIG, "\"num_attention_heads\": 2", "\"num_attention_heads\": 3", VIT158_E_METADATA,
         "3 heads do not divide a width of 16"},
        {CONFIG, "\"num_attention_heads\": 2", "\"num_attention_heads\": -2", VIT158_E_METADATA,
         "key num_attention_heads: a whole number"},
        {CONFIG, "\"image_size\": 16", "\"image_size\": [16, 32]", VIT158_E_UNSUPPORTED,
         "key image_size: only squares"},
        {CONFIG, "\"image_size\": 16", "\"image_size\": 20", VIT158_E_METADATA,
         "crop_size is 16, but the model takes 20"},
        {CONFIG, "1e-06", "\"small\"", VIT158_E_METADATA, "key layer_norm_eps: a number"},
        {CONFIG, "\"3\": ", "\"7\": ", VIT158_E_METADATA, "key id2label: labels numbered"},
        {CONFIG, "\"3\": ", "\"2\": ", VIT158_E_METADATA, "key id2label: labels numbered"},
        {CONFIG, "\"4\": \"fig\",", "", VIT158_E_METADATA, "labels: 4, but"},
        {CONFIG, "ViTForImageClassification", "ViTForMaskedImageModeling", VIT158_E_UNSUPPORTED,
         "key architectures: only classifiers"},
        {PREPROCESSOR, "\"resample\": 3", "\"resample\": 1", VIT158_E_UNSUPPORTED,
         "preprocessor_config.json: key resample"},
        {PREPROCESSOR, "\"do_rescale\": true", "\"do_rescale\": false", VIT158_E_UNSUPPORTED,
         "key do_rescale"},
        {PREPROCESSOR, "0.00392156862745098", "0.00784313725490196", VIT158_E_UNSUPPORTED,
         "key rescale_factor: only 1/255"},
        {PREPROCESSOR, "\"shortest_edge\": 17", "\"longest_edge\": 17", VIT158_E_UNSUPPORTED,
         "key size: height and width"},
        {PREPROCESSOR, "\"height\": 16", "\"height\": 12", VIT158_E_UNSUPPORTED,
         "key crop_size: only squares"},
        {PREPROCESSOR, "\"image_mean\"", "\"image_means\"", VIT158_E_UNSUPPORTED,
         "key image_means: it is not known"},
        {PREPROCESSOR, "\"do_normalize\": true", "\"do_pad\": true", VIT158_E_UNSUPPORTED,
         "key do_pad: it is not known"},
        {WEIGHTS, "\"vit.layernorm.weight\"", "\"vit.layernorm.wait\"", VIT158_E_TENSOR,
         "tensor vit.layernorm.wait is not known"},
        {WEIGHTS, "\"vit.layernorm.weight\"", "\"vit.rope.weight\"", VIT158_E_UNSUPPORTED,
         "its positions are rotary"},
        {WEIGHTS, "\"vit.layernorm.weight\"", "\"norm.weight\"", VIT158_E_TENSOR,
         "a name of timm among names of Hugging Face"},
        {WEIGHTS, "\"vit.layernorm.weight\"", "\"layernorm.bias\"", VIT158_E_TENSOR,
         "are the same part twice"},
        {WEIGHTS, "encoder.layer.1.output.dense.weight", "encoder.layer.2.output.dense.weight",
         VIT158_E_METADATA, "blocks: 2, but the tensors' shapes say 3"},
        {WEIGHTS, "\"F32\"", "\"F8_E4M3\"", VIT158_E_UNSUPPORTED, "element type F8_E4M3"},
        {WEIGHTS, "\"shape\": [1, 17, 16]", "\"shape\": [1, 16, 17]", VIT158_E_TENSOR,
         "its shape is not what"},
        {WEIGHTS, "\"classifier.weight\"", "\"vit.pooler.dense.weight\"", VIT158_E_TENSOR,
         "its head's weight is missing"},
        {WEIGHTS, "{", "<!doctype html>", VIT158_E_FORMAT,
         "model.safetensors is not a safetensors"},
        {WEIGHTS, "\"classifier.bias\"", "\"head.bias\"", VIT158_E_TENSOR, "a name of timm"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memory_files all;
        char what[128];
        load_folder(&all, "hf4");
        memory_file *file = &all.files[cases[i].file];
        const size_t before = file->n_bytes;
        change(file, cases[i].from, cases[i].to);
        if (cases[i].file == WEIGHTS) { /* the header's length follows, the text being shorter */
            uint8_t *bytes = (uint8_t *)file->bytes;
            const uint32_t length =
                (uint32_t)bytes[0] + 256U * bytes[1] + (uint32_t)file->n_bytes - (uint32_t)before;
            bytes[0] = (uint8_t)length;
            bytes[1] = (uint8_t)(length >> 8);
        }
        snprintf(what, sizeof what, "%s instead of %s", cases[i].to, cases[i].from);
        expect(&all, NULL, what, cases[i].status, cases[i].sentence);
        release(&all);
    }
}

static void test_missing_files(void **state)
{
    memory_files all;
    (void)state;
    load_folder(&all, "hf4");
    all.files[WEIGHTS].name = "weights";
    expect(&all, NULL, "no weights", VIT158_E_IO, "neither model.safetensors");
    all.files[WEIGHTS].name = "model.safetensors";
    all.files[CONFIG].name = "configuration.json";
    expect(&all, NULL, "no config", VIT158_E_IO, "has no config.json");
    all.files[CONFIG].name = "config.json";
    all.files[PREPROCESSOR].name = "processor.json";
    expect(&all, NULL, "no preprocessor", VIT158_E_METADATA, "says no mean and std");
    all.files[PREPROCESSOR].name = "preprocessor_config.json";
    all.files[WEIGHTS].n_bytes -= 1;
    expect(&all, NULL, "cut weights", VIT158_E_TRUNCATED, "the download is cut off");
    all.files[WEIGHTS].n_bytes += 1;
    const size_t whole = all.files[WEIGHTS].n_bytes;
    uint8_t *longer = calloc(1, whole + 1);
    assert_non_null(longer);
    memcpy(longer, all.files[WEIGHTS].bytes, whole);
    const void *const before = all.files[WEIGHTS].bytes;
    all.files[WEIGHTS].bytes = longer;
    all.files[WEIGHTS].n_bytes = whole + 1;
    expect(&all, NULL, "a byte more", VIT158_E_FORMAT, "bytes follow its last tensor");
    free(longer);
    all.files[WEIGHTS].bytes = (void *)(uintptr_t)before;
    all.files[WEIGHTS].n_bytes = 100;
    expect(&all, NULL, "cut header", VIT158_E_TRUNCATED, "the download is cut off");
    all.files[WEIGHTS].n_bytes = 0;
    expect(&all, NULL, "empty weights", VIT158_E_FORMAT, "model.safetensors is empty");
    release(&all);
}

/* ---- Index and shards ---- */

static void test_shards(void **state)
{
    static const struct {
        const char *from;
        const char *to;
        vit158_status status;
        const char *sentence;
    } cases[] = {
        {"\"weight_map\"", "\"weights\"", VIT158_E_JSON, "there is no weight_map"},
        {"model-00001-of-00003.safetensors", "../model.safetensors", VIT158_E_UNSUPPORTED,
         "leads out of the folder"},
        {"model-00001-of-00003.safetensors", "sub/model.safetensors", VIT158_E_UNSUPPORTED,
         "leads out of the folder"},
        {"model-00001-of-00003.safetensors", "model-00009-of-00003.safetensors", VIT158_E_IO,
         "model-00009-of-00003.safetensors is missing"},
        {"model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors", VIT158_E_TENSOR,
         "is not in model-00002-of-00003.safetensors"},
        {"\"vit.embeddings.cls_token\"", "\"vit.embeddings.class_token\"", VIT158_E_TENSOR,
         "tensor vit.embeddings.class_token is not in"},
        {"\"vit.embeddings.cls_token\": \"model-00001-of-00003.safetensors\",", "", VIT158_E_TENSOR,
         "lists 39 tensors, but its shards hold 40"},
        {"\"metadata\"", "\"weight_map\"", VIT158_E_JSON, "weight_map occurs twice"},
    };
    static const char *const names[] = {"config.json",
                                        "preprocessor_config.json",
                                        "model.safetensors.index.json",
                                        "model-00001-of-00003.safetensors",
                                        "model-00002-of-00003.safetensors",
                                        "model-00003-of-00003.safetensors"};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memory_files all = {.count = 6};
        for (size_t j = 0; j < all.count; j++)
            load(&all.files[j], "hf4-sharded", names[j]);
        change(&all.files[2], cases[i].from, cases[i].to);
        expect(&all, NULL, cases[i].to, cases[i].status, cases[i].sentence);
        release(&all);
    }
}

/* ---- Archives ---- */

static void test_archives(void **state)
{
    static const struct {
        const char *what;
        uint32_t from_end; /* byte to change, from the end of the end record */
        uint8_t value;
        size_t cut;
        vit158_status status;
        const char *sentence;
    } cases[] = {{"cut", 0, 0, 30, VIT158_E_TRUNCATED, "the download is cut off"},
                 {"in parts", 18, 1, 0, VIT158_E_UNSUPPORTED, "ZIP archive in parts"},
                 {"table elsewhere", 4, 0xFF, 0, VIT158_E_TRUNCATED, "the download is cut off"},
                 {"table inside", 6, 1, 0, VIT158_E_FORMAT, "a damaged ZIP table"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memory_files all = {.count = 1};
        load(&all.files[0], "", "plain.pth");
        uint8_t *bytes = (uint8_t *)all.files[0].bytes;
        if (cases[i].from_end > 0)
            bytes[all.files[0].n_bytes - cases[i].from_end] = cases[i].value;
        all.files[0].n_bytes -= cases[i].cut;
        expect(&all, "plain.pth", cases[i].what, cases[i].status, cases[i].sentence);
        release(&all);
    }
    memory_files all = {.count = 1};
    load(&all.files[0], "", "plain.pth");
    uint8_t *bytes = (uint8_t *)all.files[0].bytes;
    for (size_t at = 0; at + 46 < all.files[0].n_bytes; at++) {
        if (memcmp(bytes + at, "PK\1\2", 4) == 0) {
            bytes[at + 10] = 8;
            break;
        }
    }
    expect(&all, "plain.pth", "deflated", VIT158_E_UNSUPPORTED, "is compressed, which torch.save");
    release(&all);
    load(&all.files[0], "", "plain.pth"); /* an entry as long as the file, but not at its start */
    bytes = (uint8_t *)all.files[0].bytes;
    const uint32_t size = (uint32_t)all.files[0].n_bytes;
    for (size_t at = 0; at + 46 < size; at++) {
        const uint8_t word[] = {(uint8_t)size, (uint8_t)(size >> 8), (uint8_t)(size >> 16), 0};
        if (memcmp(bytes + at, "PK\1\2", 4) != 0 ||
            memcmp(bytes + at + 46, "plain/data/10", 13) != 0)
            continue;
        memcpy(bytes + at + 20, word, sizeof word);
        memcpy(bytes + at + 24, word, sizeof word);
    }
    expect(&all, "plain.pth", "long entry", VIT158_E_TRUNCATED, "the download is cut off");
    release(&all);
    load(&all.files[0], "", "plain.pth");
    change(&all.files[0], "_rebuild_tensor_v2", "_rebuild_tensor_v3");
    expect(&all, "plain.pth", "another global", VIT158_E_UNSUPPORTED,
           "Python's torch._utils._rebuild_tensor_v3, and a pickle is never executed");
    release(&all);
}

static void test_files_of_other_kinds(void **state)
{
    static const struct {
        const char *bytes;
        size_t n_bytes;
        const char *sentence;
    } cases[] = {
        {"version https://git-lfs.github.com/spec/v1\noid sha256:4d\n", 57, "a Git LFS pointer"},
        {"\x80\x02\x8a\nl\xfc\x9c", 8, "PyTorch's old format"},
        {"GGUF\3\0\0\0", 8, "a GGUF file"},
        {"\x1c\0\0\0TFL3", 8, "a TensorFlow Lite model"},
        {"\x89HDF\r\n\x1a\n", 8, "an HDF5 file"},
        {"\x1f\x8b\x08\0", 4, "compressed with gzip"},
        {"\x08\x08\x12\x07pytorch", 11, "an ONNX model"},
        {"<!DOCTYPE html><html>", 21, "an HTML page"},
        {"{\"error\":\"not found\"}", 21, "JSON text"},
        {"Access denied\n", 14, "is text"},
        {"PK\3\4 nothing more", 17, "a ZIP archive without its end"},
        {"\1\0\100\0\0\0\0\0{", 9, "a header of 4194305 bytes, above the limit"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memory_files all = {.count = 1};
        vit158_status status = i == 10   ? VIT158_E_TRUNCATED
                               : i == 11 ? VIT158_E_LIMIT
                                         : VIT158_E_FORMAT;
        all.files[0] = (memory_file){"file", cases[i].bytes, cases[i].n_bytes};
        expect(&all, "file", cases[i].sentence, status, cases[i].sentence);
    }
}

/* ---- Pickles ---- */

static void test_pickles(void **state)
{
    static const struct {
        const char *bytes;
        size_t n_bytes;
        vit158_status status;
        const char *sentence;
    } cases[] = {
        {"", 0, VIT158_E_FORMAT, "a damaged pickle"},
        {"\x80\x02.", 3, VIT158_E_FORMAT, "a damaged pickle"},
        {"\x80\x09}.", 4, VIT158_E_FORMAT, "a damaged pickle"},
        {"\x80\x02}.", 4, VIT158_E_UNSUPPORTED, "holds no tensors"},
        {"\x80\x02]", 3, VIT158_E_FORMAT, "a damaged pickle"},
        {"\x80\x02K\1.", 5, VIT158_E_UNSUPPORTED, "no dictionary of tensors"},
        {"cos\nsystem\nX\2\0\0\0ls\x85R.", 22, VIT158_E_UNSUPPORTED, "Python's os.system"},
        {"\x8c\2os\x8c\6system\x93)R.", 16, VIT158_E_UNSUPPORTED, "Python's os.system"},
        {"(ios\nsystem\n.", 13, VIT158_E_UNSUPPORTED, "opcode 105"},
        {"\x80\x02}h\7.", 6, VIT158_E_FORMAT, "a damaged pickle"},
        {"\x80\x02}K\1K\2s(u.", 11, VIT158_E_UNSUPPORTED, "holds no tensors"},
        {"\x80\x02X\xff\xff\xff\xff.", 8, VIT158_E_FORMAT, "a damaged pickle"},
        {"\x80\x02}X\3\0\0\0a\0bK\1s.", 15, VIT158_E_FORMAT,
         "a damaged pickle"}, /* NUL in a name */
        {"\x80\x02u.", 4, VIT158_E_FORMAT, "a damaged pickle"},
        {"\x80\x02}(K\1u.", 7, VIT158_E_FORMAT, "a damaged pickle"},
        {"\x80\x02}q\0h\0h\0s.", 11, VIT158_E_UNSUPPORTED, "holds no tensors"},
        {"ccollections\nOrderedDict\n)RQ.", 29, VIT158_E_FORMAT, "a damaged pickle"},
        {"}X\1\0\0\0actorch._utils\n_rebuild_tensor_v2\n)Rs.", 45, VIT158_E_UNSUPPORTED,
         "tensor a: not made as torch.save"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        vit158_pickle pickle;
        vit158_error error = {VIT158_OK, ""};
        const vit158_status status =
            vit158_pickle_read(&pickle, cases[i].bytes, cases[i].n_bytes, &error);
        if (status != cases[i].status || strstr(error.message, cases[i].sentence) == NULL)
            fail_msg("pickle %zu: %d %s", i, (int)status, error.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hugging_face_texts),
        cmocka_unit_test(test_missing_files),
        cmocka_unit_test(test_shards),
        cmocka_unit_test(test_archives),
        cmocka_unit_test(test_files_of_other_kinds),
        cmocka_unit_test(test_pickles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
