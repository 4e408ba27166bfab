/* SPDX-License-Identifier: MIT
 *
 * Sessions on seeded random models: against the naive forward pass, and the same bits for every
 * engine, kernel, thread count and explain setting; states, errors and aborts.
 */
#include "unit/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/session.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "engines.h"
#include "unit/naive_forward.h"
#include "unit/random_model.h"
#include "unit/session_fixture.h"

static void check_against_naive(random_shape shape, uint64_t seed, double tolerance)
{
    vit158_model *model = random_model_make(shape, seed);
    float *tensor = random_tensor(model, seed + 1);
    vit158_session *session = open_session(model, (vit158_options){.explain = 1});
    run_tensor(session, model, tensor);
    const size_t n = model->info.tokens, rows = (size_t)shape.depth * shape.heads;
    double *memory = calloc(shape.classes + shape.dim + rows * n + n, sizeof *memory);
    assert_non_null(memory);
    naive_result naive = {.logits = memory, .embedding = memory + shape.classes};
    naive.attention = naive.embedding + shape.dim;
    naive.rollout = naive.attention + rows * n;
    naive_forward(model, tensor, &naive);
    assert_near("logits", vit158_session_logits(session), naive.logits, shape.classes, tolerance);
    assert_near("embedding", vit158_session_embedding(session), naive.embedding, shape.dim,
                tolerance);
    assert_near("attention", vit158_session_attention(session), naive.attention, rows * n,
                tolerance / 10);
    assert_near("rollout", vit158_session_rollout(session), naive.rollout, n, tolerance / 10);
    free(memory);
    vit158_session_close(session);
    free(tensor);
    random_model_free(model);
}

static void test_equals_the_naive_forward_pass(void **state)
{
    (void)state;
    const vit158_encoding encodings[] = {VIT158_ENCODING_F32, VIT158_ENCODING_TRIT,
                                         VIT158_ENCODING_I8};
    for (uint64_t seed = 1; seed <= 3; seed++) {
        for (int e = 0; e < 3; e++) {
            for (int norms = 0; norms < 3; norms++) {
                random_shape shape = small_shape;
                shape.encoding = encodings[e];
                shape.outer_norms = norms != 1;
                shape.inner_norms = norms != 2;
                shape.row_scales = seed == 2;
                check_against_naive(shape, seed, 2e-4);
            }
        }
    }
}

static void test_grey_and_other_geometries(void **state)
{
    (void)state;
    random_shape shape = small_shape;
    shape.channels = 1;
    shape.side = 28;
    shape.depth = 1; /* the first block is the last */
    check_against_naive(shape, 5, 2e-4);
    shape.side = 4; /* one patch */
    shape.depth = 3;
    shape.classes = 1;
    check_against_naive(shape, 6, 2e-4);
}

/* From 128 tokens on quantized models attend in int16: close to the float result, not equal. The
 * tolerance is that of an int8 activation or two that round the other way. */
static void test_long_sequences(void **state)
{
    (void)state;
    random_shape shape = small_shape;
    shape.side = 48;
    shape.dim = 35; /* heads of 7 channels: an odd number of them in a pair matrix */
    check_against_naive(shape, 7, 3e-2);
    shape.encoding = VIT158_ENCODING_I8;
    check_against_naive(shape, 8, 3e-2);
    shape.encoding = VIT158_ENCODING_F32;
    check_against_naive(shape, 9, 2e-4);
}

/* Blocks of a pruned model: fewer heads, narrower MLPs. */
static void test_uneven_blocks(void **state)
{
    (void)state;
    random_shape shape = small_shape;
    shape.uneven = true;
    shape.depth = 3;
    shape.encoding = VIT158_ENCODING_F32;
    check_against_naive(shape, 10, 2e-4);
    shape.encoding = VIT158_ENCODING_TRIT;
    check_against_naive(shape, 11, 2e-4);
    shape.side = 48; /* attention in int16 */
    shape.dim = 35;
    check_against_naive(shape, 13, 3e-2);
}

