/* SPDX-License-Identifier: MIT
 *
 * Every layout of tests/data/import (made by PyTorch, tests/golden/make_import_layouts.py) gives
 * the reference's tensors bit for bit, and the logits that PyTorch computed.
 */
#include "unit/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/import_folder.h"
#include "import/import.h"
#include "import/positions.h"
#include "model/half.h"
#include "model/safetensors.h"

#define DATA VIT158_TEST_DATA "/import/"
#define HEADS 2U

static void import(vit158_draft *draft, vit158_import_report *report, const char *source,
                   vit158_import_weights weights, uint32_t size)
{
    char path[512];
    vit158_error error;
    vit158_import_folder *folder;
    vit158_import_files files;
    vit158_import_options options = {.weights = weights, .heads = HEADS, .image_size = size};
    snprintf(path, sizeof path, DATA "%s", source);
    assert_int_equal(vit158_import_folder_open(&folder, &files, &options.file, path, &error),
                     VIT158_OK);
    if (vit158_import_run(draft, report, &files, &options, &error) != VIT158_OK)
        fail_msg("%s: %s", source, error.message);
    assert_int_equal(draft->failure.status, VIT158_OK);
    vit158_import_folder_close(folder);
}

static const vit158_tensor_view *find(const vit158_draft *draft, const char *name)
{
    for (size_t i = 0; i < draft->tensor_count; i++) {
        if (strcmp(draft->tensors[i].name, name) == 0)
            return &draft->tensors[i];
    }
    fail_msg("the new model has no tensor %s", name);
    return NULL;
}

static float *read_all(const char *file, const char *name, size_t *count)
{
    vit158_safetensors *in;
    vit158_error error;
    if (vit158_safetensors_open(&in, file, &error) != VIT158_OK)
        fail_msg("%s: %s", file, error.message);
    const vit158_tensor_entry *entry = vit158_safetensors_find(in, name);
    assert_non_null(entry);
    *count = (size_t)entry->n_elements;
    float *values = malloc(*count * sizeof *values);
    assert_int_equal(vit158_safetensors_read_f32(in, entry, values, NULL), VIT158_OK);
    vit158_safetensors_close(in);
    return values;
}

typedef float (*rounding)(float value);

static float as_is(float value)
{
    return value;
}

static float to_f16(float value)
{
    uint16_t half = 0;
    assert_true(vit158_f16_narrow(&half, value));
    return vit158_f16_widen(half);
}

static float to_bf16(float value)
{
    const uint32_t bits = vit158_bits_from_float(value);
    return vit158_float_from_bits((bits + 0x7FFFU + (bits >> 16 & 1U)) & 0xFFFF0000U);
}

static void check_tensors(const char *source, rounding round)
{
    vit158_draft draft;
    vit158_import_report report;
    vit158_safetensors *reference;
    import(&draft, &report, source, VIT158_IMPORT_F32, 0);
    assert_int_equal(vit158_safetensors_open(&reference, DATA "reference.safetensors", NULL),
                     VIT158_OK);
    const vit158_header *header = vit158_safetensors_header(reference);
    assert_int_equal(draft.tensor_count, header->tensor_count);
    for (uint32_t i = 0; i < header->tensor_count; i++) {
        const vit158_tensor_entry *entry = &header->tensors[i];
        const vit158_tensor_view *view = find(&draft, entry->name);
        float *values = malloc((size_t)entry->n_elements * sizeof *values);
        assert_int_equal(vit158_safetensors_read_f32(reference, entry, values, NULL), VIT158_OK);
        assert_int_equal(view->rank, entry->rank);
        assert_memory_equal(view->shape, entry->shape, entry->rank * sizeof *view->shape);
        for (size_t j = 0; j < entry->n_elements; j++) {
            const float wanted = round(values[j]);
            if (memcmp((const float *)view->data + j, &wanted, sizeof wanted) != 0)
                fail_msg("%s: %s[%zu]", source, entry->name, j);
        }
        free(values);
    }
    vit158_safetensors_close(reference);
    vit158_draft_clear(&draft);
}

static void test_layouts_give_the_same_tensors(void **state)
{
    static const struct {
        const char *source;
        rounding round;
    } layouts[] = {{"hf4", as_is},
                   {"hf5", as_is},
                   {"hf4-sharded", as_is},
                   {"hf4-bin", as_is},
                   {"timm", as_is},
                   {"timm-wrapper", as_is},
                   {"bare-timm.safetensors", as_is},
                   {"bare-f64.safetensors", as_is},
                   {"bare-f16.safetensors", to_f16},
                   {"bare-bf16.safetensors", to_bf16},
                   {"torchvision.safetensors", as_is},
                   {"plain.pth", as_is},
                   {"model-key.pth", as_is},
                   {"state-dict-module.pth", as_is}};
    (void)state;
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++)
        check_tensors(layouts[i].source, layouts[i].round);
}

/* ---- Logits ---- */

/* Writes the draft, runs the images of `verify` and returns the largest difference to PyTorch's
 * logits, as a share of the largest logit. */
