/* SPDX-License-Identifier: MIT
 *
 * Numbers near both ends of float: queries, keys, values, the other layers, norms and inputs are
 * scaled apart by powers of ten. A result must be finite and every value on the way within the
 * bounds of ball_watch.h, or VIT158_E_NUMERIC where something may overflow; infinities and NaNs on
 * the way must not vanish in a maximum, an exponential or an integer.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "unit/ball_watch.h"
#include "unit/session_fixture.h"
#include "unit/test.h"
#include "unit/thorough.h"

#define EXPONENTS 38 /* 1e-38, 1e-36 .. 1e36 */

typedef enum scaled_part {
    QUERIES,
    KEYS,
    VALUES,
    QUERIES_AND_KEYS_APART, /* q by f, k by 1 / f: scores stay */
    PROJ,
    FC1,
    FC2,
    NORM_WEIGHTS,
    NORM_BIASES,
    INPUT,
    ONE_PIXEL,
    PARTS
} scaled_part;

static void scale_vector(const float *values, uint32_t n, double factor)
{
    for (uint32_t i = 0; values != NULL && i < n; i++)
        ((float *)(uintptr_t)values)[i] =
            (float)fmin(fmax((double)values[i] * factor, -3e38), 3e38);
}

/* Results of quantized layers are scaled by their scales, those of float layers by weights. */
static void scale_rows(const vit158_linear *layer, uint32_t o0, uint32_t o1, double factor)
{
    const bool dense = layer->scale == NULL;
    float *values = dense ? (float *)(uintptr_t)layer->weight : (float *)(uintptr_t)layer->scale;
    const size_t row = dense ? layer->n_in : 1;
    for (size_t i = o0 * row; i < o1 * row; i++) {
        const double scaled = (double)values[i] * factor;
        values[i] = (float)fmin(fmax(scaled, dense ? -3e38 : 1e-38), 3e38);
    }
    scale_vector(layer->bias + o0, o1 - o0, factor);
}

static void scale_model(vit158_model *model, scaled_part part, double factor)
{
    const uint32_t d = model->info.dim;
    for (uint32_t i = 0; i < model->info.depth; i++) {
        const vit158_block *b = &model->blocks[i];
        const vit158_norm norms[] = {b->norm1, b->norm2, b->qkv.norm, b->proj.norm, b->fc1.norm};
        if (part == QUERIES || part == QUERIES_AND_KEYS_APART)
            scale_rows(&b->qkv, 0, d, factor);
        if (part == KEYS || part == QUERIES_AND_KEYS_APART)
            scale_rows(&b->qkv, d, 2 * d, part == KEYS ? factor : 1.0 / factor);
        if (part == VALUES)
            scale_rows(&b->qkv, 2 * d, 3 * d, factor);
        if (part == PROJ)
            scale_rows(&b->proj, 0, d, factor);
        if (part == FC1)
            scale_rows(&b->fc1, 0, b->fc1.n_out, factor);
        if (part == FC2)
            scale_rows(&b->fc2, 0, d, factor);
        for (size_t k = 0; k < sizeof norms / sizeof *norms; k++) {
            if (part == NORM_WEIGHTS)
                scale_vector(norms[k].weight, d, factor);
            if (part == NORM_BIASES)
                scale_vector(norms[k].bias, d, factor);
        }
    }
}

static void scale_input(float *tensor, size_t count, scaled_part part, double factor)
{
    if (part == INPUT)
        scale_vector(tensor, (uint32_t)count, factor);
    if (part == ONE_PIXEL)
        scale_vector(tensor + count / 2, 1, factor);
}

typedef struct outcomes {
    uint32_t finite;
    uint32_t numeric;
    uint64_t values; /* of ball_watch.h */
    uint64_t sharp;
} outcomes;

static vit158_status run(vit158_session *s, const float *tensor, size_t count)
{
    vit158_error error;
    assert_int_equal(vit158_session_set_tensor(s, tensor, count, &error), VIT158_OK);
    return vit158_session_run(s, NULL, NULL, &error);
}

