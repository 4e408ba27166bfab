/* SPDX-License-Identifier: MIT
 *
 * Observers: what they see against the naive forward pass, what they change takes effect as it does
 * there, an observer that changes nothing leaves every bit, and passes that start and stop in the
 * middle have the bits of whole ones.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"
#include "unit/naive_forward.h"
#include "unit/session_fixture.h"
#include "unit/test.h"

#define ALL_SITES 31U
static random_shape shape_of(vit158_encoding encoding, uint32_t side)
{
    random_shape shape = small_shape;
    shape.encoding = encoding;
    shape.side = side;
    return shape;
}

/* The naive pass; the caller frees what is returned: logits first. */
static double *run_naive(const vit158_model *model, const float *tensor,
                         const naive_observer *observer)
{
    const vit158_model_info *info = &model->info;
    const size_t rows = (size_t)info->depth * info->heads * info->tokens;
    double *memory = calloc(info->classes + info->dim + rows + info->tokens, sizeof *memory);
    assert_non_null(memory);
    naive_result out = {.logits = memory,
                        .embedding = memory + info->classes,
                        .attention = memory + info->classes + info->dim,
                        .rollout = memory + info->classes + info->dim + rows,
                        .observer = observer};
    naive_forward(model, tensor, &out);
    return memory;
}

/* ---- What is seen --------------------------------------------------------------------------- */

typedef struct record {
    vit158_sight sight;
    double *values; /* [tokens][rows] */
    bool seen;
} record;

typedef struct records {
    record list[256];
    size_t count;
    size_t embed_sights;
    double tolerance;
} records;

static void record_naive(void *context, const vit158_sight *sight, double *values)
{
    records *r = context;
    const size_t count = (size_t)sight->rows * sight->tokens;
    assert_true(r->count < sizeof r->list / sizeof *r->list);
    record *entry = &r->list[r->count++];
    *entry = (record){.sight = *sight, .values = malloc(count * sizeof *values)};
    assert_non_null(entry->values);
    memcpy(entry->values, values, count * sizeof *values);
}

static bool same_place(const vit158_sight *a, const vit158_sight *b)
{
    const bool of_layer = a->site == VIT158_SITE_INPUT || a->site == VIT158_SITE_OUTPUT;
    return a->site == b->site && a->block == b->block && a->head == b->head &&
           (!of_layer || a->layer == b->layer);
}

static void compare_engine(void *context, const vit158_sight *sight)
{
    records *r = context;
    assert_true(sight->ld >= sight->tokens);
    if (sight->layer == VIT158_LAYER_EMBED && sight->site != VIT158_SITE_RESIDUAL) {
        r->embed_sights++;
        return;
    }
    /* Two residual streams a block: in order. */
    for (size_t i = 0; i < r->count; i++) {
        record *entry = &r->list[i];
        if (entry->seen || !same_place(&entry->sight, sight))
            continue;
        entry->seen = true;
        assert_int_equal(entry->sight.rows, sight->rows);
        assert_int_equal(entry->sight.tokens, sight->tokens);
        for (size_t row = 0; row < sight->rows; row++)
            for (size_t t = 0; t < sight->tokens; t++) {
                const double expected = entry->values[t * sight->rows + row];
                const double actual = (double)sight->values[row * sight->ld + t];
                if (!(fabs(actual - expected) <= r->tolerance))
                    fail_msg("site %d, block %u, layer %d, head %u, row %zu, token %zu: %.9g, "
                             "expected %.9g",
                             (int)sight->site, sight->block, (int)sight->layer, sight->head, row, t,
                             actual, expected);
            }
        return;
    }
    fail_msg("site %d of block %u, layer %d, head %u is unexpected", (int)sight->site, sight->block,
             (int)sight->layer, sight->head);
}

static void check_sights(random_shape shape, uint64_t seed, double tolerance)
{
    vit158_model *model = random_model_make(shape, seed);
    float *tensor = random_tensor(model, seed + 1);
    static records r;
    r = (records){.tolerance = tolerance};
    free(run_naive(model, tensor, &(naive_observer){.see = record_naive, .context = &r}));
    const size_t each = 4 * 2 + (size_t)shape.heads * 2 + 2;
    assert_int_equal(r.count, 1 + shape.depth * each + 2);

    vit158_session *s = open_session(model, (vit158_options){.threads = 2});
    const vit158_observer observer = {.see = compare_engine, .context = &r, .sites = ALL_SITES};
    assert_int_equal(vit158_session_observe(s, &observer, NULL), VIT158_OK);
    run_tensor(s, model, tensor);
    assert_int_equal(r.embed_sights, 2);
    for (size_t i = 0; i < r.count; i++) {
        assert_true(r.list[i].seen);
        free(r.list[i].values);
    }
    vit158_session_close(s);
    free(tensor);
    random_model_free(model);
}

