/* SPDX-License-Identifier: MIT
 *
 * Folders whose config.json or preprocessor_config.json says something unusual: what is taken from
 * it, and one sentence for each thing that cannot be.
 */
#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "import/json_value.h"
#include "unit/import_parts.h"

#define OK VIT158_OK
#define JSON VIT158_E_JSON
#define TENSOR VIT158_E_TENSOR
#define UNSUPPORTED VIT158_E_UNSUPPORTED
#define METADATA VIT158_E_METADATA
#define CHECK(cases) parts_check(cases, sizeof(cases) / sizeof(cases)[0])

/* ---- Hugging Face ---- */

#define HF(members) "{\"model_type\":\"vit\",\"num_attention_heads\":2" members "}"
#define RIGHT ",\"image_mean\":[0.5,0.5,0.5],\"image_std\":[0.5,0.5,0.5]}"
#define HF_CASE(said, found, members)                                                              \
    {                                                                                              \
        said, found, said, .config = HF(members), .preprocessor = "{\"size\":8" RIGHT,             \
                           .hugging_face = true                                                    \
    }
#define P_CASE(said, found, members)                                                               \
    {                                                                                              \
        said, found, said, .config = HF(",\"image_size\":8"), .preprocessor = "{" members RIGHT,   \
                           .hugging_face = true                                                    \
    }
#define NAME_OF_60 "abcdefghijklmnopqrstabcdefghijklmnopqrstabcdefghijklmnopqrst"

/* clang-format off */
static void test_config_of_hugging_face(void **state)
{
    (void)state;
    static const parts_case cases[] = {
        HF_CASE("heads 2 (as config.json says)", OK, ""),
        HF_CASE("heads 2 (as config.json says)", OK, ",\"architectures\":[\"TimmWrapperForImageClassification\"]"),
        HF_CASE("heads 2 (as config.json says)", OK, ",\"architectures\":null,\"hidden_act\":null"),
        HF_CASE("key architectures: names are expected", METADATA, ",\"architectures\":[1]"),
        HF_CASE("key architectures: names are expected", METADATA, ",\"architectures\":1"),
        HF_CASE("it lacks the head of the distillation token", TENSOR, ",\"architectures\":[\"DeiTForImageClassificationWithTeacher\"]"),
        HF_CASE("heads 2", OK, ",\"pruned_heads\":null"),
        HF_CASE("heads 2", OK, ",\"pruned_heads\":{}"),
        HF_CASE("key pruned_heads: models with pruned heads", UNSUPPORTED, ",\"pruned_heads\":{\"0\":[1]}"),
        HF_CASE("key pruned_heads: models with pruned heads", UNSUPPORTED, ",\"pruned_heads\":true"),
        HF_CASE("heads 2", OK, ",\"a_key_of_later\":null"),
        HF_CASE("key a_key_of_later: it is not known here", UNSUPPORTED, ",\"a_key_of_later\":7"),
        HF_CASE("key abcdefghijklm", UNSUPPORTED, ",\"" NAME_OF_60 NAME_OF_60 "\":7"),
        HF_CASE("key patch_size: two whole numbers", METADATA, ",\"patch_size\":[4,4,4]"),
        HF_CASE("key patch_size: two whole numbers", METADATA, ",\"patch_size\":[4,\"4\"]"),
        HF_CASE("key patch_size: only squares", UNSUPPORTED, ",\"patch_size\":[4]"),
        HF_CASE("key patch_size: only squares", UNSUPPORTED, ",\"patch_size\":[4,5]"),
        HF_CASE("key patch_size: only squares", UNSUPPORTED, ",\"patch_size\":[0,0]"),
        HF_CASE("images 8 x 8", OK, ",\"patch_size\":[4,4]"),
        HF_CASE("3 classes without labels", OK, ",\"id2label\":{}"),
        HF_CASE("labels for 3 classes", OK, ",\"id2label\":{\"2\":\"c\",\"0\":\"a\",\"1\":\"b\"}"),
        HF_CASE("key id2label: labels numbered", METADATA, ",\"id2label\":{\"0\":\"a\",\"0\":\"a\",\"1\":\"b\"}"),
        HF_CASE("key id2label: labels numbered", METADATA, ",\"id2label\":{\"0\":\"a\",\"3\":\"a\",\"1\":\"b\"}"),
        HF_CASE("key id2label: labels numbered", METADATA, ",\"id2label\":{\"0\":7}"),
        HF_CASE("key id2label: labels numbered", METADATA, ",\"id2label\":{\"a\":\"a\"}"),
        HF_CASE("key id2label: an object", METADATA, ",\"id2label\":[]"),
        {NULL, OK, "; two heads made one", .config = HF(",\"architectures\":[\"DeiTForImageClassificationWithTeacher\"]"),
         .preprocessor = "{\"size\":8" RIGHT, .hugging_face = true, .without = {"classifier"},
         .with = {{"vit.embeddings.distillation_token", "1,1,D", NULL}, {"vit.embeddings.position_embeddings", "1,6,D", NULL},
                  {"cls_classifier.weight", "3,D", NULL}, {"distillation_classifier.weight", "3,D", NULL}}},
        {NULL, TENSOR, "config.json is of Hugging Face's ViT, but model.safetensors has names of timm", .config = HF("")},
        {NULL, JSON, "values nested too deeply", .config = "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]"},
        {NULL, JSON, "config.json: an object is expected", .config = "[1]"},
        {NULL, JSON, "config.json: ", .config = ""},
        {NULL, METADATA, "key model_type: a name is expected", .config = "{\"model_type\":\"" NAME_OF_60 "\"}"},
        {NULL, METADATA, "key model_type: a name is expected", .config = "{\"model_type\":\"v\\u0069t\"}"},
    };
    CHECK(cases);
}

