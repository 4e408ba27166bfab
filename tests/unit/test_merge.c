/* SPDX-License-Identifier: MIT
 *
 * Sessions that merge tokens, against the naive forward pass in double precision: every kind of
 * list, tokens before the patches, average pooling, attention maps and rollout; the same bits for
 * every engine, thread count and explain setting; lists that are wrong.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/session.h"
#include "engine/rollout.h"
#include "engines.h"
#include "model/model.h"
#include "unit/naive_forward.h"
#include "unit/session_fixture.h"
#include "unit/test.h"

enum { DEPTH = 3 };

/* The list as options.merge has it. */
static const char *list_of(char text[64], const uint32_t counts[DEPTH])
{
    size_t length = 0;
    for (uint32_t i = 0; i < DEPTH; i++)
        length +=
            (size_t)snprintf(text + length, 64 - length, "%s%u:%u", i > 0 ? "," : "", i, counts[i]);
    return text;
}

static random_shape shape_of(vit158_encoding encoding, uint32_t side, uint32_t prefix, bool average)
{
    random_shape shape = small_shape;
    shape.depth = DEPTH;
    shape.encoding = encoding;
    shape.side = side;
    shape.prefix = prefix;
    shape.average = average;
    return shape;
}

static void assert_sums_to_one(const char *what, const float *row, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)row[i];
    if (!(fabs(sum - 1) <= 1e-3))
        fail_msg("%s sums to %.9g", what, sum);
}

static void check_against_naive(random_shape shape, const uint32_t counts[DEPTH], uint64_t seed,
                                double tolerance)
{
    char text[64];
    vit158_model *model = random_model_make(shape, seed);
    float *tensor = random_tensor(model, seed + 1);
    vit158_session *session =
        open_session(model, (vit158_options){.explain = 1, .merge = list_of(text, counts)});
    run_tensor(session, model, tensor);
    const size_t n = model->info.tokens, rows = (size_t)shape.depth * shape.heads;
    double *memory = calloc(shape.classes + shape.dim + rows * n + n, sizeof *memory);
    assert_non_null(memory);
    naive_result naive = {.logits = memory,
                          .embedding = memory + shape.classes,
                          .attention = memory + shape.classes + shape.dim,
                          .rollout = memory + shape.classes + shape.dim + rows * n,
                          .merges = counts};
    naive_forward(model, tensor, &naive);
    const float *attention = vit158_session_attention(session);
    assert_near(text, vit158_session_logits(session), naive.logits, shape.classes, tolerance);
    assert_near(text, vit158_session_embedding(session), naive.embedding, shape.dim, tolerance);
    assert_near(text, attention, naive.attention, rows * n, tolerance / 10);
    assert_near(text, vit158_session_rollout(session), naive.rollout, n, tolerance / 10);
    for (size_t row = 0; row < rows; row++) /* heads that a block lacks have zeros, as there */
        if (row % shape.heads < model->blocks[row / shape.heads].heads)
            assert_sums_to_one("a row of attention", attention + row * n, n);
    assert_sums_to_one("rollout", vit158_session_rollout(session), n);
    free(memory);
    vit158_session_close(session);
    free(tensor);
    random_model_free(model);
}

/* Every list of counts that a model of 3 blocks and 9 patches takes. */
static void test_every_list(void **state)
{
    (void)state;
    uint32_t lists = 0;
    for (uint32_t a = 0; a <= 9 / 2; a++)
        for (uint32_t b = 0; b <= (9 - a) / 2; b++)
            for (uint32_t c = 0; c <= (9 - a - b) / 2; c++) {
                const uint32_t counts[DEPTH] = {a, b, c};
                check_against_naive(shape_of(VIT158_ENCODING_F32, 12, 1, false), counts, 20, 2e-4);
                lists++;
            }
    assert_int_equal(lists, 74);
}

static void test_prefix_tokens_and_average_pooling(void **state)
{
    (void)state;
    const uint32_t lists[][DEPTH] = {{8, 0, 0}, {3, 2, 1}, {0, 5, 5}, {8, 4, 2}, {0, 0, 7}};
    for (uint32_t prefix = 1; prefix <= 5; prefix += 2)
        for (uint32_t average = 0; average <= 1; average++)
            for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
                check_against_naive(shape_of(VIT158_ENCODING_F32, 16, prefix, average == 1),
                                    lists[i], 31, 2e-4);
}

