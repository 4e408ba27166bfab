/* SPDX-License-Identifier: MIT
 *
 * Six tiny models (tests/golden/make_tiny_goldens.py) against PyTorch's float64 results: every step
 * of the forward pass, embedding, logits, attention and rollout; and every variant of the engine
 * against the scalar one, bit for bit.
 */
#include "golden/step_goldens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/files.h"
#include "engines.h"
#include "model/pack.h"
#include "unit/test.h"

/* The goldens keep every activation 2.5e-4 away from a rounding boundary, so no quantized value may
 * differ, and what is left is float error: sums of at most 48 products in depth 2 stay below 40
 * roundings of 2^-24 each, relative to the largest value of a part. */
#define TOLERANCE (40.0F * 5.96e-8F)

static const char *const names[] = {"ternary-6", "ternary-4", "ternary-2",
                                    "float-6",   "float-4",   "float-2"};
#define NAME_COUNT (sizeof names / sizeof *names)

static void test_steps(void **state)
{
    (void)state;
    for (size_t i = 0; i < NAME_COUNT; i++) {
        size_t count;
        vit158_model *const model = golden_model("tiny", names[i]);
        float *const golden = golden_values("tiny", names[i], &count);
        for (uint32_t engine = VIT158_ENGINE_SCALAR; engine <= last_engine(); engine++) {
            const vit158_options options = {.engine = (vit158_engine)engine, .explain = 1};
            golden_check(names[i], model, golden, count, &options, TOLERANCE);
        }
        free(golden);
        vit158_model_close(model);
    }
}

static void test_variants_are_equal(void **state)
{
    (void)state;
    for (size_t i = 0; i < NAME_COUNT; i++) {
        size_t count;
        vit158_model *const model = golden_model("tiny", names[i]);
        float *const golden = golden_values("tiny", names[i], &count);
        golden_check_variants(names[i], model, golden);
        free(golden);
        vit158_model_close(model);
    }
}

/* Our packer quantizes the latent weights to the very codes that PyTorch gave. */
static void test_packed_latent(void **state)
{
    (void)state;
    char latent[512];
    const char *const packed = "test_tiny_packed.safetensors";
    const vit158_pack_options pack = {.rest = VIT158_DTYPE_F32};
    const vit158_options options = {.explain = 0};
    vit158_pack_report report;
    vit158_error error;
    vit158_model *model = NULL;
    size_t count;
    snprintf(latent, sizeof latent, "%s/tiny/latent-6.safetensors", VIT158_TEST_DATA);
    if (vit158_pack_file(latent, packed, &pack, &report, &error) != VIT158_OK ||
        vit158_open_model_file(&model, packed, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    vit158_model *const expected = golden_model("tiny", "ternary-6");
    float *const golden = golden_values("tiny", "ternary-6", &count);
    float *const want = golden_run(expected, golden, &options, &count);
    float *const got = golden_run(model, golden, &options, &count);
    assert_memory_equal(got, want, count * sizeof *got);
    free(got);
    free(want);
    free(golden);
    vit158_model_close(expected);
    vit158_model_close(model);
    remove(packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_variants_are_equal),
        cmocka_unit_test(test_packed_latent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