static double difference(const vit158_draft *draft, const char *verify)
{
    static const char path[] = "test_import_layouts.safetensors";
    char file[512];
    size_t count, logit_count;
    vit158_error error;
    assert_int_equal(vit158_draft_write(draft, path, NULL, &error), VIT158_OK);
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    static uint8_t bytes[1 << 18];
    const size_t n_bytes = fread(bytes, 1, sizeof bytes, stream);
    fclose(stream);
    remove(path);
    snprintf(file, sizeof file, DATA "%s", verify);
    float *pixels = read_all(file, "pixel_values", &count);
    float *wanted = read_all(file, "logits", &logit_count);
    vit158_model *model;
    vit158_session *session;
    assert_int_equal(vit158_model_open(&model, bytes, n_bytes, &error), VIT158_OK);
    assert_int_equal(vit158_session_create(&session, model, NULL, &error), VIT158_OK);
    vit158_model_info info;
    vit158_model_get_info(model, &info);
    const size_t one = (size_t)3 * info.image_size * info.image_size;
    double largest = 0.0;
    double apart = 0.0;
    for (size_t image = 0; image < count / one; image++) {
        assert_int_equal(vit158_session_set_tensor(session, pixels + image * one, one, &error),
                         VIT158_OK);
        assert_int_equal(vit158_session_run(session, NULL, NULL, &error), VIT158_OK);
        const float *logits = vit158_session_logits(session);
        for (size_t c = 0; c < info.classes; c++) {
            const double expected = (double)wanted[image * info.classes + c];
            largest = fmax(largest, fabs(expected));
            apart = fmax(apart, fabs((double)logits[c] - expected));
        }
    }
    vit158_session_close(session);
    vit158_model_close(model);
    free(pixels);
    free(wanted);
    return apart / largest;
}

static void test_logits_are_pytorchs(void **state)
{
    static const struct {
        const char *source;
        const char *verify;
        vit158_import_weights weights;
        double at_most;
    } cases[] = {{"hf5", "verify.safetensors", VIT158_IMPORT_F32, 1e-5},
                 {"plain.pth", "verify.safetensors", VIT158_IMPORT_F32, 1e-5},
                 {"folded.safetensors", "folded-verify.safetensors", VIT158_IMPORT_F32, 1e-5},
                 {"timm", "verify.safetensors", VIT158_IMPORT_F16, 5e-3},
                 {"timm", "verify.safetensors", VIT158_IMPORT_I8, 5e-2}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        vit158_draft draft;
        vit158_import_report report;
        import(&draft, &report, cases[i].source, cases[i].weights, 0);
        const double apart = difference(&draft, cases[i].verify);
        if (apart > cases[i].at_most)
            fail_msg("%s: %g of the largest logit apart", cases[i].source, apart);
        vit158_draft_clear(&draft);
    }
}

/* ---- Positions ---- */

static void test_positions_are_resized_as_timm_does(void **state)
{
    static const uint32_t sides[] = {3, 6, 7};
    (void)state;
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
        char name[16];
        size_t count;
        vit158_draft draft;
        vit158_import_report report;
        snprintf(name, sizeof name, "pos%u", (unsigned)sides[i]);
        float *wanted = read_all(DATA "positions.safetensors", name, &count);
        import(&draft, &report, "bare-timm.safetensors", VIT158_IMPORT_F32, 4 * sides[i]);
        const vit158_tensor_view *view = find(&draft, "pos_embed");
        assert_int_equal(view->shape[1] * view->shape[2], count);
        for (size_t j = 0; j < count; j++)
            assert_true(fabsf(((const float *)view->data)[j] - wanted[j]) <= 1e-6F);
        assert_non_null(strstr(report.text, "positions resized from 4 x 4"));
        free(wanted);
        vit158_draft_clear(&draft);
    }
}

/* ---- Ternary weights ---- */

static void test_ternary_weights_keep_their_scales(void **state)
{
    vit158_draft draft;
    vit158_import_report report;
    size_t count;
    (void)state;
    import(&draft, &report, "ternary.safetensors", VIT158_IMPORT_F32, 0);
    const vit158_tensor_view *scale = find(&draft, "blocks.1.mlp.fc1.scale");
    float *weights = read_all(DATA "ternary.safetensors", "blocks.1.mlp.fc1.weight", &count);
    assert_int_equal(scale->shape[0], 32);
    for (size_t o = 0; o < 32; o++) {
        float largest = 0.0F;
        for (size_t i = 0; i < 16; i++)
            largest = fmaxf(largest, fabsf(weights[o * 16 + i]));
        assert_memory_equal((const float *)scale->data + o, &largest, sizeof largest);
    }
    assert_int_equal(find(&draft, "blocks.1.mlp.fc1.weight")->dtype, VIT158_DTYPE_U8);
    assert_non_null(strstr(report.text, "ternary already"));
    free(weights);
    vit158_draft_clear(&draft);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layouts_give_the_same_tensors),
        cmocka_unit_test(test_logits_are_pytorchs),
        cmocka_unit_test(test_positions_are_resized_as_timm_does),
        cmocka_unit_test(test_ternary_weights_keep_their_scales),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