static void assert_same_logits(const vit158_model *model, const float *tensor,
                               vit158_options options, const float *expected)
{
    vit158_session *session = open_session(model, options);
    for (int round = 0; round < 2; round++) {
        run_tensor(session, model, tensor);
        assert_memory_equal(vit158_session_logits(session), expected,
                            model->info.classes * sizeof *expected);
    }
    vit158_session_close(session);
}

static void test_every_variant_gives_the_same_bits(void **state)
{
    (void)state;
    const vit158_encoding encodings[] = {VIT158_ENCODING_F32, VIT158_ENCODING_TRIT,
                                         VIT158_ENCODING_I8};
    for (int e = 0; e < 6; e++) {
        random_shape shape = small_shape;
        shape.encoding = encodings[e % 3];
        shape.side = e < 3 ? 32 : 48; /* 65 and 145 tokens */
        shape.dim = 51;
        shape.heads = 3;
        shape.mlp_dim = 101;
        shape.uneven = e % 2 == 1;
        vit158_model *model = random_model_make(shape, 11);
        float *tensor = random_tensor(model, 12);
        vit158_session *first = open_session(model, (vit158_options){.engine = 1});
        run_tensor(first, model, tensor);
        const float *expected = vit158_session_logits(first);
        for (vit158_engine engine = VIT158_ENGINE_AUTO; engine <= last_engine(); engine++)
            for (vit158_gemm gemm = VIT158_GEMM_AUTO; gemm <= VIT158_GEMM_TABLE; gemm++)
                for (uint32_t threads = 1; threads <= 3; threads++)
                    for (uint32_t explain = 0; explain <= 1; explain++)
                        assert_same_logits(model, tensor,
                                           (vit158_options){.engine = engine,
                                                            .gemm = gemm,
                                                            .threads = threads,
                                                            .explain = explain},
                                           expected);
        vit158_session_close(first);
        free(tensor);
        random_model_free(model);
    }
}

/* Wide enough for products in parts; and the caller alone in between, as if helpers held it up. */
static void test_shared_work_gives_the_same_bits(void **state)
{
    (void)state;
    random_shape shape = small_shape;
    shape.encoding = VIT158_ENCODING_TRIT;
    shape.side = 32;
    shape.dim = 504; /* 15 parts: for 2 and 3 workers; 9 are too many */
    shape.heads = 6;
    shape.mlp_dim = 511;
    vit158_model *model = random_model_make(shape, 13);
    float *tensor = random_tensor(model, 14);
    const size_t bytes = model->info.classes * sizeof(float);
    vit158_session *first = open_session(model, (vit158_options){.engine = 1});
    run_tensor(first, model, tensor);
    const uint32_t team_sizes[] = {2, 3, 9};
    for (uint32_t i = 0; i < 3; i++) {
        vit158_session *s = open_session(
            model, (vit158_options){.gemm = VIT158_GEMM_TABLE, .threads = team_sizes[i]});
        const vit158_product_parts *parts =
            s->forward.kernels->q8[VIT158_ENCODING_TRIT][VIT158_WAY_TABLE].parts;
        assert_true(parts != NULL && parts->count(shape.dim) == 15);
        uint32_t alone = 0;
        for (uint32_t image = 0; image < 12; image++) {
            alone += s->forward.pool->alone;
            run_tensor(s, model, tensor);
            assert_memory_equal(vit158_session_logits(s), vit158_session_logits(first), bytes);
            vit158_session_took(s, s->forward.pool->alone ? 2.0 : image < 2 ? 1.0 : 3.0);
        }
        assert_in_range(alone, 5, 9);
        vit158_session_close(s);
    }
    vit158_session_close(first);
    free(tensor);
    random_model_free(model);
}