/* 65 and 145 tokens: tiles of similarities, attention in integers though fewer than 128 tokens are
 * left. The tolerance of quantized models is that of an int8 activation or two that round the other
 * way; later merges of theirs may then choose otherwise. */
static void test_longer_sequences(void **state)
{
    (void)state;
    const uint32_t few[DEPTH] = {30, 10, 5}, many[DEPTH] = {60, 30, 10}, first[DEPTH] = {60, 0, 0};
    check_against_naive(shape_of(VIT158_ENCODING_F32, 32, 1, false), few, 40, 2e-4);
    check_against_naive(shape_of(VIT158_ENCODING_F32, 48, 3, true), many, 41, 2e-4);
    check_against_naive(shape_of(VIT158_ENCODING_TRIT, 32, 1, false), few, 42, 3e-2);
    check_against_naive(shape_of(VIT158_ENCODING_I8, 32, 2, true), few, 43, 3e-2);
    for (uint32_t average = 0; average <= 1; average++) {
        random_shape shape = shape_of(VIT158_ENCODING_TRIT, 48, 1 + average, average == 1);
        shape.dim = 35;
        check_against_naive(shape, first, 44, 0.1);
        shape.encoding = VIT158_ENCODING_I8;
        check_against_naive(shape, first, 45, 0.1);
    }
    random_shape uneven = shape_of(VIT158_ENCODING_F32, 32, 1, false);
    uneven.uneven = true;
    check_against_naive(uneven, few, 46, 2e-4);
}

/* ---- The same bits -------------------------------------------------------------------------- */

static void assert_same_results(const vit158_session *s, const vit158_session *expected,
                                const vit158_model *model, bool explain)
{
    const vit158_model_info *info = &model->info;
    const size_t n = info->tokens;
    assert_memory_equal(vit158_session_logits(s), vit158_session_logits(expected),
                        info->classes * sizeof(float));
    if (!explain)
        return;
    assert_memory_equal(vit158_session_attention(s), vit158_session_attention(expected),
                        info->depth * info->heads * n * sizeof(float));
    assert_memory_equal(vit158_session_rollout(s), vit158_session_rollout(expected),
                        n * sizeof(float));
}

static void test_every_variant_gives_the_same_bits(void **state)
{
    (void)state;
    const vit158_encoding encodings[] = {VIT158_ENCODING_F32, VIT158_ENCODING_TRIT,
                                         VIT158_ENCODING_I8};
    for (uint32_t i = 0; i < 12; i++) {
        random_shape shape = shape_of(encodings[i % 3], i < 6 ? 32 : 48, 1 + i % 2, i % 4 == 3);
        shape.dim = 51;
        shape.heads = 3;
        shape.uneven = i % 2 == 1;
        vit158_model *model = random_model_make(shape, 50 + i);
        float *tensor = random_tensor(model, 60 + i);
        const char *merge = i < 6 ? "0:31,1:16" : "0:7,1:60,2:1";
        vit158_session *first =
            open_session(model, (vit158_options){.engine = 1, .merge = merge, .explain = 1});
        run_tensor(first, model, tensor);
        for (vit158_engine engine = VIT158_ENGINE_SCALAR; engine <= last_engine(); engine++)
            for (uint32_t threads = 1; threads <= 4; threads++)
                for (uint32_t explain = 0; explain <= 1; explain++) {
                    vit158_session *s = open_session(model, (vit158_options){.engine = engine,
                                                                             .threads = threads,
                                                                             .explain = explain,
                                                                             .merge = merge});
                    for (int round = 0; round < 2; round++) {
                        run_tensor(s, model, tensor);
                        assert_same_results(s, first, model, explain == 1);
                    }
                    vit158_session_close(s);
                }
        vit158_session_close(first);
        free(tensor);
        random_model_free(model);
    }
}

