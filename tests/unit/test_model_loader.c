/* SPDX-License-Identifier: MIT
 *
 * Valid model files in all their forms: every tensor arrives where the engine looks for it, with
 * the values that the file holds, however the file is cut into pieces and its tensors ordered.
 */
#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "model/half.h"
#include "model/names.h"
#include "unit/model_files.h"
#include "unit/model_parts.h"

/* ---- Where the engine looks ---- */

static const void *part_of_linear(const vit158_linear *linear, uint32_t part)
{
    const void *const places[VIT158_LINEAR_PARTS] = {[VIT158_LINEAR_WEIGHT] = linear->weight,
                                                     [VIT158_LINEAR_BIAS] = linear->bias,
                                                     [VIT158_LINEAR_NORM_WEIGHT] =
                                                         linear->norm.weight,
                                                     [VIT158_LINEAR_NORM_BIAS] = linear->norm.bias,
                                                     [VIT158_LINEAR_SCALE] = linear->scale};
    return places[part];
}

static const void *place_of(const vit158_model *model, const char *name)
{
    const void *const globals[VIT158_SLOT_GLOBALS] = {
        [VIT158_SLOT_CLS] = model->cls,
        [VIT158_SLOT_POS] = model->pos,
        [VIT158_SLOT_PATCH_WEIGHT] = model->patch.weight,
        [VIT158_SLOT_PATCH_BIAS] = model->patch.bias,
        [VIT158_SLOT_NORM_WEIGHT] = model->norm.weight,
        [VIT158_SLOT_NORM_BIAS] = model->norm.bias,
        [VIT158_SLOT_HEAD_WEIGHT] = model->head.weight,
        [VIT158_SLOT_HEAD_BIAS] = model->head.bias};
    const uint32_t slot = vit158_slot_of_name(name);
    assert_true(slot < VIT158_SLOT_COUNT);
    if (slot < VIT158_SLOT_GLOBALS)
        return globals[slot];
    vit158_block *block = &model->blocks[(slot - VIT158_SLOT_GLOBALS) / VIT158_BLOCK_PARTS];
    const uint32_t part = (slot - VIT158_SLOT_GLOBALS) % VIT158_BLOCK_PARTS;
    const void *const norms[VIT158_PART_LINEARS] = {block->norm1.weight, block->norm1.bias,
                                                    block->norm2.weight, block->norm2.bias};
    if (part < VIT158_PART_LINEARS)
        return norms[part];
    const uint32_t in_linears = part - VIT158_PART_LINEARS;
    return part_of_linear(vit158_block_linear(block, in_linears / VIT158_LINEAR_PARTS),
                          in_linears % VIT158_LINEAR_PARTS);
}

static void check_tensor(const vit158_model *model, const file_tensor *tensor)
{
    const uint8_t *place = place_of(model, tensor->name);
    if (place == NULL)
        fail_msg("no %s", tensor->name);
    assert_int_equal((uintptr_t)place % 64, 0);
    if (strchr(tensor->dtype, '1') == NULL) { /* F32, U8, I8 lie there as stored */
        if (memcmp(place, tensor->data, (size_t)tensor->n_bytes) != 0)
            fail_msg("%s differs", tensor->name);
        return;
    }
    for (size_t i = 0; i < (size_t)tensor->n_bytes / 2; i++) {
        uint16_t half;
        memcpy(&half, tensor->data + 2 * i, sizeof half);
        const float want =
            tensor->dtype[0] == 'B' ? vit158_bf16_widen(half) : vit158_f16_widen(half);
        if (memcmp(place + 4 * i, &want, sizeof want) != 0)
            fail_msg("%s differs at %zu", tensor->name, i);
    }
}

/* ---- Opening ---- */

