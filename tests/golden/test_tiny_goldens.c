/* SPDX-License-Identifier: MIT
 *
 * Six tiny models (tests/golden/make_tiny_goldens.py) against PyTorch's float64 results: every step
 * of the forward pass, embedding, logits, attention and rollout; and every variant of the engine
 * against the scalar one, bit for bit.
 */
#include "unit/test.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/files.h"
#include "model/pack.h"
#include "vit158.h"

/* The goldens keep every activation 2.5e-4 away from a rounding boundary, so no quantized value may
 * differ, and what is left is float error: sums of at most 48 products in depth 2 stay below 40
 * roundings of 2^-24 each, relative to the largest value of a part. */
#define TOLERANCE (40.0F * 5.96e-8F)

static const char *const names[] = {"ternary-6", "ternary-4", "ternary-2",
                                    "float-6",   "float-4",   "float-2"};
#define NAME_COUNT (sizeof names / sizeof *names)

static void data_path(char path[512], const char *name, const char *ending)
{
    snprintf(path, 512, "%s/tiny/%s%s", VIT158_TEST_DATA, name, ending);
}

static vit158_model *open_model(const char *name)
{
    char path[512];
    vit158_model *model;
    vit158_error error;
    data_path(path, name, ".safetensors");
    if (vit158_open_model_file(&model, path, &error) != VIT158_OK)
        fail_msg("%s: %s", path, error.message);
    return model;
}

static float *read_golden(size_t *count, const char *name)
{
    char path[512];
    uint8_t *bytes;
    size_t n_bytes;
    vit158_error error;
    data_path(path, name, ".golden");
    if (vit158_read_file(&bytes, &n_bytes, path, (size_t)1 << 20, &error) != VIT158_OK)
        fail_msg("%s: %s", path, error.message);
    *count = n_bytes / sizeof(float);
    return (float *)(void *)bytes;
}

static void compare(const char *name, const char *part, const float *got, const float *want,
                    size_t count)
{
    float largest = 1.0F;
    for (size_t i = 0; i < count; i++)
        largest = fabsf(want[i]) > largest ? fabsf(want[i]) : largest;
    for (size_t i = 0; i < count; i++) {
        if (!(fabsf(got[i] - want[i]) <= TOLERANCE * largest))
            fail_msg("%s, %s[%zu]: got %.9g, PyTorch has %.9g", name, part, i, (double)got[i],
                     (double)want[i]);
    }
}