static void test_preprocessor(void **state)
{
    (void)state;
    static const parts_case cases[] = {
        P_CASE("squashed to 8", OK, "\"size\":{\"height\":8,\"width\":8}"),
        P_CASE("size is 16, but the model takes 8", METADATA, "\"size\":{\"height\":16,\"width\":16}"),
        P_CASE("squashed to 16", OK, "\"size\":16,\"do_center_crop\":true,\"crop_size\":8"),
        P_CASE("shorter side 9", OK, "\"size\":{\"shortest_edge\":9}"),
        P_CASE("crop 0.9", OK, "\"size\":{\"shortest_edge\":9},\"crop_pct\":0.9"),
        P_CASE("squashed to 8", OK, "\"size\":8,\"crop_pct\":0.9"),
        P_CASE("shorter side 9", OK, "\"size\":{\"shortest_edge\":9},\"crop_pct\":null"),
        P_CASE("key crop_pct: a number is expected", METADATA, "\"crop_pct\":\"0.9\""),
        P_CASE("key size: height and width, or", UNSUPPORTED, "\"size\":{\"longest_edge\":9}"),
        P_CASE("key size: whole numbers above 0", METADATA, "\"size\":{\"height\":0,\"width\":8}"),
        P_CASE("key size: only squares", UNSUPPORTED, "\"size\":{\"height\":8}"),
        P_CASE("key size: height and width, or", METADATA, "\"size\":{}"),
        P_CASE("key size: height and width, or", METADATA, "\"size\":{\"height\":8,\"width\":8,\"shortest_edge\":9}"),
        P_CASE("key crop_size: height and width, or", UNSUPPORTED, "\"crop_size\":{\"shortest_edge\":9}"),
        P_CASE("do_center_crop without crop_size", METADATA, "\"do_center_crop\":true"),
        P_CASE("key do_center_crop: true or false", METADATA, "\"do_center_crop\":1"),
        P_CASE("crop_size is 9, but the model takes 8", METADATA, "\"do_center_crop\":true,\"crop_size\":9"),
        P_CASE("bilinear", OK, "\"resample\":null,\"rescale_factor\":null,\"do_resize\":null"),
        P_CASE("bilinear", OK, "\"resample\":2"),
        P_CASE("key resample: 2 (bilinear)", UNSUPPORTED, "\"resample\":\"2\""),
        P_CASE("bicubic", OK, "\"resample\":3,\"rescale_factor\":0.00392156862745098"),
        P_CASE("key rescale_factor: only 1/255", UNSUPPORTED, "\"rescale_factor\":\"1/255\""),
        P_CASE("key rescale_factor: only 1/255", UNSUPPORTED, "\"rescale_factor\":0.0078125"),
        P_CASE("key rescale_factor: only 1/255", UNSUPPORTED, "\"rescale_factor\":0.00392156862745098e-10"),
        P_CASE("key image_mean: an array of numbers", METADATA, "\"image_mean\":0.5"),
        P_CASE("key image_mean: an array of numbers", METADATA, "\"image_mean\":[\"0\"]"),
        P_CASE("key image_mean: an array of numbers", METADATA, "\"image_mean\":[0.1234567890123456789012345678901234567890]"),
#define LONG "0.12345678901234567890123456789"
        P_CASE("key image_mean: an array of numbers", METADATA, "\"image_mean\":[" LONG "," LONG "," LONG "," LONG "," LONG "," LONG "]"),
        {"sizes without config's", OK, "shorter side 10", .config = HF(""), .hugging_face = true,
         .preprocessor = "{\"size\":{\"shortest_edge\":10}" RIGHT},
        {"squashed without config's size", OK, "squashed to 7", .config = HF(""), .hugging_face = true, .preprocessor = "{\"size\":7" RIGHT},
        {"another size", OK, "shorter side 18", .config = HF(",\"image_size\":8"), .hugging_face = true, .image_size = 16,
         .preprocessor = "{\"size\":{\"shortest_edge\":9}" RIGHT},
        {NULL, JSON, "preprocessor_config.json: ", .config = HF(""), .hugging_face = true, .preprocessor = "{"},
        {NULL, JSON, "preprocessor_config.json: an object", .config = HF(""), .hugging_face = true, .preprocessor = "[]"},
        {NULL, METADATA, "preprocessor_config.json says no mean and std", .config = HF(""), .hugging_face = true, .preprocessor = "{}"},
        {NULL, METADATA, "preprocessor_config.json says no mean and std", .config = HF(""), .hugging_face = true,
         .preprocessor = "{\"image_mean\":[0,0,0],\"image_std\":null}"},
        {"std said otherwise", OK, "mean 0,0,0, std 1,1,1", .config = HF(""), .hugging_face = true,
         .preprocessor = "{\"image_mean\":[0,0,0]}", .extra = "{\"std\":\"1,1,1\"}"},
    };
    CHECK(cases);
}

