/* SPDX-License-Identifier: MIT
 *
 * The shadow of a network against the engine, moments against their definition, and a whole tiny
 * network quantized: by threads the same, better with more rows, streams as they should be.
 */
#include "unit/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/threads.h"
#include "compress/sensitivity.h"
#include "unit/compress_fixture.h"

/* Through the shadow from the engine's own embedding, then against the engine's logits. */
static void check_shadow(random_shape shape)
{
    vit158_model *model = random_model_make(shape, 3);
    vit158_shadow shadow;
    vit158_shadow_workspace work;
    vit158_session *session;
    static float tensor[3 * COMPRESS_SIDE * COMPRESS_SIDE], logits[64];
    float *stream = calloc((size_t)(17 + 6) * shape.dim, sizeof *stream);
    vit158_rng rng = vit158_rng_seed(9);
    for (size_t i = 0; i < sizeof tensor / sizeof *tensor; i++)
        tensor[i] = vit158_rng_normal(&rng);
    assert_int_equal(vit158_shadow_create(&shadow, model, false, NULL), VIT158_OK);
    assert_int_equal(vit158_shadow_workspace_create(&work, model, NULL), VIT158_OK);
    assert_int_equal(vit158_session_create(&session, model, NULL, NULL), VIT158_OK);
    assert_int_equal(
        vit158_session_set_tensor(session, tensor, sizeof tensor / sizeof *tensor, NULL),
        VIT158_OK);
    assert_int_equal(vit158_session_step(session, NULL), VIT158_OK);
    assert_int_equal(vit158_session_copy_hidden(session, stream, (size_t)17 * shape.dim, NULL),
                     VIT158_OK);
    for (uint32_t half = 0; half < 2 * shape.depth; half++)
        vit158_shadow_add_branch(&shadow, &work, stream, half / 2, half % 2);
    vit158_shadow_logits(&shadow, &work, stream, logits);
    assert_int_equal(vit158_session_run(session, NULL, NULL, NULL), VIT158_OK);
    const float *expected = vit158_session_logits(session);
    for (uint32_t c = 0; c < shape.classes; c++)
        assert_true(fabsf(logits[c] - expected[c]) < 2e-3F);
    vit158_session_close(session);
    vit158_shadow_workspace_free(&work);
    vit158_shadow_free(&shadow);
    random_model_free(model);
    free(stream);
}

static void test_shadow_is_the_engine(void **state)
{
    (void)state;
    random_shape shape = compress_tiny;
    check_shadow(shape);
    shape.inner_norms = true;
    check_shadow(shape);
    shape.outer_norms = false;
    check_shadow(shape);
}

static void test_what_it_refuses(void **state)
{
    (void)state;
    random_shape shape = compress_tiny;
    vit158_shadow shadow;
    vit158_error error;
    shape.mlp_dim = 24;
    vit158_model *odd = random_model_make(shape, 1);
    assert_int_equal(vit158_shadow_create(&shadow, odd, false, &error), VIT158_E_UNSUPPORTED);
    assert_non_null(strstr(error.message, "multiples of 16"));
    random_model_free(odd);
    shape = compress_tiny;
    shape.encoding = VIT158_ENCODING_I8;
    vit158_model *packed = random_model_make(shape, 1);
    assert_int_equal(vit158_shadow_create(&shadow, packed, false, &error), VIT158_E_UNSUPPORTED);
    assert_non_null(strstr(error.message, "blocks.0.attn.qkv is packed already"));
    random_model_free(packed);
}

static void test_moments(void **state)
{
    (void)state;
    enum { n = 112, rows = 19 }; /* two tasks a matrix */
    float *x = calloc((size_t)(rows + 6) * n + 64, sizeof *x);
    float *f = calloc((size_t)(rows + 6) * n + 64, sizeof *f);
    vit158_rng rng = vit158_rng_seed(11);
    for (size_t i = 0; i < (size_t)rows * n; i++) {
        x[i] = vit158_rng_normal(&rng);
        f[i] = vit158_rng_normal(&rng);
    }
    vit158_pool pool = vit158_pool_serial();
    vit158_moments m;
    assert_int_equal(vit158_moments_create(&m, n, true, NULL), VIT158_OK);
    for (int twice = 0; twice < 2; twice++)
        vit158_moments_add(&m, vit158_train_compute_choose(NULL), &pool, x, f, rows);
    vit158_moments_finish(&m);
    assert_true(m.rows == 2 * rows);
    for (uint32_t i = 0; i < n; i++) {
        double sum = 0;
        for (uint32_t t = 0; t < rows; t++)
            sum += 2 * (double)x[t * n + i];
        assert_true(fabs(sum - (double)m.sum[i]) < 1e-3);
        for (uint32_t j = 0; j < n; j++) {
            double h = 0, c = 0;
            for (uint32_t t = 0; t < rows; t++) {
                h += 2 * (double)x[t * n + i] * (double)x[t * n + j];
                c += 2 * (double)f[t * n + i] * (double)x[t * n + j];
            }
            assert_true(fabs(h - (double)m.h[i * n + j]) < 1e-3);
            assert_true(fabs(c - (double)m.cross[i * n + j]) < 1e-3);
        }
    }
    vit158_moments_free(&m);
    free(x);
    free(f);
}