static void test_states(void **state)
{
    (void)state;
    vit158_model *model = random_model_make(small_shape, 1);
    float *tensor = random_tensor(model, 2);
    vit158_session *s = open_session(model, (vit158_options){0});
    vit158_error error;
    vit158_prediction best[3];
    assert_null(vit158_session_logits(s));
    assert_null(vit158_session_embedding(s));
    assert_null(vit158_session_tensor(s));
    assert_null(vit158_session_attention(s));
    assert_int_equal(vit158_session_top_k(s, best, 3), 0);
    assert_int_equal(vit158_session_step(s, &error), VIT158_E_STATE);
    assert_int_equal(vit158_session_run(s, NULL, NULL, &error), VIT158_E_STATE);
    const uint8_t row[36] = {0};
    assert_int_equal(vit158_session_push_rows(s, row, 36, 1, &error), VIT158_E_STATE);

    assert_int_equal(vit158_session_set_tensor(s, tensor, 5, &error), VIT158_E_ARGUMENT);
    assert_string_equal(error.message,
                        "the tensor has 5 values, the model takes 3 x 12 x 12 = 432");
    run_tensor(s, model, tensor);
    assert_int_equal(vit158_session_step(s, &error), VIT158_E_STATE);
    assert_int_equal(vit158_session_top_k(s, best, 3), 3);
    assert_true(best[0].score >= best[1].score && best[1].score >= best[2].score);

    tensor[17] = NAN;
    assert_int_equal(vit158_session_set_tensor(s, tensor, tensor_count(model), &error),
                     VIT158_E_ARGUMENT);
    assert_null(vit158_session_logits(s));
    vit158_session_close(s);
    vit158_session_close(NULL);
    free(tensor);
    random_model_free(model);
}

static void test_bad_options(void **state)
{
    (void)state;
    vit158_model *model = random_model_make(small_shape, 1);
    vit158_session *s = (vit158_session *)1;
    vit158_error error;
    assert_int_equal(
        vit158_session_create(&s, model, &(vit158_options){.engine = (vit158_engine)9}, &error),
        VIT158_E_ARGUMENT);
    assert_null(s);
    assert_int_equal(
        vit158_session_create(&s, model, &(vit158_options){.gemm = (vit158_gemm)9}, &error),
        VIT158_E_ARGUMENT);
    assert_int_equal(vit158_session_create(&s, model, &(vit158_options){.threads = 65}, &error),
                     VIT158_E_ARGUMENT);
    assert_int_equal(vit158_session_create(&s, NULL, NULL, &error), VIT158_E_ARGUMENT);
    assert_int_equal(vit158_session_create(NULL, model, NULL, &error), VIT158_E_ARGUMENT);
    assert_int_equal(vit158_engine_runs(VIT158_ENGINE_AUTO), 1);
    assert_int_equal(vit158_engine_runs(VIT158_ENGINE_SCALAR), 1);
    assert_int_equal(vit158_engine_runs((vit158_engine)9), 0);
    random_model_free(model);
}

static int stop_at(void *context, uint32_t step)
{
    return step == *(const uint32_t *)context;
}

static void test_abort_and_go_on(void **state)
{
    (void)state;
    vit158_model *model = random_model_make(small_shape, 1);
    float *tensor = random_tensor(model, 2);
    vit158_session *s = open_session(model, (vit158_options){0});
    run_tensor(s, model, tensor);
    float expected[7];
    memcpy(expected, vit158_session_logits(s), sizeof expected);
    const uint32_t steps = vit158_session_step_count(s);
    assert_int_equal(steps, 6);
    for (uint32_t stop = 0; stop < steps; stop++) {
        vit158_error error;
        assert_int_equal(vit158_session_set_tensor(s, tensor, tensor_count(model), &error),
                         VIT158_OK);
        assert_int_equal(vit158_session_run(s, stop_at, &stop, &error), VIT158_E_ABORTED);
        assert_non_null(strstr(error.message, vit158_session_step_name(s, stop)));
        assert_null(vit158_session_logits(s));
        assert_int_equal(vit158_session_run(s, NULL, NULL, &error), VIT158_OK);
        assert_memory_equal(vit158_session_logits(s), expected, sizeof expected);
    }
    vit158_session_close(s);
    free(tensor);
    random_model_free(model);
}