static void test_sees_what_the_naive_pass_has(void **state)
{
    (void)state;
    const vit158_encoding encodings[] = {VIT158_ENCODING_F32, VIT158_ENCODING_TRIT,
                                         VIT158_ENCODING_I8};
    for (int e = 0; e < 3; e++)
        for (int norms = 0; norms < 3; norms++) {
            random_shape shape = shape_of(encodings[e], 12);
            shape.outer_norms = norms != 1;
            shape.inner_norms = norms != 2;
            check_sights(shape, 1, 2e-4);
        }
    /* 145 tokens: attention in floats, and in integers, whose rounding is about 1e-3. */
    check_sights(shape_of(VIT158_ENCODING_F32, 48), 9, 2e-4);
    random_shape shape = shape_of(VIT158_ENCODING_TRIT, 48);
    shape.depth = 1;
    check_sights(shape, 7, 5e-2);
}

typedef struct embedding {
    const vit158_model *model;
    float *input;
    float *output; /* [d][ld] */
    size_t ld;
    bool compared;
} embedding;

static void see_embedding(void *context, const vit158_sight *sight)
{
    embedding *e = context;
    const vit158_model_info *info = &e->model->info;
    if (sight->block != VIT158_NO_BLOCK || sight->step != 0)
        return;
    if (sight->site == VIT158_SITE_INPUT) {
        assert_int_equal(sight->layer, VIT158_LAYER_EMBED);
        assert_int_equal(sight->rows, info->channels * info->patch_size * info->patch_size);
        for (uint32_t i = 0; i < info->patch_size; i++) /* first line of the second patch */
            assert_true(sight->values[i * sight->ld + 2] == e->input[info->patch_size + i]);
    } else if (sight->site == VIT158_SITE_OUTPUT) {
        e->ld = sight->ld;
        memcpy(e->output, sight->values, sight->rows * sight->ld * sizeof *e->output);
    } else {
        for (size_t c = 0; c < info->dim; c++)
            for (size_t t = 1; t < info->tokens; t++)
                assert_true(sight->values[c * sight->ld + t] ==
                            e->output[c * e->ld + t] + e->model->pos[t * info->dim + c]);
        e->compared = true;
    }
}

static void test_sees_the_embedding(void **state)
{
    (void)state;
    vit158_model *model = random_model_make(small_shape, 1);
    float *tensor = random_tensor(model, 2);
    embedding e = {.model = model, .input = tensor, .output = calloc(20 * 16, sizeof(float))};
    assert_non_null(e.output);
    vit158_session *s = open_session(model, (vit158_options){0});
    const vit158_observer observer = {see_embedding, &e, ALL_SITES};
    assert_int_equal(vit158_session_observe(s, &observer, NULL), VIT158_OK);
    run_tensor(s, model, tensor);
    assert_true(e.compared);
    free(e.output);
    vit158_session_close(s);
    free(tensor);
    random_model_free(model);
}

/* ---- An observer that changes nothing ------------------------------------------------------- */

static void count_sights(void *context, const vit158_sight *sight)
{
    (void)sight;
    ++*(uint32_t *)context;
}

static void check_same_bits(random_shape shape)
{
    vit158_model *model = random_model_make(shape, 11);
    float *tensor = random_tensor(model, 12);
    vit158_session *plain = open_session(model, (vit158_options){.engine = VIT158_ENGINE_SCALAR});
    run_tensor(plain, model, tensor);
    for (uint32_t variant = 0; variant < 4; variant++) {
        vit158_session *s = open_session(
            model,
            (vit158_options){.engine = variant < 2 ? VIT158_ENGINE_SIMD128 : VIT158_ENGINE_SCALAR,
                             .threads = variant % 2 == 0 ? 1 : 3,
                             .gemm = variant < 2 ? VIT158_GEMM_TABLE : VIT158_GEMM_AUTO});
        for (uint32_t sites = 0; sites <= ALL_SITES; sites = sites == 0 ? 1 : 2 * sites + 1) {
            uint32_t sights = 0;
            const vit158_observer observer = {count_sights, &sights, sites};
            assert_int_equal(vit158_session_observe(s, &observer, NULL), VIT158_OK);
            run_tensor(s, model, tensor);
            assert_memory_equal(vit158_session_logits(s), vit158_session_logits(plain),
                                shape.classes * sizeof(float));
            assert_memory_equal(vit158_session_embedding(s), vit158_session_embedding(plain),
                                shape.dim * sizeof(float));
            assert_true((sights > 0) == (sites > 0));
        }
        /* Nobody looks on any more, or a sight would count into NULL. */
        const vit158_observer blind = {count_sights, NULL, ALL_SITES};
        assert_int_equal(vit158_session_observe(s, &blind, NULL), VIT158_OK);
        assert_int_equal(vit158_session_observe(s, NULL, NULL), VIT158_OK);
        run_tensor(s, model, tensor);
        assert_memory_equal(vit158_session_logits(s), vit158_session_logits(plain),
                            shape.classes * sizeof(float));
        vit158_session_close(s);
    }
    vit158_session_close(plain);
    free(tensor);
    random_model_free(model);
}