static void check_case(random_shape shape, scaled_part part, double factor, outcomes *counts)
{
    vit158_model *model = random_model_make(shape, 100 + (uint64_t)part);
    const size_t count = tensor_count(model);
    float *tensor = random_tensor(model, 7);
    scale_model(model, part, factor);
    scale_input(tensor, count, part, factor);
    vit158_session *plain = open_session(model, (vit158_options){0});
    vit158_session *watched = open_session(model, (vit158_options){.engine = VIT158_ENGINE_SCALAR});
    ball_watch watch = ball_watch_make(model);
    const vit158_observer observer = {.see = ball_watch_see, .context = &watch, .sites = 31};
    assert_int_equal(vit158_session_observe(watched, &observer, NULL), VIT158_OK);
    const vit158_status status = run(plain, tensor, count);
    assert_int_equal(run(watched, tensor, count), status);
    if (watch.wrong[0] != 0)
        fail_msg("part %d by %g, encoding %d, side %u, inner norms %d: %s", (int)part, factor,
                 (int)shape.encoding, shape.side, shape.inner_norms, watch.wrong);
    counts->values += watch.values;
    counts->sharp += watch.sharp;
    if (status == VIT158_OK) {
        assert_false(watch.lost);
        assert_memory_equal(vit158_session_logits(plain), vit158_session_logits(watched),
                            shape.classes * sizeof(float));
        counts->finite++;
    } else {
        assert_int_equal(status, VIT158_E_NUMERIC);
        assert_true(ball_watch_largest() >= (double)FLT_MAX);
        counts->numeric++;
    }
    ball_watch_free(&watch);
    vit158_session_close(plain);
    vit158_session_close(watched);
    free(tensor);
    random_model_free(model);
}

/* What the quick run takes: every fifth case, which still meets all kinds of models, since these
 * take turns by 3 and by 8, and attention in integers wherever its scores are what is scaled. */
static bool is_taken(int part, uint32_t i)
{
    return test_is_thorough() || i % 5 == 0 || (part <= QUERIES_AND_KEYS_APART && i % 4 == 3);
}

static void test_finite_and_right_or_an_error(void **state)
{
    (void)state;
    const vit158_encoding encodings[] = {VIT158_ENCODING_F32, VIT158_ENCODING_TRIT,
                                         VIT158_ENCODING_I8};
    for (int part = 0; part < PARTS; part++) {
        outcomes counts = {0};
        for (uint32_t i = 0; i < 2 * EXPONENTS; i++) {
            if (!is_taken(part, i))
                continue;
            random_shape shape = small_shape;
            shape.encoding = encodings[i % 3];
            shape.side = i % 4 == 3 ? 48 : 12; /* 145 tokens: attention in integers */
            shape.inner_norms = i / 4 % 2 == 0;
            shape.row_scales = true;
            check_case(shape, (scaled_part)part, pow(10, 2 * (int)(i / 2) - 38), &counts);
        }
        print_message("part %d: %u finite, %u not, %.1f %% of %llu values sharp\n", part,
                      counts.finite, counts.numeric,
                      100 * (double)counts.sharp / (double)counts.values,
                      (unsigned long long)counts.values);
        assert_true(counts.finite > counts.numeric);
        assert_true(counts.sharp > counts.values / 2); /* the bounds say something */
    }
}

/* Just below the overflow of q . k there is an answer, above there is none. */
static void test_scores_that_overflow(void **state)
{
    (void)state;
    for (int e = 0; e < 3; e++)
        for (int side = 12; side <= 48; side += 36) {
            random_shape shape = small_shape;
            shape.encoding = (vit158_encoding)e;
            shape.side = (uint32_t)side;
            shape.row_scales = true;
            shape.depth = 1;
            outcomes counts = {0};
            for (int exponent = 16; exponent <= 22; exponent += 6) {
                vit158_model *model = random_model_make(shape, 3);
                float *tensor = random_tensor(model, 4);
                scale_model(model, QUERIES, pow(10, exponent));
                scale_model(model, KEYS, pow(10, exponent));
                vit158_session *s = open_session(model, (vit158_options){0});
                vit158_error error;
                assert_int_equal(vit158_session_set_tensor(s, tensor, tensor_count(model), &error),
                                 VIT158_OK);
                const vit158_status status = vit158_session_run(s, NULL, NULL, &error);
                assert_int_equal(status, exponent == 16 ? VIT158_OK : VIT158_E_NUMERIC);
                counts.finite += status == VIT158_OK;
                vit158_session_close(s);
                free(tensor);
                random_model_free(model);
            }
            assert_int_equal(counts.finite, 1);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finite_and_right_or_an_error),
        cmocka_unit_test(test_scores_that_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