static void test_step_names_and_hidden_state(void **state)
{
    (void)state;
    vit158_model *model = random_model_make(small_shape, 1);
    float *tensor = random_tensor(model, 2);
    vit158_session *s = open_session(model, (vit158_options){0});
    const char *names[] = {"embed",         "blocks.0.attn", "blocks.0.mlp",
                           "blocks.1.attn", "blocks.1.mlp",  "head"};
    float hidden[10 * 20];
    vit158_error error;
    assert_int_equal(vit158_session_set_tensor(s, tensor, tensor_count(model), &error), VIT158_OK);
    assert_int_equal(vit158_session_copy_hidden(s, hidden, 200, &error), VIT158_E_STATE);
    for (uint32_t i = 0; i < 6; i++) {
        assert_string_equal(vit158_session_step_name(s, i), names[i]);
        assert_int_equal(vit158_session_step(s, &error), VIT158_OK);
        assert_int_equal(vit158_session_copy_hidden(s, hidden, 200, &error),
                         i < 5 ? VIT158_OK : VIT158_E_STATE);
        if (i < 5)
            assert_int_equal(vit158_session_copy_hidden(s, hidden, 199, &error), VIT158_E_ARGUMENT);
        if (i == 0) /* token 0 after embed is cls + pos[0] */
            for (uint32_t c = 0; c < 20; c++)
                assert_true(hidden[c] == model->cls[c] + model->pos[c]);
        if (i == 3 || i == 4) /* of the last block only token 0 */
            for (size_t j = 20; j < 200; j++)
                assert_true(hidden[j] == 0.0F);
    }
    assert_null(vit158_session_step_name(s, 6));
    vit158_session_close(s);
    free(tensor);
    random_model_free(model);
}

/* [N][d] as the hash wants it: [d][computed]. */
static void transpose(float *out, const float *hidden, uint32_t computed)
{
    for (uint32_t c = 0; c < 20; c++)
        for (uint32_t t = 0; t < computed; t++)
            out[c * computed + t] = hidden[t * 20 + c];
}

static void test_state_hash_is_of_what_each_step_left(void **state)
{
    (void)state;
    vit158_model *model = random_model_make(small_shape, 1);
    float *tensor = random_tensor(model, 2);
    vit158_session *s = open_session(model, (vit158_options){0});
    float hidden[10 * 20];
    float values[10 * 20];
    char hash[65];
    char expected[65];
    vit158_error error;
    assert_int_equal(vit158_session_state_sha256(s, hash, &error), VIT158_E_STATE);
    assert_int_equal(vit158_session_set_tensor(s, tensor, tensor_count(model), &error), VIT158_OK);
    assert_int_equal(vit158_session_state_sha256(s, hash, &error), VIT158_OK);
    vit158_sha256_hex(expected, tensor, tensor_count(model) * sizeof *tensor);
    assert_string_equal(hash, expected);
    for (uint32_t i = 0; i < 5; i++) {
        const uint32_t computed = i < 3 ? 10 : 1;
        assert_int_equal(vit158_session_step(s, &error), VIT158_OK);
        assert_int_equal(vit158_session_copy_hidden(s, hidden, 200, &error), VIT158_OK);
        transpose(values, hidden, computed);
        vit158_sha256_hex(expected, values, computed * 20 * sizeof *values);
        assert_int_equal(vit158_session_state_sha256(s, hash, &error), VIT158_OK);
        assert_string_equal(hash, expected);
    }
    assert_int_equal(vit158_session_step(s, &error), VIT158_OK);
    vit158_sha256_hex(expected, vit158_session_logits(s), model->info.classes * sizeof(float));
    assert_int_equal(vit158_session_state_sha256(s, hash, &error), VIT158_OK);
    assert_string_equal(hash, expected);
    vit158_session_close(s);
    free(tensor);
    random_model_free(model);
}