static void test_looking_on_changes_no_bit(void **state)
{
    (void)state;
    const vit158_encoding encodings[] = {VIT158_ENCODING_F32, VIT158_ENCODING_TRIT,
                                         VIT158_ENCODING_I8};
    for (int e = 0; e < 6; e++) {
        random_shape shape = shape_of(encodings[e % 3], e < 3 ? 12 : 48);
        shape.dim = 51;
        shape.heads = 3;
        check_same_bits(shape);
        shape.inner_norms = false;
        shape.outer_norms = e % 2 == 0;
        check_same_bits(shape);
    }
}

/* ---- An observer that changes values -------------------------------------------------------- */

/* One kind of sight is changed; probabilities are made flatter, the rest is bent. */
typedef struct change {
    vit158_site site;
    vit158_layer layer; /* of INPUT and OUTPUT */
} change;

static bool is_changed(const change *c, const vit158_sight *sight)
{
    const bool of_layer = c->site == VIT158_SITE_INPUT || c->site == VIT158_SITE_OUTPUT;
    return sight->site == c->site && (!of_layer || sight->layer == c->layer);
}

static double changed(const change *c, double value, uint32_t row, uint32_t token)
{
    if (c->site == VIT158_SITE_PROBABILITIES)
        return 0.5 * value + 0.01;
    return 0.75 * value + 0.25 * (row + 2 * token) / (row + token + 3.0);
}

static void change_naive(void *context, const vit158_sight *sight, double *values)
{
    const change *c = context;
    if (is_changed(c, sight))
        for (uint32_t t = 0; t < sight->tokens; t++)
            for (uint32_t row = 0; row < sight->rows; row++) {
                double *value = &values[(size_t)t * sight->rows + row];
                *value = changed(c, *value, row, t);
            }
}

static void change_engine(void *context, const vit158_sight *sight)
{
    const change *c = context;
    if (is_changed(c, sight))
        for (uint32_t t = 0; t < sight->tokens; t++)
            for (uint32_t row = 0; row < sight->rows; row++) {
                float *value = &sight->values[row * sight->ld + t];
                *value = (float)changed(c, (double)*value, row, t);
            }
}

static void check_change(random_shape shape, change c, double tolerance)
{
    vit158_model *model = random_model_make(shape, 21);
    float *tensor = random_tensor(model, 22);
    const naive_observer changing = {.see = change_naive, .context = &c};
    double *unchanged = run_naive(model, tensor, NULL);
    double *expected = run_naive(model, tensor, &changing);
    double difference = 0;
    for (uint32_t i = 0; i < shape.classes; i++)
        difference = fmax(difference, fabs(expected[i] - unchanged[i]));
    assert_true(difference > 10 * tolerance);
    vit158_session *s = open_session(model, (vit158_options){.threads = 2});
    const vit158_observer observer = {change_engine, &c, c.site};
    assert_int_equal(vit158_session_observe(s, &observer, NULL), VIT158_OK);
    run_tensor(s, model, tensor);
    assert_near("logits", vit158_session_logits(s), expected, shape.classes, tolerance);
    vit158_session_close(s);
    free(unchanged);
    free(expected);
    free(tensor);
    random_model_free(model);
}