static vit158_quantizer quantize(compress_run *run, uint32_t rows, vit158_rounding_method method,
                                 vit158_pool *pool)
{
    vit158_quantizer q;
    vit158_quantizer_start start = {.teacher = run->model,
                                    .student = &run->ends.model,
                                    .known = &run->images.known,
                                    .rounded = &run->images.rounded,
                                    .learned = COMPRESS_IMAGES - 1,
                                    .rows = rows,
                                    .settings = vit158_quantizer_defaults(),
                                    .pool = pool};
    start.settings.method = method;
    assert_int_equal(vit158_quantizer_create(&q, &start, NULL), VIT158_OK);
    assert_int_equal(vit158_quantizer_run(&q, NULL, NULL, NULL), VIT158_OK);
    return q;
}

/* Mean squared difference of the streams at the end, over all images. */
static double distance(const vit158_quantizer *q)
{
    double sum = 0;
    const size_t count = q->known.stride * q->known.images;
    for (size_t i = 0; i < count; i++)
        sum += pow((double)q->known.values[i] - (double)q->rounded.values[i], 2);
    return sum / (double)count;
}

static void test_every_method_and_more_rows_are_nearer(void **state)
{
    (void)state;
    compress_run run = compress_run_start();
    vit158_pool pool = vit158_pool_serial();
    for (int method = VIT158_METHOD_RTN; method <= VIT158_METHOD_GPTQ; method++) {
        double first = 0, last = INFINITY;
        const uint32_t rows[5] = {1, 2, 3, 4, 0};
        for (int i = 0; i < 5; i++) {
            vit158_quantizer q = quantize(&run, rows[i], (vit158_rounding_method)method, &pool);
            const double now = distance(&q);
            assert_true(now < last);
            last = now;
            first = i == 0 ? now : first;
            for (uint32_t m = 0; m < 2 * VIT158_BLOCK_LINEARS; m++) {
                assert_true(q.matrices[m].pearson > 0.5 && q.matrices[m].pearson < 1.0001);
                assert_true(q.matrices[m].loss >= 0 && q.matrices[m].loss < 0.8);
                assert_true(q.matrices[m].gain > 0.5 && q.matrices[m].gain < 1.5);
            }
            vit158_quantizer_free(&q);
        }
        assert_true(last < 0.1 * first);
    }
    compress_run_end(&run);
}

static void test_threads_change_nothing(void **state)
{
    (void)state;
    compress_run run = compress_run_start();
    vit158_pool serial = vit158_pool_serial();
    vit158_thread_pool threads;
    vit158_pool *pool = vit158_thread_pool_start(&threads, 3);
    vit158_quantizer one = quantize(&run, 2, VIT158_METHOD_GPTQ, &serial);
    vit158_quantizer three = quantize(&run, 2, VIT158_METHOD_GPTQ, pool);
    for (uint32_t m = 0; m < 2 * VIT158_BLOCK_LINEARS; m++)
        assert_memory_equal(one.matrices[m].chosen, three.matrices[m].chosen,
                            (size_t)one.matrices[m].n_in * one.matrices[m].n_out);
    assert_memory_equal(one.rounded.values, three.rounded.values,
                        one.rounded.stride * COMPRESS_IMAGES * sizeof(float));
    vit158_quantizer_free(&one);
    vit158_quantizer_free(&three);
    vit158_thread_pool_stop(&threads);
    compress_run_end(&run);
}