static void test_overflowing_weights_are_an_error(void **state)
{
    (void)state;
    random_shape shape = small_shape;
    shape.encoding = VIT158_ENCODING_F32;
    shape.inner_norms = false;
    shape.outer_norms = true;
    shape.spread = 1e38F;
    vit158_model *model = random_model_make(shape, 3);
    float *tensor = random_tensor(model, 4);
    vit158_session *s = open_session(model, (vit158_options){0});
    vit158_error error;
    assert_int_equal(vit158_session_set_tensor(s, tensor, tensor_count(model), &error), VIT158_OK);
    assert_int_equal(vit158_session_run(s, NULL, NULL, &error), VIT158_E_NUMERIC);
    assert_null(vit158_session_logits(s));
    vit158_session_close(s);
    free(tensor);
    random_model_free(model);
}

/* One wild pixel: the integers of quantized layers and of attention must not hide it. */
static void expect_overflow(random_shape shape, vit158_engine engine)
{
    vit158_model *model = random_model_make(shape, 5);
    float *tensor = random_tensor(model, 6);
    vit158_session *s = open_session(model, (vit158_options){.engine = engine});
    vit158_error error;
    run_tensor(s, model, tensor);
    const size_t count = tensor_count(model);
    const float wild[] = {3e38F, -1e20F};
    for (size_t i = 0; i < sizeof wild / sizeof *wild; i++) {
        const float kept = tensor[count / 2];
        tensor[count / 2] = wild[i];
        assert_int_equal(vit158_session_set_tensor(s, tensor, count, &error), VIT158_OK);
        assert_int_equal(vit158_session_run(s, NULL, NULL, &error), VIT158_E_NUMERIC);
        tensor[count / 2] = kept;
    }
    run_tensor(s, model, tensor);
    vit158_session_close(s);
    free(tensor);
    random_model_free(model);
}

static void test_overflowing_inputs_are_an_error(void **state)
{
    (void)state;
    const vit158_encoding encodings[] = {VIT158_ENCODING_TRIT, VIT158_ENCODING_I8,
                                         VIT158_ENCODING_F32};
    for (uint32_t i = 0; i < 3 * 2 * 2; i++) {
        random_shape shape = small_shape;
        shape.encoding = encodings[i / 4];
        shape.outer_norms = true;
        shape.inner_norms = i % 2 == 1;
        shape.side = i / 2 % 2 == 1 ? 48 : 12; /* 145 tokens: attention in integers */
        expect_overflow(shape, VIT158_ENGINE_AUTO);
        expect_overflow(shape, VIT158_ENGINE_SCALAR);
    }
}

static double fake_clock(void)
{
    static double now;
    return now += 1.0;
}

static void test_timing_adds_up(void **state)
{
    (void)state;
    vit158_model *model = random_model_make(small_shape, 1);
    float *tensor = random_tensor(model, 2);
    vit158_session *s = open_session(model, (vit158_options){.now_ms = fake_clock});
    run_tensor(s, model, tensor);
    vit158_timing timing;
    vit158_session_timing(s, &timing);
    assert_true(timing.embed == 1.0 && timing.blocks == 4.0 && timing.head == 1.0);
    for (uint32_t i = 0; i < 6; i++)
        assert_true(vit158_session_step_ms(s)[i] == 1.0);
    vit158_session_close(s);
    free(tensor);
    random_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_the_naive_forward_pass),
        cmocka_unit_test(test_grey_and_other_geometries),
        cmocka_unit_test(test_uneven_blocks),
        cmocka_unit_test(test_long_sequences),
        cmocka_unit_test(test_every_variant_gives_the_same_bits),
        cmocka_unit_test(test_shared_work_gives_the_same_bits),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_abort_and_go_on),
        cmocka_unit_test(test_step_names_and_hidden_state),
        cmocka_unit_test(test_state_hash_is_of_what_each_step_left),
        cmocka_unit_test(test_overflowing_weights_are_an_error),
        cmocka_unit_test(test_overflowing_inputs_are_an_error),
        cmocka_unit_test(test_timing_adds_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