static void test_changed_values_are_used(void **state)
{
    (void)state;
    const random_shape dense = shape_of(VIT158_ENCODING_F32, 12);
    for (int layer = VIT158_LAYER_QKV; layer <= VIT158_LAYER_HEAD; layer++) {
        if (layer == VIT158_LAYER_EMBED) /* the naive pass shows no embedding */
            continue;
        check_change(dense, (change){VIT158_SITE_INPUT, (vit158_layer)layer}, 2e-4);
        check_change(dense, (change){VIT158_SITE_OUTPUT, (vit158_layer)layer}, 2e-4);
    }
    check_change(dense, (change){.site = VIT158_SITE_SCORES}, 2e-4);
    check_change(dense, (change){.site = VIT158_SITE_PROBABILITIES}, 2e-4);
    check_change(dense, (change){.site = VIT158_SITE_RESIDUAL}, 2e-4);
    /* Quantized layers quantize what was changed; integer attention takes it in. */
    const random_shape ternary = shape_of(VIT158_ENCODING_TRIT, 12);
    check_change(ternary, (change){VIT158_SITE_INPUT, VIT158_LAYER_PROJ}, 1e-3);
    check_change(ternary, (change){VIT158_SITE_INPUT, VIT158_LAYER_FC2}, 1e-3);
    random_shape integer = shape_of(VIT158_ENCODING_I8, 48);
    integer.depth = 1;
    check_change(integer, (change){.site = VIT158_SITE_SCORES}, 1e-2);
    check_change(integer, (change){.site = VIT158_SITE_PROBABILITIES}, 1e-2);
}

static void write_nan(void *context, const vit158_sight *sight)
{
    (void)context;
    sight->values[0] = NAN;
}

static void test_values_that_are_not_finite_end_the_pass(void **state)
{
    (void)state;
    for (int e = 0; e < 4; e++) {
        const random_shape shape =
            shape_of(e % 2 == 0 ? VIT158_ENCODING_TRIT : VIT158_ENCODING_F32, e < 2 ? 12 : 48);
        vit158_model *model = random_model_make(shape, 21);
        float *tensor = random_tensor(model, 22);
        vit158_session *s = open_session(model, (vit158_options){0});
        for (uint32_t site = 1; site < ALL_SITES; site *= 2) {
            vit158_error error;
            const vit158_observer observer = {write_nan, NULL, site};
            assert_int_equal(vit158_session_observe(s, &observer, &error), VIT158_OK);
            assert_int_equal(vit158_session_set_tensor(s, tensor, tensor_count(model), &error),
                             VIT158_OK);
            assert_int_equal(vit158_session_run(s, NULL, NULL, &error), VIT158_E_NUMERIC);
        }
        vit158_session_close(s);
        free(tensor);
        random_model_free(model);
    }
}

/* ---- Starting and stopping in the middle ---------------------------------------------------- */

static void test_a_pass_in_pieces_has_the_bits_of_a_whole_one(void **state)
{
    (void)state;
    for (int e = 0; e < 2; e++) {
        const random_shape shape = shape_of(VIT158_ENCODING_TRIT, e == 0 ? 12 : 48);
        vit158_model *model = random_model_make(shape, 1);
        float *tensor = random_tensor(model, 2);
        const size_t count = (size_t)model->info.tokens * model->info.dim;
        float *hidden = malloc(count * sizeof *hidden);
        assert_non_null(hidden);
        vit158_session *whole = open_session(model, (vit158_options){0});
        vit158_session *piece = open_session(model, (vit158_options){.threads = 2});
        const vit158_observer observer = {count_sights, NULL, 0};
        assert_int_equal(vit158_session_observe(whole, &observer, NULL), VIT158_OK);
        const uint32_t steps = vit158_session_step_count(whole);
        for (uint32_t step = 1; step < steps; step++) {
            char expected[65], found[65];
            vit158_error error;
            assert_int_equal(vit158_session_set_tensor(whole, tensor, tensor_count(model), &error),
                             VIT158_OK);
            assert_int_equal(vit158_session_run_until(whole, step, &error), VIT158_OK);
            assert_int_equal(vit158_session_copy_hidden(whole, hidden, count, &error), VIT158_OK);
            assert_int_equal(vit158_session_observe(piece, &observer, &error), VIT158_OK);
            assert_int_equal(vit158_session_start_at(piece, step, hidden, count, &error),
                             VIT158_OK);
            for (uint32_t next = step; next <= steps; next++) {
                assert_int_equal(vit158_session_run_until(whole, next, &error), VIT158_OK);
                assert_int_equal(vit158_session_run_until(piece, next, &error), VIT158_OK);
                assert_int_equal(vit158_session_state_sha256(whole, expected, &error), VIT158_OK);
                assert_int_equal(vit158_session_state_sha256(piece, found, &error), VIT158_OK);
                assert_string_equal(found, expected);
            }
            /* With the short cut, too. */
            assert_int_equal(vit158_session_observe(piece, NULL, &error), VIT158_OK);
            assert_int_equal(vit158_session_start_at(piece, step, hidden, count, &error),
                             VIT158_OK);
            assert_int_equal(vit158_session_run(piece, NULL, NULL, &error), VIT158_OK);
            assert_memory_equal(vit158_session_logits(piece), vit158_session_logits(whole),
                                shape.classes * sizeof(float));
        }
        vit158_session_close(whole);
        vit158_session_close(piece);
        free(hidden);
        free(tensor);
        random_model_free(model);
    }
}