/* ---- timm ---- */

#define MEANS ",\"mean\":[0,0,0],\"std\":[1,1,1]}"
#define TIMM(members, pretrained)                                                                  \
    "{\"architecture\":\"vit\",\"pretrained_cfg\":{\"input_size\":[3,8,8]" pretrained MEANS members "}"
#define T_CASE(said, found, members, pretrained, n)                                                   \
    {said, found, said, .config = TIMM(members, pretrained), .heads = n}

static void test_config_of_timm(void **state)
{
    (void)state;
    static const parts_case cases[] = {
        T_CASE("heads 2 (as told)", OK, "", "", 2),
        T_CASE("heads 2", OK, ",\"model_args\":null", "", 2),
        T_CASE("key model_args: an object is expected", METADATA, ",\"model_args\":[]", "", 2),
        T_CASE("a whole number above 0 is expected", METADATA, ",\"model_args\":{\"num_heads\":0}", "", 2),
        T_CASE("heads 4", OK, ",\"model_args\":{\"num_heads\":4,\"pool_include_prefix\":false}", "", 0),
        T_CASE("key pool_include_prefix: the mean", UNSUPPORTED, ",\"model_args\":{\"pool_include_prefix\":true}", "", 2),
        T_CASE("key num_classes: a whole number", METADATA, ",\"num_classes\":-1", "", 2),
        T_CASE("classes: 5, but", METADATA, ",\"num_classes\":5", "", 2),
        T_CASE("3 classes without", OK, ",\"label_names\":null", "", 2),
        T_CASE("key label_names: an array of labels", METADATA, ",\"label_names\":{}", "", 2),
        T_CASE("key global_pool: token and avg", UNSUPPORTED, ",\"global_pool\":7", "", 2),
        T_CASE("key problem_type: only single_label", UNSUPPORTED, ",\"problem_type\":7", "", 2),
        T_CASE("crop 0.9", OK, "", ",\"crop_pct\":0.9,\"crop_mode\":\"center\"", 2),
        T_CASE("3 classes", OK, "", ",\"crop_pct\":null,\"crop_mode\":\"squash\"", 2),
        T_CASE("key crop_mode: center and squash", UNSUPPORTED, "", ",\"crop_mode\":\"border\"", 2),
        T_CASE("key crop_pct: a number", METADATA, "", ",\"crop_pct\":true", 2),
        T_CASE("key interpolation: bicubic and bilinear", UNSUPPORTED, "", ",\"interpolation\":\"lanczos\"", 2),
        T_CASE("key interpolation: bicubic and bilinear", UNSUPPORTED, "", ",\"interpolation\":7", 2),
        T_CASE("bilinear", OK, "", ",\"interpolation\":\"bilinear\"", 2),
#define SIZE(text) {text, METADATA, "key input_size: channels, height and width", .config = "{\"architecture\":\"vit\",\"pretrained_cfg\":{\"input_size\":" text "}}"}
        SIZE("[3,8]"), SIZE("[3,8,8,8]"), SIZE("[3,0,8]"), SIZE("[3,8,null]"), SIZE("[]"), SIZE("8"),
        {NULL, METADATA, "has no model_type", .config = "{}"},
        {"deit", OK, "heads 2", .config = "{\"model_type\":\"deit\",\"num_attention_heads\":2}", .preprocessor = "{\"size\":8" RIGHT, .hugging_face = true},
        {NULL, METADATA, "key architecture: a name", .config = "{\"architecture\":\"a\\n\"}"},
        {NULL, TENSOR, "config.json is of timm, but model.safetensors has names of Hugging Face", .config = TIMM("", ""), .hugging_face = true},
        {"where both grids could be", OK, "positions of zeros for the tokens", .config = TIMM("", ""), .heads = 2,
         .with = {{"reg_token", "1,2,D", NULL}, {"pos_embed", "1,4,D", NULL}}},
        {"the smaller of both", OK, "images 4 x 4, bicubic, mean 0,0,0, std 1,1,1", .heads = 2,
         .config = "{\"architecture\":\"vit\",\"pretrained_cfg\":{\"input_size\":[3,4,4]" MEANS "}",
         .with = {{"reg_token", "1,2,D", NULL}, {"pos_embed", "1,4,D", NULL}}},
        {NULL, METADATA, "config.json says no mean and std", .config = "{\"architecture\":\"vit\",\"pretrained_cfg\":{}}", .heads = 2},
    };
    CHECK(cases);
}
/* clang-format on */

