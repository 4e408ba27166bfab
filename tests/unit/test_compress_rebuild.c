/* SPDX-License-Identifier: MIT
 *
 * Reconstruction (MREM): the rules of queue and teacher forcing (METHODS.md 6, C1), latent weights
 * that start where the rounding left them, objectives that fall, gradients that go down, and every
 * form on a tiny network.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/threads.h"
#include "compress/input_queue.h"
#include "compress/module.h"
#include "compress/rebuild.h"
#include "compress/sensitivity.h"
#include "unit/compress_fixture.h"
#include "unit/test.h"

#define UPDATES 60U

static void test_forcing_is_annealed(void **state)
{
    (void)state;
    assert_true(vit158_teacher_share(0, 40) == 1.0F);
    assert_true(vit158_teacher_share(20, 40) == 0.5F);
    for (uint64_t t = 40; t < 50; t++)
        assert_true(vit158_teacher_share(t, 40) == 0.0F);
    assert_true(vit158_teacher_share(0, 0) == 0.0F);
    const float teacher[3] = {1, 2, 3}, student[3] = {NAN, INFINITY, 5};
    float out[3];
    vit158_force_input(out, teacher, student, 3, 1.0F); /* nothing of the student */
    assert_memory_equal(out, teacher, sizeof out);
    const float half[2] = {4, -2};
    vit158_force_input(out, teacher, half, 2, 0.5F);
    assert_true(out[0] == 2.5F && out[1] == 0.0F);
    vit158_force_input(out, teacher, half, 2, 0.0F);
    assert_memory_equal(out, half, sizeof half);
}

static void test_a_full_queue_drops_the_oldest(void **state)
{
    (void)state;
    vit158_input_queue q;
    assert_int_equal(vit158_input_queue_create(&q, 3, 2, NULL), VIT158_OK);
    for (uint32_t i = 0; i < 5; i++) {
        const float values[2] = {(float)i, -(float)i};
        assert_int_equal(q.count, i < 3 ? i : 3);
        vit158_input_queue_push(&q, 10 + i, values);
    }
    bool seen[5] = {false};
    for (uint32_t e = 0; e < q.count; e++) {
        const uint32_t i = q.images[e] - 10;
        seen[i] = true;
        assert_true(q.values[2 * e] == (float)i && q.values[2 * e + 1] == -(float)i);
    }
    assert_true(!seen[0] && !seen[1] && seen[2] && seen[3] && seen[4]);
    vit158_input_queue_free(&q);
}

/* Mean divergence from the float network over the images that were learned from. */
static double divergence(const vit158_quantizer *q)
{
    float a[64], b[64];
    double sum = 0;
    for (uint32_t i = 0; i < q->learned; i++) {
        vit158_shadow_logits(&q->teacher, q->works, q->known.values + i * q->known.stride, a);
        vit158_shadow_logits(&q->student, q->works, q->rounded.values + i * q->rounded.stride, b);
        sum += vit158_divergence(a, b, q->model->info.classes);
    }
    return sum / q->learned;
}