static void test_observed_last_block_has_all_tokens(void **state)
{
    (void)state;
    vit158_model *model = random_model_make(small_shape, 1);
    float *tensor = random_tensor(model, 2);
    vit158_session *s = open_session(model, (vit158_options){0});
    float hidden[10 * 20];
    for (int observed = 0; observed < 2; observed++) {
        const vit158_observer observer = {count_sights, NULL, 0};
        assert_int_equal(vit158_session_observe(s, observed ? &observer : NULL, NULL), VIT158_OK);
        assert_int_equal(vit158_session_set_tensor(s, tensor, tensor_count(model), NULL),
                         VIT158_OK);
        assert_int_equal(vit158_session_run_until(s, 5, NULL), VIT158_OK);
        assert_int_equal(vit158_session_copy_hidden(s, hidden, 200, NULL), VIT158_OK);
        for (size_t t = 1; t < 10; t++)
            assert_true((hidden[t * 20] != 0.0F) == (observed == 1));
    }
    vit158_session_close(s);
    free(tensor);
    random_model_free(model);
}

static void test_errors(void **state)
{
    (void)state;
    vit158_model *model = random_model_make(small_shape, 1);
    float *tensor = random_tensor(model, 2);
    vit158_session *s = open_session(model, (vit158_options){0});
    vit158_session *explains = open_session(model, (vit158_options){.explain = 1});
    vit158_error error;
    const vit158_observer good = {count_sights, NULL, 0};
    assert_int_equal(vit158_session_observe(explains, &good, &error), VIT158_E_STATE);
    assert_int_equal(vit158_session_observe(s, &(vit158_observer){NULL, NULL, 1}, &error),
                     VIT158_E_ARGUMENT);
    assert_int_equal(vit158_session_observe(s, &(vit158_observer){count_sights, NULL, 32}, &error),
                     VIT158_E_ARGUMENT);
    float residual[10 * 20] = {0};
    assert_int_equal(vit158_session_start_at(s, 0, residual, 200, &error), VIT158_E_ARGUMENT);
    assert_int_equal(vit158_session_start_at(s, 6, residual, 200, &error), VIT158_E_ARGUMENT);
    assert_string_equal(error.message, "start at step 6: steps are 1 to 5");
    assert_int_equal(vit158_session_start_at(s, 1, residual, 199, &error), VIT158_E_ARGUMENT);
    assert_int_equal(vit158_session_start_at(s, 1, NULL, 200, &error), VIT158_E_ARGUMENT);
    assert_int_equal(vit158_session_run_until(s, 2, &error), VIT158_E_STATE);
    residual[7] = INFINITY;
    assert_int_equal(vit158_session_start_at(s, 1, residual, 200, &error), VIT158_E_ARGUMENT);
    residual[7] = 0.0F;
    assert_int_equal(vit158_session_start_at(s, 1, residual, 200, &error), VIT158_OK);
    assert_null(vit158_session_tensor(s));
    assert_int_equal(vit158_session_run_until(s, 7, &error), VIT158_E_ARGUMENT);
    assert_int_equal(vit158_session_run_until(s, 1, &error), VIT158_OK);
    assert_int_equal(vit158_session_observe(s, &good, &error), VIT158_OK);
    assert_int_equal(vit158_session_step(s, &error), VIT158_E_STATE);
    vit158_session_close(s);
    vit158_session_close(explains);
    free(tensor);
    random_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sees_what_the_naive_pass_has),
        cmocka_unit_test(test_sees_the_embedding),
        cmocka_unit_test(test_looking_on_changes_no_bit),
        cmocka_unit_test(test_changed_values_are_used),
        cmocka_unit_test(test_values_that_are_not_finite_end_the_pass),
        cmocka_unit_test(test_a_pass_in_pieces_has_the_bits_of_a_whole_one),
        cmocka_unit_test(test_observed_last_block_has_all_tokens),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