/* The quantizer takes the streams themselves and comes to the same result. */
static void test_streams_are_taken(void **state)
{
    (void)state;
    compress_run run = compress_run_start();
    vit158_pool pool = vit158_pool_serial();
    vit158_quantizer copied = quantize(&run, 2, VIT158_METHOD_GPTQ, &pool), taken;
    const float *const known = run.images.known.values, *const rounded = run.images.rounded.values;
    const vit158_quantizer_start start = {.teacher = run.model,
                                          .student = &run.ends.model,
                                          .known = &run.images.known,
                                          .rounded = &run.images.rounded,
                                          .takes_streams = true,
                                          .learned = COMPRESS_IMAGES - 1,
                                          .rows = 2,
                                          .settings = vit158_quantizer_defaults(),
                                          .pool = &pool};
    assert_int_equal(vit158_quantizer_create(&taken, &start, NULL), VIT158_OK);
    assert_ptr_equal(taken.known.values, known);
    assert_ptr_equal(taken.rounded.values, rounded);
    assert_null(run.images.known.values);
    assert_null(run.images.rounded.values);
    assert_int_equal(vit158_quantizer_run(&taken, NULL, NULL, NULL), VIT158_OK);
    assert_memory_equal(taken.rounded.values, copied.rounded.values,
                        taken.rounded.stride * COMPRESS_IMAGES * sizeof(float));
    vit158_quantizer_free(&taken);
    vit158_quantizer_free(&copied);
    compress_run_end(&run);
}

static void test_sensitivities(void **state)
{
    (void)state;
    compress_run run = compress_run_start();
    vit158_pool pool = vit158_pool_serial();
    vit158_quantizer q;
    const vit158_quantizer_start start = {.teacher = run.model,
                                          .student = &run.ends.model,
                                          .known = &run.images.known,
                                          .rounded = &run.images.rounded,
                                          .learned = COMPRESS_IMAGES,
                                          .rows = 1,
                                          .settings = vit158_quantizer_defaults(),
                                          .pool = &pool};
    vit158_sensitivity s[2 * VIT158_BLOCK_LINEARS];
    assert_int_equal(vit158_quantizer_create(&q, &start, NULL), VIT158_OK);
    assert_int_equal(vit158_sensitivity_measure(s, &q, 4, NULL, NULL, NULL), VIT158_OK);
    for (uint32_t i = 0; i < 2 * VIT158_BLOCK_LINEARS; i++) {
        double sum = 0;
        for (uint32_t o = 0; o < s[i].n_out; o++)
            sum += vit158_sensitivity_of(&s[i], o, 2);
        assert_true(fabs(sum - s[i].divergence[1]) < 1e-9);
        assert_true(s[i].divergence[0] > s[i].divergence[2]);
        assert_true(s[i].divergence[2] >= s[i].divergence[3]);
    }
    vit158_sensitivity_free(s, 2 * VIT158_BLOCK_LINEARS);
    vit158_quantizer_free(&q);
    compress_run_end(&run);
    const float p[3] = {0, 0, 0}, r[3] = {0.6931472F, 0, 0};
    assert_true(fabs(vit158_divergence(p, p, 3)) < 1e-12);
    /* p = 1/3 each, r = 1/2, 1/4, 1/4 */
    assert_true(fabs(vit158_divergence(p, r, 3) - (log(2.0 / 3) + 2 * log(4.0 / 3)) / 3) < 1e-6);
}

static int stop_at_three(void *context, uint32_t done, uint32_t total)
{
    (void)context;
    assert_int_equal(total, 2 * VIT158_BLOCK_LINEARS);
    return done == 3;
}

static void test_a_hook_stops_it(void **state)
{
    (void)state;
    compress_run run = compress_run_start();
    vit158_pool pool = vit158_pool_serial();
    vit158_quantizer q;
    const vit158_quantizer_start start = {.teacher = run.model,
                                          .student = &run.ends.model,
                                          .known = &run.images.known,
                                          .rounded = &run.images.rounded,
                                          .learned = COMPRESS_IMAGES,
                                          .rows = 1,
                                          .settings = vit158_quantizer_defaults(),
                                          .pool = &pool};
    assert_int_equal(vit158_quantizer_create(&q, &start, NULL), VIT158_OK);
    assert_int_equal(vit158_quantizer_run(&q, stop_at_three, NULL, NULL), VIT158_E_ABORTED);
    vit158_quantizer_free(&q);
    compress_run_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shadow_is_the_engine),
        cmocka_unit_test(test_what_it_refuses),
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_every_method_and_more_rows_are_nearer),
        cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_streams_are_taken),
        cmocka_unit_test(test_sensitivities),
        cmocka_unit_test(test_a_hook_stops_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