static void test_merging_nothing_keeps_every_bit(void **state)
{
    (void)state;
    const char *nothing[] = {"off", "0:0", "1:0,2:0", "2:0,0:0"};
    for (uint32_t side = 12; side <= 48; side += 36) {
        vit158_model *model =
            random_model_make(shape_of(VIT158_ENCODING_TRIT, side, 1, side == 48), 70);
        float *tensor = random_tensor(model, 71);
        vit158_session *plain = open_session(model, (vit158_options){.explain = 1});
        run_tensor(plain, model, tensor);
        for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
            vit158_session *s =
                open_session(model, (vit158_options){.explain = 1, .merge = nothing[i]});
            run_tensor(s, model, tensor);
            assert_same_results(s, plain, model, true);
            assert_int_equal(vit158_session_memory_bytes(s), vit158_session_memory_bytes(plain));
            vit158_session_close(s);
        }
        vit158_session_close(plain);
        free(tensor);
        random_model_free(model);
    }
}

/* ---- Tokens that are equal ------------------------------------------------------------------ */

static void zero_positions(vit158_model *model)
{
    memset((float *)(uintptr_t)model->pos, 0,
           (size_t)model->info.tokens * model->info.dim * sizeof(float));
}

/* Of a blank image all patches are equal, so merging changes rounding only: each counts in scores
 * as often as it stands for patches. And all similarities tie: the lowest merge, into the first odd
 * patch. */
static void test_equal_patches(void **state)
{
    (void)state;
    for (uint32_t average = 0; average <= 1; average++) {
        vit158_model *model =
            random_model_make(shape_of(VIT158_ENCODING_F32, 12, 1, average == 1), 80);
        zero_positions(model);
        float *tensor = calloc(tensor_count(model), sizeof *tensor);
        assert_non_null(tensor);
        vit158_session *plain = open_session(model, (vit158_options){0});
        vit158_session *merged = open_session(model, (vit158_options){.merge = "0:3,1:2"});
        run_tensor(plain, model, tensor);
        run_tensor(merged, model, tensor);
        for (uint32_t c = 0; c < model->info.classes; c++)
            assert_true(fabsf(vit158_session_logits(plain)[c] - vit158_session_logits(merged)[c]) <
                        1e-4F);
        const vit158_forward *f = &merged->forward;
        /* 9 patches, A = 0 2 4 6 8: 0 2 4 join 1; left 6 8 1(4) 3 5 7; A = 6 1 5: 6, 1 join 8. */
        const float sizes[] = {1, 1, 6, 1, 1};
        assert_memory_equal(f->sizes, sizes, sizeof sizes);
        vit158_session_close(plain);
        vit158_session_close(merged);
        free(tensor);
        random_model_free(model);
    }
}

/* Of equally similar ones the lowest merge: where the nine patches of a blank image are after 0 2 4
 * have joined 1. The order is prefix, what is left of the even ones, the odd ones. */
static void test_ties_go_to_the_lowest(void **state)
{
    (void)state;
    static const uint32_t places[] = {0, 3, 3, 3, 4, 3, 5, 1, 6, 2};
    for (vit158_engine engine = VIT158_ENGINE_SCALAR; engine <= VIT158_ENGINE_SIMD128; engine++) {
        vit158_model *model = random_model_make(shape_of(VIT158_ENCODING_F32, 12, 1, false), 80);
        zero_positions(model);
        float *tensor = calloc(tensor_count(model), sizeof *tensor);
        assert_non_null(tensor);
        vit158_session *s =
            open_session(model, (vit158_options){.engine = engine, .explain = 1, .merge = "0:3"});
        run_tensor(s, model, tensor);
        assert_int_equal(sizeof places / sizeof *places, model->info.tokens);
        assert_memory_equal(s->forward.explain->place, places, sizeof places);
        vit158_session_close(s);
        free(tensor);
        random_model_free(model);
    }
}

/* ---- Steps ---------------------------------------------------------------------------------- */