static vit158_session *make_session(const vit158_model *model, const vit158_options *options)
{
    vit158_session *session;
    vit158_error error;
    if (vit158_session_create(&session, model, options, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    return session;
}

/* Runs all steps, comparing the residual stream after each; the last block computes the class
 * token's row only. Returns the golden's position after the steps. */
static const float *compare_steps(vit158_session *session, const vit158_model_info *info,
                                  const char *name, const float *want)
{
    const uint32_t steps = vit158_session_step_count(session);
    const size_t count = (size_t)info->tokens * info->dim;
    float *const hidden = malloc(count * sizeof *hidden);
    assert_non_null(hidden);
    assert_int_equal(steps, 2 * info->depth + 2);
    for (uint32_t step = 0; step < steps; step++) {
        vit158_error error;
        assert_int_equal(vit158_session_step(session, &error), VIT158_OK);
        if (step + 1 == steps)
            break;
        const bool in_last_block = step + 3 >= steps;
        assert_int_equal(vit158_session_copy_hidden(session, hidden, count, &error), VIT158_OK);
        compare(name, vit158_session_step_name(session, step), hidden, want,
                in_last_block ? info->dim : count);
        want += count;
    }
    free(hidden);
    return want;
}

static void check_model(const char *name, const vit158_model *model, const float *golden,
                        size_t golden_count, const vit158_options *options)
{
    vit158_model_info info;
    vit158_error error;
    vit158_model_get_info(model, &info);
    vit158_session *const session = make_session(model, options);
    const size_t input_count = (size_t)info.channels * info.image_size * info.image_size;
    const size_t attention_count = (size_t)info.depth * info.heads * info.tokens;
    assert_int_equal(vit158_session_set_tensor(session, golden, input_count, &error), VIT158_OK);
    const float *want = compare_steps(session, &info, name, golden + input_count);
    compare(name, "embedding", vit158_session_embedding(session), want, info.dim);
    want += info.dim;
    compare(name, "logits", vit158_session_logits(session), want, info.classes);
    want += info.classes;
    compare(name, "attention", vit158_session_attention(session), want, attention_count);
    want += attention_count;
    compare(name, "rollout", vit158_session_rollout(session), want, info.tokens);
    want += info.tokens;
    assert_int_equal(want - golden, golden_count);
    vit158_session_close(session);
}

static void test_steps(void **state)
{
    (void)state;
    for (size_t i = 0; i < NAME_COUNT; i++) {
        size_t count;
        vit158_model *const model = open_model(names[i]);
        float *const golden = read_golden(&count, names[i]);
        for (uint32_t engine = VIT158_ENGINE_SCALAR; engine <= VIT158_ENGINE_SIMD128; engine++) {
            const vit158_options options = {.engine = (vit158_engine)engine, .explain = 1};
            check_model(names[i], model, golden, count, &options);
        }
        free(golden);
        vit158_model_close(model);
    }
}

/* Logits and embedding of one run, to be freed. */
static float *run(const vit158_model *model, const float *input, const vit158_options *options,
                  size_t *count)
{
    vit158_model_info info;
    vit158_error error;
    vit158_model_get_info(model, &info);
    vit158_session *const session = make_session(model, options);
    const size_t input_count = (size_t)info.channels * info.image_size * info.image_size;
    assert_int_equal(vit158_session_set_tensor(session, input, input_count, &error), VIT158_OK);
    assert_int_equal(vit158_session_run(session, NULL, NULL, &error), VIT158_OK);
    *count = info.classes + info.dim;
    float *const results = malloc(*count * sizeof *results);
    assert_non_null(results);
    memcpy(results, vit158_session_logits(session), info.classes * sizeof *results);
    memcpy(results + info.classes, vit158_session_embedding(session), info.dim * sizeof *results);
    vit158_session_close(session);
    return results;
}

static void test_variants_are_equal(void **state)
{
    (void)state;
    for (size_t i = 0; i < NAME_COUNT; i++) {
        size_t count;
        vit158_model *const model = open_model(names[i]);
        float *const golden = read_golden(&count, names[i]);
        const vit158_options scalar = {.engine = VIT158_ENGINE_SCALAR, .gemm = VIT158_GEMM_DOT};
        float *const want = run(model, golden, &scalar, &count);
        for (uint32_t variant = 0; variant < 12; variant++) {
            const vit158_options options = {.engine = (vit158_engine)(1 + variant % 2),
                                            .gemm = (vit158_gemm)(variant / 2 % 3),
                                            .threads = 1 + variant / 6,
                                            .explain = variant % 2};
            float *const got = run(model, golden, &options, &count);
            if (memcmp(got, want, count * sizeof *got) != 0)
                fail_msg("%s: engine %u, gemm %u, %u threads: other bits than the scalar engine",
                         names[i], options.engine, options.gemm, options.threads);
            free(got);
        }
        free(want);
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
    vit158_model *model;
    size_t count;
    data_path(latent, "latent-6", ".safetensors");
    if (vit158_pack_file(latent, packed, &pack, &report, &error) != VIT158_OK ||
        vit158_open_model_file(&model, packed, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    vit158_model *const expected = open_model("ternary-6");
    float *const golden = read_golden(&count, "ternary-6");
    float *const want = run(expected, golden, &options, &count);
    float *const got = run(model, golden, &options, &count);
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