/* Opens in pieces of 1 .. largest bytes, random ones if `largest` is not 1. */
static vit158_model *open_pieces(file_bytes file, uint64_t expected, uint32_t largest)
{
    vit158_rng rng = vit158_rng_seed(largest);
    vit158_loader *loader = NULL;
    vit158_model *model = NULL;
    vit158_error error = {0};
    assert_int_equal(vit158_loader_create(&loader, expected, &error), VIT158_OK);
    for (size_t at = 0; at < file.n_bytes;) {
        size_t piece = 1 + vit158_rng_below(&rng, largest);
        if (piece > file.n_bytes - at)
            piece = file.n_bytes - at;
        if (vit158_loader_push(loader, file.data + at, piece, &error) != VIT158_OK)
            fail_msg("at %zu: %s", at, error.message);
        at += piece;
    }
    if (vit158_loader_finish(loader, &model, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    vit158_loader_close(loader);
    return model;
}

static vit158_model *open_whole(file_bytes file)
{
    vit158_model *model = NULL;
    vit158_error error = {0};
    if (vit158_model_open(&model, file.data, file.n_bytes, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    return model;
}

static void check_model(vit158_model *model, file_bytes file, const file_parts *parts)
{
    for (size_t i = 0; i < parts->tensor_count; i++)
        check_tensor(model, &parts->tensors[i]);
    assert_int_equal(model->info.file_bytes, file.n_bytes);
    vit158_model_close(model);
}

/* The file opened in every way holds what its parts say. */
static void check_file(file_bytes file, const file_parts *parts)
{
    check_model(open_whole(file), file, parts);
    check_model(open_pieces(file, 0, 1), file, parts);
    check_model(open_pieces(file, file.n_bytes, 1), file, parts);
    check_model(open_pieces(file, 0, 1000), file, parts);
    check_model(open_pieces(file, file.n_bytes, 100000), file, parts);
}

static void test_every_form_in_pieces_of_any_size(void **state)
{
    (void)state;
    static const vit158_encoding encodings[] = {VIT158_ENCODING_TRIT, VIT158_ENCODING_F32,
                                                VIT158_ENCODING_I8};
    for (int form = 0; form < 36; form++) {
        vit158_synth_options options = synth_small();
        options.encoding = encodings[form % 3];
        options.outer_norms = form / 3 % 3 != 1;
        options.inner_norms = form / 3 % 3 != 2;
        options.rest = form / 9 % 2 == 0 ? VIT158_DTYPE_F32 : VIT158_DTYPE_F16;
        options.row_scales = form / 18 == 1;
        const file_bytes file = synth_bytes(&options);
        file_parts *parts = parts_of(file);
        check_file(file, parts);
        vit158_model *model = open_whole(file);
        const vit158_linear *fc2 = &model->blocks[1].fc2;
        assert_int_equal(fc2->encoding, options.encoding);
        assert_int_equal(fc2->n_in, 13);
        assert_int_equal(fc2->n_out, 10);
        const bool coded = options.encoding != VIT158_ENCODING_F32;
        assert_int_equal(fc2->scale_count, !coded ? 0 : options.row_scales ? 10 : 1);
        assert_int_equal(fc2->scale != NULL, coded);
        assert_int_equal(fc2->norm.weight != NULL, options.inner_norms);
        assert_int_equal(model->blocks[1].norm1.weight != NULL, options.outer_norms);
        const bool trits = options.encoding == VIT158_ENCODING_TRIT;
        const uint64_t weights = 2 * (4 * 10 * 10 + 2 * 10 * 13);
        assert_int_equal(model->info.ternary_parameters, trits ? weights : 0);
        assert_int_equal(model->info.int8_parameters, coded && !trits ? weights : 0);
        vit158_model_close(model);
        parts_free(parts);
        free(file.data);
    }
}

/* Foreign files put tensors in any order, so that F32 values lie at odd offsets. */
static void test_any_order_and_bf16(void **state)
{
    (void)state;
    vit158_rng rng = vit158_rng_seed(5);
    for (int round = 0; round < 6; round++) {
        vit158_synth_options options = synth_small();
        options.rest = round % 2 == 0 ? VIT158_DTYPE_F16 : VIT158_DTYPE_F32;
        const file_bytes ordered = synth_bytes(&options);
        file_parts *parts = parts_of(ordered);
        for (size_t i = parts->tensor_count; i-- > 1;) {
            const size_t k = vit158_rng_below(&rng, (uint32_t)i + 1);
            const file_tensor swapped = parts->tensors[i];
            parts->tensors[i] = parts->tensors[k];
            parts->tensors[k] = swapped;
        }
        for (size_t i = 0; round >= 2 && i < parts->tensor_count; i++) {
            if (strcmp(parts->tensors[i].dtype, "F16") == 0 && i % 2 == 0)
                memcpy(parts->tensors[i].dtype, "BF16", 5);
        }
        const file_bytes file = parts_build(parts);
        check_file(file, parts);
        parts_free(parts);
        free(ordered.data);
        free(file.data);
    }
}

/* ---- Facts ---- */

static void test_info_metadata_and_labels(void **state)
{
    (void)state;
    const vit158_synth_options options = synth_small();
    const file_bytes plain = synth_bytes(&options);
    file_parts *parts = parts_of(plain);
    parts_set(parts, "labels", "[\"a \\\"b\\\"\", \"\", \"\\u00e4\xC3\xB6\"]");
    parts_set(parts, "norm_eps", "0.00002");
    parts_set(parts, "resize", "14");
    parts_set(parts, "interpolation", "bilinear");
    parts_set(parts, "mean", "0.1, 0.2 ,-0.3");
    const file_bytes file = parts_build(parts);
    vit158_model *model = open_whole(file);
    vit158_model_info info;
    vit158_model_get_info(model, &info);
    assert_int_equal(info.image_size, 12);
    assert_int_equal(info.patch_size, 4);
    assert_int_equal(info.channels, 3);
    assert_int_equal(info.dim, 10);
    assert_int_equal(info.depth, 2);
    assert_int_equal(info.heads, 2);
    assert_int_equal(info.mlp_dim, 13);
    assert_int_equal(info.classes, 3);
    assert_int_equal(info.tokens, 10);
    assert_int_equal(info.parameters, 10 + 100 + 480 + 10 + 20 + 30 + 3 +
                                          2 * (660 + 63 + 40 + 2 * (10 + 10 + 10 + 13)));
    assert_true(info.weight_bytes >= 4 * (info.parameters - info.ternary_parameters));
    assert_string_equal(vit158_model_label(model, 0), "a \"b\"");
    assert_string_equal(vit158_model_label(model, 1), "");
    assert_string_equal(vit158_model_label(model, 2), "\xC3\xA4\xC3\xB6");
    assert_null(vit158_model_label(model, 3));
    assert_string_equal(vit158_model_metadata(model, "trained"), "false");
    assert_null(vit158_model_metadata(model, "train"));
    assert_memory_equal(vit158_model_metadata_json(model), "{\"architecture\":", 16);
    assert_true(model->norm_eps == 2e-5F);
    assert_true(model->inner_norm_eps == 1e-5F);
    assert_int_equal(model->recipe.resize_size, 14);
    assert_int_equal(model->recipe.crop_size, 12);
    assert_int_equal(model->recipe.filter, VIT158_FILTER_BILINEAR);
    assert_true(model->recipe.mean[0] == 0.1F && model->recipe.mean[2] == -0.3F);
    vit158_model_close(model);
    parts_free(parts);
    free(plain.data);
    free(file.data);
}

/* What another tool wrote: no format, no encodings, no resize; "pt" is common. */
static void test_a_plain_checkpoint(void **state)
{
    (void)state;
    static const char *const removed[] = {
        "format_version", "encodings", "image_size", "patch_size", "channels", "dim",
        "depth",          "mlp_dim",   "classes",    "pooling",    "norm_eps", "interpolation"};
    vit158_synth_options options = synth_small();
    options.encoding = VIT158_ENCODING_F32;
    options.inner_norms = false;
    options.channels = 1;
    const file_bytes ours = synth_bytes(&options);
    file_parts *parts = parts_of(ours);
    for (size_t i = 0; i < sizeof removed / sizeof removed[0]; i++)
        parts_set(parts, removed[i], NULL);
    parts_set(parts, "format", "pt");
    parts_set(parts, "crop_pct", "0.9");
    const file_bytes file = parts_build(parts);
    check_file(file, parts);
    vit158_model *model = open_whole(file);
    assert_int_equal(model->recipe.resize_size, 13); /* floor(12 / 0.9) */
    assert_int_equal(model->recipe.filter, VIT158_FILTER_BICUBIC);
    assert_int_equal(model->recipe.channels, 1);
    assert_true(model->norm_eps == 1e-6F);
    assert_string_equal(vit158_model_label(model, 2), "");
    vit158_model_close(model);
    parts_free(parts);
    free(ours.data);
    free(file.data);
}

static void test_a_recipe_that_squashes(void **state)
{
    (void)state;
    const vit158_synth_options options = synth_small();
    const file_bytes ours = synth_bytes(&options);
    file_parts *parts = parts_of(ours);
    for (int squash = 0; squash < 2; squash++) {
        parts_set(parts, "resize_mode", squash ? "squash" : "shortest");
        parts_set(parts, "format_version", squash ? "2" : "1");
        const file_bytes file = parts_build(parts);
        vit158_model *model = open_whole(file);
        assert_int_equal(model->recipe.resize_mode,
                         squash ? VIT158_RESIZE_SQUASH : VIT158_RESIZE_SHORTEST);
        vit158_model_close(model);
        free(file.data);
    }
    parts_free(parts);
    free(ours.data);
}

/* Files made by tests/golden/make_model_corpus.py from FORMAT.md alone. */
static void test_the_smallest_files_of_another_writer(void **state)
{
    (void)state;
    static const char *const names[] = {"trit-6-f32", "trit-4-f16", "trit-2-bf16", "i8-6-f16",
                                        "f32-4",      "f16-2",      "bf16-6"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/fuzz/fuzz_model/%s", VIT158_TEST_DATA, names[i]);
        file_bytes file;
        file.data = read_all(path, &file.n_bytes);
        file_parts *parts = parts_of(file);
        check_file(file, parts);
        parts_free(parts);
        free(file.data);
    }
}

static void test_loader_states(void **state)
{
    (void)state;
    const vit158_synth_options options = synth_small();
    const file_bytes file = synth_bytes(&options);
    vit158_loader *loader = NULL;
    vit158_model *model = NULL;
    vit158_error error = {0};
    vit158_loader_close(NULL);
    vit158_model_close(NULL);
    assert_int_equal(vit158_loader_create(&loader, 0, &error), VIT158_OK);
    assert_int_equal(vit158_loader_push(loader, NULL, 0, &error), VIT158_OK);
    assert_int_equal(vit158_loader_push(loader, file.data, file.n_bytes, &error), VIT158_OK);
    assert_int_equal(vit158_loader_finish(loader, &model, &error), VIT158_OK);
    assert_non_null(model);
    vit158_model *second = NULL;
    assert_int_equal(vit158_loader_finish(loader, &second, &error), VIT158_E_STATE);
    assert_null(second);
    assert_int_equal(vit158_loader_push(loader, file.data, 1, &error), VIT158_E_STATE);
    vit158_loader_close(loader);
    vit158_model_close(model); /* outlives its loader */
    assert_int_equal(vit158_loader_create(&loader, 0, &error), VIT158_OK);
    assert_int_equal(vit158_loader_push(loader, NULL, 3, &error), VIT158_E_ARGUMENT);
    vit158_loader_close(loader);
    /* Closed in the middle: nothing is left (the sanitizer build looks). */
    assert_int_equal(vit158_loader_create(&loader, 0, &error), VIT158_OK);
    assert_int_equal(vit158_loader_push(loader, file.data, file.n_bytes - 9, NULL), VIT158_OK);
    vit158_loader_close(loader);
    free(file.data);
}

/* A file that lacks what no shape tells, and says something that is not so. */
static void test_added_metadata(void **state)
{
    (void)state;
    static const char json[] =
        "{\"heads\":\"2\",\"mean\":\"0.25,0.5,0.75\",\"std\":\"1,1,1\","
        "\"norm_eps\":\"1e-5\",\"labels\":\"[\\\"a\\\",\\\"b\\\",\\\"\\u00e4\\\"]\"}";
    const vit158_synth_options options = synth_small();
    const file_bytes ours = synth_bytes(&options);
    file_parts *parts = parts_of(ours);
    parts_set(parts, "heads", NULL);
    parts_set(parts, "mean", NULL);
    parts_set(parts, "std", NULL);
    const file_bytes file = parts_build(parts);
    vit158_loader *loader;
    vit158_model *model;
    vit158_error error;
    assert_int_equal(vit158_model_open(&model, file.data, file.n_bytes, &error), VIT158_E_METADATA);
    assert_int_equal(vit158_loader_create(&loader, 0, &error), VIT158_OK);
    assert_int_equal(vit158_loader_set_metadata(loader, "{\"heads\":3}", 11, &error),
                     VIT158_E_JSON);
    assert_int_equal(vit158_loader_set_metadata(loader, "{\"a\":\"b\"}", 9, &error), VIT158_OK);
    assert_int_equal(vit158_loader_set_metadata(loader, json, sizeof json - 1, &error), VIT158_OK);
    assert_int_equal(vit158_loader_push(loader, file.data, 1, &error), VIT158_OK);
    assert_int_equal(vit158_loader_set_metadata(loader, json, sizeof json - 1, &error),
                     VIT158_E_STATE); /* the first byte has come */
    assert_int_equal(vit158_loader_push(loader, file.data + 1, file.n_bytes - 1, &error),
                     VIT158_OK);
    assert_int_equal(vit158_loader_set_metadata(loader, json, sizeof json - 1, &error),
                     VIT158_E_STATE);
    assert_int_equal(vit158_loader_finish(loader, &model, &error), VIT158_OK);
    vit158_loader_close(loader);
    assert_int_equal(model->info.heads, 2);
    assert_true(model->norm_eps == 1e-5F);
    assert_true(model->recipe.mean[2] == 0.75F);
    assert_string_equal(vit158_model_label(model, 2), "\xc3\xa4");
    assert_string_equal(vit158_model_metadata(model, "norm_eps"), "1e-5");
    assert_string_equal(vit158_model_metadata(model, "trained"), "false");
    assert_null(vit158_model_metadata(model, "a")); /* what was given first */
    vit158_model_close(model);
    parts_free(parts);
    free(ours.data);
    free(file.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form_in_pieces_of_any_size),
        cmocka_unit_test(test_any_order_and_bf16),
        cmocka_unit_test(test_info_metadata_and_labels),
        cmocka_unit_test(test_a_plain_checkpoint),
        cmocka_unit_test(test_a_recipe_that_squashes),
        cmocka_unit_test(test_the_smallest_files_of_another_writer),
        cmocka_unit_test(test_loader_states),
        cmocka_unit_test(test_added_metadata),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