static void test_steps_and_what_is_left(void **state)
{
    (void)state;
    vit158_model *model = random_model_make(shape_of(VIT158_ENCODING_TRIT, 12, 1, false), 90);
    float *tensor = random_tensor(model, 91);
    vit158_session *s = open_session(model, (vit158_options){.merge = "2:1,0:4"});
    const char *names[] = {"embed",         "blocks.0.attn", "blocks.0.merge", "blocks.0.mlp",
                           "blocks.1.attn", "blocks.1.mlp",  "blocks.2.attn",  "blocks.2.merge",
                           "blocks.2.mlp",  "head"};
    const uint32_t left[] = {10, 10, 6, 6, 6, 6, 6, 5, 5};
    float hidden[10 * 20];
    char merges[16];
    vit158_error error;
    assert_int_equal(vit158_session_merges(s, merges, sizeof merges), 7);
    assert_int_equal(vit158_session_merges(s, NULL, 0), 0); /* there is no room */
    assert_string_equal(merges, "0:4,2:1");
    assert_int_equal(vit158_session_step_count(s), 10);
    assert_int_equal(vit158_session_set_tensor(s, tensor, tensor_count(model), &error), VIT158_OK);
    for (uint32_t i = 0; i < 10; i++) {
        assert_string_equal(vit158_session_step_name(s, i), names[i]);
        assert_int_equal(vit158_session_step(s, &error), VIT158_OK);
        if (i < 9)
            assert_int_equal(vit158_session_copy_hidden(s, hidden, left[i] * (size_t)20, &error),
                             VIT158_OK);
    }
    /* Keys and sizes are not in the residual stream. */
    assert_int_equal(vit158_session_start_at(s, 1, hidden, 200, &error), VIT158_OK);
    for (uint32_t step = 2; step < 10; step++)
        assert_int_equal(vit158_session_start_at(s, step, hidden, 120, &error), VIT158_E_ARGUMENT);
    vit158_session_close(s);
    free(tensor);
    random_model_free(model);
}

static void ignore(void *context, const vit158_sight *sight)
{
    (void)context;
    (void)sight;
}

static void test_observed_passes_keep_their_bits(void **state)
{
    (void)state;
    for (uint32_t side = 12; side <= 48; side += 36) {
        vit158_model *model = random_model_make(shape_of(VIT158_ENCODING_TRIT, side, 1, false), 95);
        float *tensor = random_tensor(model, 96);
        float expected[7];
        vit158_session *s = open_session(model, (vit158_options){.merge = "0:3,1:3", .threads = 2});
        run_tensor(s, model, tensor);
        memcpy(expected, vit158_session_logits(s), sizeof expected);
        const vit158_observer observer = {.see = ignore, .sites = 31};
        assert_int_equal(vit158_session_observe(s, &observer, NULL), VIT158_OK);
        run_tensor(s, model, tensor);
        assert_memory_equal(vit158_session_logits(s), expected, sizeof expected);
        vit158_session_close(s);
        free(tensor);
        random_model_free(model);
    }
}

/* ---- What is not finite --------------------------------------------------------------------- */

static void spoil_keys(void *context, const vit158_sight *sight)
{
    const uint32_t d = sight->rows / 3;
    if (sight->layer == VIT158_LAYER_QKV && sight->block == 2)
        sight->values[d * sight->ld + 4] = *(const float *)context; /* key of patch 3 */
}

/* Keys so large that their length overflows are no reason for any order; in the last block no
 * attention comes after that could show it. Only the keys of patches that are read by none are
 * spoilt, and only after attention has ended: its own check sees the others. */
static void test_what_is_not_finite_is_an_error(void **state)
{
    (void)state;
    for (vit158_engine engine = VIT158_ENGINE_SCALAR; engine <= last_engine(); engine++)
        for (uint32_t average = 0; average <= 1; average++) {
            vit158_model *model =
                random_model_make(shape_of(VIT158_ENCODING_F32, 12, 1, average == 1), 97);
            float *tensor = random_tensor(model, 98);
            vit158_session *s =
                open_session(model, (vit158_options){.engine = engine, .merge = "2:2"});
            float large = 1e30F;
            const vit158_observer observer = {
                .see = spoil_keys, .context = &large, .sites = VIT158_SITE_OUTPUT};
            vit158_error error;
            assert_int_equal(vit158_session_observe(s, &observer, NULL), VIT158_OK);
            assert_int_equal(vit158_session_set_tensor(s, tensor, tensor_count(model), &error),
                             VIT158_OK);
            assert_int_equal(vit158_session_run(s, NULL, NULL, &error), VIT158_E_NUMERIC);
            large = 1e10F;
            run_tensor(s, model, tensor);
            vit158_session_close(s);
            free(tensor);
            random_model_free(model);
        }
}

