/* SPDX-License-Identifier: MIT */
#include "golden/step_goldens.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/files.h"
#include "engines.h"
#include "unit/test.h"

static void data_path(char path[512], const char *folder, const char *name, const char *ending)
{
    snprintf(path, 512, "%s/%s/%s%s", VIT158_TEST_DATA, folder, name, ending);
}

vit158_model *golden_model(const char *folder, const char *name)
{
    char path[512];
    vit158_model *model;
    vit158_error error;
    data_path(path, folder, name, ".safetensors");
    if (vit158_open_model_file(&model, path, &error) != VIT158_OK)
        fail_msg("%s: %s", path, error.message);
    return model;
}

float *golden_values(const char *folder, const char *name, size_t *count)
{
    char path[512];
    uint8_t *bytes;
    size_t n_bytes;
    vit158_error error;
    data_path(path, folder, name, ".golden");
    if (vit158_input_read(&bytes, &n_bytes, path, (size_t)1 << 20, &error) != VIT158_OK)
        fail_msg("%s: %s", path, error.message);
    *count = n_bytes / sizeof(float);
    return (float *)(void *)bytes;
}

size_t golden_input_count(const vit158_model *model)
{
    vit158_model_info info;
    vit158_model_get_info(model, &info);
    return (size_t)info.channels * info.image_size * info.image_size;
}

vit158_session *golden_session(const vit158_model *model, const vit158_options *options)
{
    vit158_session *session;
    vit158_error error;
    if (vit158_session_create(&session, model, options, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    return session;
}

static void compare(const char *name, const char *part, const float *got, const float *want,
                    size_t count, float tolerance)
{
    float largest = 1.0F;
    for (size_t i = 0; i < count; i++)
        largest = fabsf(want[i]) > largest ? fabsf(want[i]) : largest;
    for (size_t i = 0; i < count; i++) {
        if (!(fabsf(got[i] - want[i]) <= tolerance * largest))
            fail_msg("%s, %s[%zu]: got %.9g, PyTorch has %.9g", name, part, i, (double)got[i],
                     (double)want[i]);
    }
}

/* Tokens that the last block computes: those that the head reads. */
static size_t read_tokens(const vit158_model *model, const vit158_model_info *info)
{
    const char *pooling = vit158_model_metadata(model, "pooling");
    return pooling != NULL && strcmp(pooling, "avg") == 0 ? info->tokens
                                                          : info->embedding / info->dim;
}

/* Runs all steps; returns the golden's position after them. */
static const float *compare_steps(vit158_session *session, const vit158_model *model,
                                  const char *name, const float *want, float tolerance)
{
    vit158_model_info info;
    vit158_model_get_info(model, &info);
    const uint32_t steps = vit158_session_step_count(session);
    const size_t count = (size_t)info.tokens * info.dim;
    float *const hidden = malloc(count * sizeof *hidden);
    assert_non_null(hidden);
    assert_int_equal(steps, 2 * info.depth + 2);
    for (uint32_t step = 0; step < steps; step++) {
        vit158_error error;
        assert_int_equal(vit158_session_step(session, &error), VIT158_OK);
        if (step + 1 == steps)
            break;
        const bool in_last_block = step + 3 >= steps;
        assert_int_equal(vit158_session_copy_hidden(session, hidden, count, &error), VIT158_OK);
        compare(name, vit158_session_step_name(session, step), hidden, want,
                in_last_block ? read_tokens(model, &info) * info.dim : count, tolerance);
        want += count;
    }
    free(hidden);
    return want;
}

void golden_check(const char *name, const vit158_model *model, const float *golden, size_t count,
                  const vit158_options *options, float tolerance)
{
    vit158_model_info info;
    vit158_error error;
    vit158_model_get_info(model, &info);
    vit158_session *const session = golden_session(model, options);
    const size_t input_count = golden_input_count(model);
    const size_t attention_count = (size_t)info.depth * info.heads * info.tokens;
    assert_int_equal(vit158_session_set_tensor(session, golden, input_count, &error), VIT158_OK);
    const float *want = compare_steps(session, model, name, golden + input_count, tolerance);
    compare(name, "embedding", vit158_session_embedding(session), want, info.embedding, tolerance);
    want += info.embedding;
    compare(name, "logits", vit158_session_logits(session), want, info.classes, tolerance);
    want += info.classes;
    compare(name, "attention", vit158_session_attention(session), want, attention_count, tolerance);
    want += attention_count;
    compare(name, "rollout", vit158_session_rollout(session), want, info.tokens, tolerance);
    want += info.tokens;
    assert_int_equal(want - golden, count);
    vit158_session_close(session);
}

float *golden_run(const vit158_model *model, const float *input, const vit158_options *options,
                  size_t *count)
{
    vit158_model_info info;
    vit158_error error;
    vit158_model_get_info(model, &info);
    vit158_session *const session = golden_session(model, options);
    assert_int_equal(vit158_session_set_tensor(session, input, golden_input_count(model), &error),
                     VIT158_OK);
    assert_int_equal(vit158_session_run(session, NULL, NULL, &error), VIT158_OK);
    *count = info.classes + info.embedding;
    float *const results = malloc(*count * sizeof *results);
    assert_non_null(results);
    memcpy(results, vit158_session_logits(session), info.classes * sizeof *results);
    memcpy(results + info.classes, vit158_session_embedding(session),
           info.embedding * sizeof *results);
    vit158_session_close(session);
    return results;
}

void golden_check_variants(const char *name, const vit158_model *model, const float *input)
{
    size_t count;
    const vit158_options scalar = {.engine = VIT158_ENGINE_SCALAR, .gemm = VIT158_GEMM_DOT};
    float *const want = golden_run(model, input, &scalar, &count);
    const uint32_t engines = (uint32_t)last_engine();
    for (uint32_t variant = 0; variant < 6 * engines; variant++) {
        const vit158_options options = {.engine = (vit158_engine)(1 + variant % engines),
                                        .gemm = (vit158_gemm)(variant / engines % 3),
                                        .threads = 1 + variant / engines / 3,
                                        .explain = variant % 2};
        float *const got = golden_run(model, input, &options, &count);
        if (memcmp(got, want, count * sizeof *got) != 0)
            fail_msg("%s: engine %u, gemm %u, %u threads: other bits than the scalar engine", name,
                     options.engine, options.gemm, options.threads);
        free(got);
    }
    free(want);
}