/* ---- More than may be ---- */

/* "before", so many times the text with its number, "after". */
static char *repeated(const char *before, const char *text, uint32_t count, const char *after)
{
    const size_t most = strlen(before) + count * (strlen(text) + 10) + strlen(after) + 1;
    char *out = malloc(most);
    assert_non_null(out);
    size_t length = (size_t)snprintf(out, most, "%s", before);
    for (uint32_t i = 0; i < count; i++) {
        length += (size_t)snprintf(out + length, most - length, "%s", i > 0 ? "," : "");
        length += (size_t)snprintf(out + length, most - length, text, (unsigned)i);
    }
    snprintf(out + length, most - length, "%s", after);
    return out;
}

static void test_more_labels_than_classes_may_be(void **state)
{
    (void)state;
    static const uint32_t most = 65536;
    for (uint32_t more = 0; more < 2; more++) {
        char *object =
            repeated("{\"model_type\":\"vit\",\"id2label\":{", "\"%u\":\"a\"", most + more, "}}");
        char *array = repeated("[", "\"%u\"", most + more, "]");
        const parts_case cases[] = {
            {NULL, METADATA, more ? "key id2label: labels numbered" : "labels: 65536, but",
             .config = object, .preprocessor = "{\"size\":8" RIGHT, .hugging_face = true,
             .heads = 2},
            /* too many make it a text of one label, whose lines are counted */
            {NULL, METADATA, more ? "labels: 1, but" : "labels: 65536, but", .labels = array},
        };
        CHECK(cases);
        free(object);
        free(array);
    }
}

/* A file whose size alone is looked at. */
static uint64_t huge_text(void *context, const char *name)
{
    return strcmp(name, "config.json") == 0 ? VIT158_MAX_TEXT_BYTES + 1ULL
                                            : memory_size(context, name);
}

static void test_a_text_that_is_too_long(void **state)
{
    (void)state;
    static const parts_case from = {.config = "{}"};
    char said[2048];
    memory_files all;
    parts_make(&all, &from);
    const vit158_import_files files = {&all, huge_text, memory_read};
    assert_int_equal(parts_import(&files, &from, said), VIT158_E_LIMIT);
    assert_non_null(strstr(said, "config.json has 4194305 bytes, at most 4194304 are read"));
    parts_release(&all);
}

/* ---- Index ---- */

/* Imports a folder of Hugging Face with this index; every shard is the same small file. */
static uint64_t shard_size(void *context, const char *name)
{
    return strncmp(name, "shard", 5) == 0 ? 10 : memory_size(context, name);
}

static bool shard_read(void *context, const char *name, uint64_t offset, void *out, size_t n_bytes)
{
    static const char shard[] = "\2\0\0\0\0\0\0\0{}";
    if (strncmp(name, "shard", 5) != 0)
        return memory_read(context, name, offset, out, n_bytes);
    memcpy(out, shard + offset, n_bytes);
    return true;
}