/* ---- Lists that are wrong ------------------------------------------------------------------- */

static void test_wrong_lists(void **state)
{
    (void)state;
    const struct {
        const char *text;
        vit158_status status;
        const char *sentence;
    } cases[] = {
        {"", VIT158_E_ARGUMENT, "block:tokens such as 4:45,6:40"},
        {"on", VIT158_E_ARGUMENT, "block:tokens such as 4:45,6:40"},
        {"0", VIT158_E_ARGUMENT, "block:tokens such as 4:45,6:40"},
        {"0:", VIT158_E_ARGUMENT, "block:tokens such as 4:45,6:40"},
        {":2", VIT158_E_ARGUMENT, "block:tokens such as 4:45,6:40"},
        {"0:2,", VIT158_E_ARGUMENT, "block:tokens such as 4:45,6:40"},
        {",0:2", VIT158_E_ARGUMENT, "block:tokens such as 4:45,6:40"},
        {"0:2;1:2", VIT158_E_ARGUMENT, "block:tokens such as 4:45,6:40"},
        {"0:2, 1:2", VIT158_E_ARGUMENT, "block:tokens such as 4:45,6:40"},
        {"0:-1", VIT158_E_ARGUMENT, "block:tokens such as 4:45,6:40"},
        {"0:+1", VIT158_E_ARGUMENT, "block:tokens such as 4:45,6:40"},
        {"0:2x", VIT158_E_ARGUMENT, "block:tokens such as 4:45,6:40"},
        {"0:1.5", VIT158_E_ARGUMENT, "block:tokens such as 4:45,6:40"},
        {"0:4294967297", VIT158_E_ARGUMENT, "block:tokens such as 4:45,6:40"},
        {"3:1", VIT158_E_ARGUMENT, "there is no block 3, the last is 2"},
        {"0:1,99999:1", VIT158_E_ARGUMENT, "there is no block 99999, the last is 2"},
        {"1:1,1:2", VIT158_E_ARGUMENT, "block 1 comes twice"},
        {"1:0,1:2", VIT158_E_ARGUMENT, "block 1 comes twice"},
        {"0:5", VIT158_E_ARGUMENT, "of the 9 patches in block 0 at most 4 can merge, not 5"},
        {"1:3,0:4", VIT158_E_ARGUMENT, "of the 5 patches in block 1 at most 2 can merge, not 3"},
        {"0:65535", VIT158_E_ARGUMENT, "at most 4 can merge"},
        {"0:99999", VIT158_E_ARGUMENT, "at most 4 can merge"},
        {"fast", VIT158_E_UNSUPPORTED, "no \"merge_fast\""},
        {"fastest", VIT158_E_UNSUPPORTED, "no \"merge_fastest\""},
    };
    vit158_model *model = random_model_make(shape_of(VIT158_ENCODING_TRIT, 12, 1, false), 99);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vit158_session *s = (vit158_session *)1;
        vit158_error error = {0};
        assert_int_equal(
            vit158_session_create(&s, model, &(vit158_options){.merge = cases[i].text}, &error),
            cases[i].status);
        assert_null(s);
        if (strstr(error.message, cases[i].sentence) == NULL)
            fail_msg("\"%s\": %s", cases[i].text, error.message);
    }
    random_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_list),
        cmocka_unit_test(test_prefix_tokens_and_average_pooling),
        cmocka_unit_test(test_longer_sequences),
        cmocka_unit_test(test_every_variant_gives_the_same_bits),
        cmocka_unit_test(test_merging_nothing_keeps_every_bit),
        cmocka_unit_test(test_equal_patches),
        cmocka_unit_test(test_ties_go_to_the_lowest),
        cmocka_unit_test(test_steps_and_what_is_left),
        cmocka_unit_test(test_observed_passes_keep_their_bits),
        cmocka_unit_test(test_what_is_not_finite_is_an_error),
        cmocka_unit_test(test_wrong_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