static double rebuild(compress_run *run, uint32_t rows, vit158_rounding_method from,
                      const vit158_rebuild_settings *settings, vit158_pool *pool,
                      vit158_quantizer *q)
{
    vit158_quantizer_start start = compress_start(run, COMPRESS_IMAGES - 1, rows, pool);
    vit158_rebuild_outcome outcome;
    vit158_error error;
    start.settings.method = from;
    if (settings->kind == VIT158_REBUILD_LAYERS) {
        start.settings.updates = settings->updates;
        start.settings.rate = settings->rate;
    }
    assert_int_equal(vit158_quantizer_create(q, &start, NULL), VIT158_OK);
    if (vit158_rebuild_run(q, &start, settings, &outcome, NULL, NULL, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    return divergence(q);
}

static vit158_rebuild_settings settings_of(vit158_rebuild_kind kind)
{
    vit158_rebuild_settings s = vit158_rebuild_defaults();
    s.kind = kind;
    s.modules = 2;
    s.updates = UPDATES;
    s.rate = 0.02F; /* a tiny network, few updates */
    return s;
}

/* From plain rounding every form brings the network nearer to the float one. */
static void check_every_form(uint32_t rows)
{
    compress_run run = compress_run_start();
    vit158_pool pool = vit158_pool_serial();
    double loss[VIT158_REBUILD_PARALLEL + 1];
    for (int kind = VIT158_REBUILD_NONE; kind <= VIT158_REBUILD_PARALLEL; kind++) {
        vit158_quantizer q;
        const vit158_rebuild_settings s = settings_of((vit158_rebuild_kind)kind);
        loss[kind] = rebuild(&run, rows, VIT158_METHOD_MSE, &s, &pool, &q);
        vit158_quantizer_free(&q);
    }
    for (int kind = VIT158_REBUILD_LAYERS; kind <= VIT158_REBUILD_PARALLEL; kind++)
        if (!(loss[kind] < loss[VIT158_REBUILD_NONE]))
            fail_msg("%u rows, form %d: divergence %g, before %g", rows, kind, loss[kind],
                     loss[VIT158_REBUILD_NONE]);
    compress_run_end(&run);
}

static void test_every_form_is_nearer_than_rounding(void **state)
{
    (void)state;
    for (uint32_t rows = 1; rows <= 3; rows++)
        check_every_form(rows);
}

/* The same bits with any number of threads, in the forms whose schedule counts updates. */
static void test_threads_change_nothing(void **state)
{
    (void)state;
    compress_run run = compress_run_start();
    vit158_pool serial = vit158_pool_serial();
    vit158_thread_pool threads;
    vit158_pool *const pool = vit158_thread_pool_start(&threads, 3);
    for (int kind = VIT158_REBUILD_LAYERS; kind <= VIT158_REBUILD_PARALLEL; kind++) {
        vit158_rebuild_settings s = settings_of((vit158_rebuild_kind)kind);
        vit158_quantizer one, three;
        s.updates = 6;
        rebuild(&run, 2, VIT158_METHOD_GPTQ, &s, &serial, &one);
        rebuild(&run, 2, VIT158_METHOD_GPTQ, &s, pool, &three);
        for (uint32_t m = 0; m < 2 * VIT158_BLOCK_LINEARS; m++) {
            const vit158_rounded *const a = &one.matrices[m], *const b = &three.matrices[m];
            assert_memory_equal(a->chosen, b->chosen, (size_t)a->n_in * a->n_out);
            assert_memory_equal(a->levels[0].scale, b->levels[0].scale, 2 * sizeof(float));
        }
        vit158_quantizer_free(&one);
        vit158_quantizer_free(&three);
    }
    vit158_thread_pool_stop(&threads);
    compress_run_end(&run);
}

/* Nothing moves without an update: values, codes and scales are those of the rounding. */
static void test_latent_weights_start_as_rounded(void **state)
{
    (void)state;
    compress_run run = compress_run_start();
    vit158_pool pool = vit158_pool_serial();
    for (uint32_t rows = 0; rows <= 3; rows++) {
        const vit158_quantizer_start start = compress_start(&run, COMPRESS_IMAGES - 1, rows, &pool);
        vit158_quantizer q;
        assert_int_equal(vit158_quantizer_create(&q, &start, NULL), VIT158_OK);
        assert_int_equal(vit158_quantizer_run(&q, NULL, NULL, NULL), VIT158_OK);
        for (uint32_t m = 0; m < 2 * VIT158_BLOCK_LINEARS; m++) {
            vit158_rounded *const matrix = &q.matrices[m];
            const size_t count = (size_t)matrix->n_in * matrix->n_out;
            float *const values = malloc(2 * count * sizeof *values);
            vit158_latent latent;
            assert_non_null(values);
            vit158_rounded_values(values, matrix);
            assert_int_equal(
                vit158_latent_create(&latent, matrix, q.student.layers[m].linear->weight, NULL),
                VIT158_OK);
            vit158_latent_round(&latent, values + count);
            assert_memory_equal(values, values + count, count * sizeof *values);
            vit158_latent_free(&latent);
            free(values);
        }
        vit158_quantizer_free(&q);
    }
    compress_run_end(&run);
}

/* A module computes what the shadow does, and repeated updates on one batch lower its loss. */
static void check_module(uint32_t first, uint32_t end)
{
    compress_run run = compress_run_start();
    vit158_pool pool = vit158_pool_serial();
    const vit158_quantizer_start start = compress_start(&run, COMPRESS_IMAGES - 1, 1, &pool);
    vit158_quantizer q;
    vit158_module m;
    vit158_module_example batch[VIT158_MODULE_BATCH];
    assert_int_equal(vit158_quantizer_create(&q, &start, NULL), VIT158_OK);
    assert_int_equal(vit158_quantizer_run(&q, NULL, NULL, NULL), VIT158_OK);
    assert_int_equal(vit158_module_create(&m, &q, first, end, 1, NULL), VIT158_OK);
    const size_t stride = q.known.stride, spare = (size_t)VIT158_TRAIN_TILE_ROWS * 32;
    float *const out = calloc(VIT158_MODULE_BATCH * (stride + spare), sizeof *out);
    static float logits[VIT158_MODULE_BATCH][64];
    assert_non_null(out);
    for (uint32_t i = 0; i < VIT158_MODULE_BATCH; i++) {
        const float *const input = run.images.rounded.values + i % COMPRESS_IMAGES * stride;
        float *const x = out + i * (stride + spare);
        memcpy(x, input, stride * sizeof *x);
        for (uint32_t half = 2 * first; half < 2 * end; half++)
            vit158_shadow_add_branch(&q.student, q.works, x, half / 2, half % 2);
        vit158_shadow_logits(&q.student, q.works, x, logits[i]);
        batch[i] = (vit158_module_example){input, end == 2 ? logits[i] : x};
    }
    assert_true(vit158_module_step(&m, &pool, batch, 0, 1) < 1e-6); /* its own output */
    for (uint32_t i = 0; i < VIT158_MODULE_BATCH; i++) {            /* now the float network's */
        float *const x = out + i * (stride + spare);
        memcpy(x, run.images.known.values + i % COMPRESS_IMAGES * stride, stride * sizeof *x);
        for (uint32_t half = 2 * first; half < 2 * end; half++)
            vit158_shadow_add_branch(&q.teacher, q.works, x, half / 2, half % 2);
        vit158_shadow_logits(&q.teacher, q.works, x, logits[i]);
    }
    const double before = vit158_module_step(&m, &pool, batch, 0, 1);
    for (uint32_t t = 0; t < UPDATES; t++)
        vit158_module_step(&m, &pool, batch, 0.01F * (1 - (float)t / UPDATES), (uint64_t)t + 1);
    const double after = vit158_module_step(&m, &pool, batch, 0, 1);
    if (!(after < 0.9 * before))
        fail_msg("blocks %u to %u: loss %g, before %g", first, end, after, before);
    free(out);
    vit158_module_free(&m);
    vit158_quantizer_free(&q);
    compress_run_end(&run);
}

static void test_a_module_is_the_network_and_learns(void **state)
{
    (void)state;
    check_module(0, 1);
    check_module(1, 2);
    check_module(0, 2);
}

/* REM never makes an output worse on the tokens it learned from. */
static void test_layers_do_not_get_worse(void **state)
{
    (void)state;
    compress_run run = compress_run_start();
    vit158_pool pool = vit158_pool_serial();
    double loss[2];
    for (int trained = 0; trained < 2; trained++) {
        vit158_quantizer_start start = compress_start(&run, COMPRESS_IMAGES - 1, 1, &pool);
        vit158_quantizer q;
        start.settings.updates = trained == 1 ? UPDATES : 0;
        start.settings.rate = 0.01F;
        assert_int_equal(vit158_quantizer_create(&q, &start, NULL), VIT158_OK);
        assert_int_equal(vit158_quantizer_layer(&q, 0, NULL), VIT158_OK);
        double sum = 0; /* over tokens of |W f - W^ x|^2, block 0's qkv */
        const uint32_t n_in = q.matrices[0].n_in, n_out = q.matrices[0].n_out;
        const float *const w = q.teacher.layers[0].linear->weight;
        static float values[96 * 32];
        assert_int_equal(n_in * n_out, sizeof values / sizeof *values);
        vit158_rounded_values(values, &q.matrices[0]);
        for (uint32_t i = 0; i < q.learned; i++) {
            float x[17 * 32], f[17 * 32];
            memcpy(x,
                   vit158_shadow_input(&q.student, q.works, q.rounded.values + i * q.rounded.stride,
                                       0, VIT158_QKV),
                   sizeof x);
            memcpy(f,
                   vit158_shadow_input(&q.teacher, q.works, q.known.values + i * q.known.stride, 0,
                                       VIT158_QKV),
                   sizeof f);
            for (uint32_t t = 0; t < 17; t++)
                for (uint32_t o = 0; o < n_out; o++) {
                    double far =
                        (double)q.teacher.layers[0].bias[o] - (double)q.student.layers[0].bias[o];
                    for (uint32_t c = 0; c < n_in; c++)
                        far += (double)w[o * n_in + c] * (double)f[t * n_in + c] -
                               (double)values[o * n_in + c] * (double)x[t * n_in + c];
                    sum += far * far * pow((double)q.factors[i * 17 + t], 2);
                }
        }
        loss[trained] = sum;
        vit158_quantizer_free(&q);
    }
    assert_true(loss[1] < loss[0]);
    compress_run_end(&run);
}

static int stop_at_once(void *context, uint32_t done, uint32_t total)
{
    (void)context;
    assert_true(done <= total);
    return done >= 10;
}

static void test_a_hook_stops_it(void **state)
{
    (void)state;
    compress_run run = compress_run_start();
    vit158_pool pool = vit158_pool_serial();
    for (int kind = VIT158_REBUILD_SEQUENTIAL; kind <= VIT158_REBUILD_PARALLEL; kind++) {
        const vit158_quantizer_start start = compress_start(&run, COMPRESS_IMAGES - 1, 1, &pool);
        const vit158_rebuild_settings s = settings_of((vit158_rebuild_kind)kind);
        vit158_rebuild_outcome outcome;
        vit158_quantizer q;
        assert_int_equal(vit158_quantizer_create(&q, &start, NULL), VIT158_OK);
        assert_int_equal(vit158_rebuild_run(&q, &start, &s, &outcome, stop_at_once, NULL, NULL),
                         VIT158_E_ABORTED);
        vit158_quantizer_free(&q);
    }
    compress_run_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forcing_is_annealed),
        cmocka_unit_test(test_a_full_queue_drops_the_oldest),
        cmocka_unit_test(test_latent_weights_start_as_rounded),
        cmocka_unit_test(test_a_module_is_the_network_and_learns),
        cmocka_unit_test(test_layers_do_not_get_worse),
        cmocka_unit_test(test_every_form_is_nearer_than_rounding),
        cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_a_hook_stops_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