static void expect_index(const char *text, size_t n_bytes, vit158_status status,
                         const char *sentence)
{
    static const parts_case from = {
        .config = HF(""), .preprocessor = "{\"size\":8" RIGHT, .file = "a.safetensors"};
    char said[2048];
    memory_files all;
    parts_make(&all, &from);
    all.files[all.count++] = (memory_file){"model.safetensors.index.json", text, n_bytes};
    const vit158_import_files files = {&all, shard_size, shard_read};
    const vit158_status found = parts_import(&files, &from, said);
    if (found != status || strstr(said, sentence) == NULL)
        fail_msg("%.200s: %d %s", text, (int)found, said);
    parts_release(&all);
}

static void test_indexes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        vit158_status status;
        const char *sentence;
    } cases[] = {
        {"{\"weight_map\":[]}", JSON, "there is no weight_map"},
        {"{}", JSON, "there is no weight_map"},
        {"{\"weight_map\":{}}", JSON, "weight_map is empty"},
        {"{\"weight_map\":{\"a\":7}}", JSON, "names a shard that is no file name"},
        {"{\"weight_map\":{\"a\":\"\"}}", JSON, "names a shard that is no file name"},
        {"{\"weight_map\":{\"a\":\"b\\u0061\"}}", JSON, "names a shard that is no file name"},
        {"{\"weight_map\":{\"a\":\"b/c\"}}", UNSUPPORTED, "leads out of the folder"},
        {"{\"weight_map\":{\"a\":\"b\\\\c\"}}", JSON, "names a shard that is no file name"},
        {"{\"weight_map\":{\"a\":\"..\"}}", UNSUPPORTED, "leads out of the folder"},
        {"{\"weight_map\":{\"a\":\"b\"}}", VIT158_E_IO, "b is missing"},
        {"{\"weight_map\":{\"a\":\"shard1\"}}", TENSOR, "tensor a is not in shard1"},
        {"{\"weight_map\":{\"a\":\"shard1\"},}", JSON, "a comma before a closing bracket"},
        {"{\"weight_map\":{\"a\" \"shard1\"}}", JSON, "a colon is expected"},
        {"{\"weight_map\":{\"a\":shard1}}", JSON, "a digit is expected"},
        {"{\"weight_map\"", JSON, "a colon is expected"},
        {"{\"weight_map\":{\"a\":\"shard1\"}} 7", JSON, "text after the end"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_index(cases[i].text, strlen(cases[i].text), cases[i].status, cases[i].sentence);
    static const struct {
        const char *entry;
        uint32_t count;
        vit158_status status;
        const char *sentence;
    } long_ones[] = {
        {"\"a%u\":\"shard\"", VIT158_MAX_TENSORS, TENSOR, "tensor a0 is not in shard"},
        {"\"a%u\":\"shard\"", VIT158_MAX_TENSORS + 1, JSON, "has more than 8,192 tensors"},
        {"\"a\":\"shard%u\"", 256, TENSOR, "tensor a is not in shard0"},
        {"\"a\":\"shard%u\"", 257, VIT158_E_LIMIT, "more than 256 files of weights"},
    };
    for (size_t i = 0; i < sizeof long_ones / sizeof long_ones[0]; i++) {
        char *text = repeated("{\"weight_map\":{", long_ones[i].entry, long_ones[i].count, "}}");
        expect_index(text, strlen(text), long_ones[i].status, long_ones[i].sentence);
        free(text);
    }
}

/* ---- The parser itself ---- */

static void test_nothing_is_read_after_a_problem(void **state)
{
    (void)state;
    vit158_json_in in = vit158_json_in_over("[1,2]", 5);
    vit158_json_value value;
    vit158_json_string key;
    char text[4];
    assert_false(vit158_json_in_problem(&in, "of the caller"));
    assert_false(vit158_json_in_value(&in, &value));
    assert_false(vit158_json_in_member(&in, &key, &value));
    assert_false(vit158_json_in_element(&in, &value));
    assert_string_equal(in.problem, "of the caller");
    in = vit158_json_in_over("[1,\"abcd\"]", 10);
    assert_true(vit158_json_in_enter(&in, '['));
    assert_true(vit158_json_in_element(&in, &value));
    assert_false(vit158_json_copy(text, sizeof text, &value));
    assert_true(vit158_json_number_text(text, sizeof text, &value));
    assert_true(vit158_json_in_element(&in, &value));
    assert_false(vit158_json_copy(text, sizeof text, &value)); /* longer */
    assert_false(vit158_json_in_element(&in, &value));
    assert_null(in.problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config_of_hugging_face),
        cmocka_unit_test(test_preprocessor),
        cmocka_unit_test(test_config_of_timm),
        cmocka_unit_test(test_more_labels_than_classes_may_be),
        cmocka_unit_test(test_a_text_that_is_too_long),
        cmocka_unit_test(test_indexes),
        cmocka_unit_test(test_nothing_is_read_after_a_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
