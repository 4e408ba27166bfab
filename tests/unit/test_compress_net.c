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

enum { WIDTH = 112, LACKS = 100, TOKENS = 19 }; /* two tasks a matrix */

/* As moments take them: multiplied by the roots of their weights. */
typedef struct token_rows {
    float x[(TOKENS + 6) * WIDTH + 64], f[(TOKENS + 6) * WIDTH + 64];
    float e[(TOKENS + 6) * LACKS + 64], factor[TOKENS];
} token_rows;

static void draw_tokens(token_rows *all)
{
    vit158_rng rng = vit158_rng_seed(11);
    *all = (token_rows){0};
    for (size_t t = 0; t < TOKENS; t++) {
        all->factor[t] = 0.5F + vit158_rng_uniform(&rng);
        for (size_t i = 0; i < WIDTH; i++) {
            all->x[t * WIDTH + i] = all->factor[t] * (1.0F + vit158_rng_normal(&rng));
            all->f[t * WIDTH + i] = all->factor[t] * (2.0F + vit158_rng_normal(&rng));
        }
        for (size_t i = 0; i < LACKS; i++)
            all->e[t * LACKS + i] = all->factor[t] * (0.5F + vit158_rng_normal(&rng));
    }
}

/* m [height][WIDTH] against the sums over all tokens, twice, of (left - its mean) (x - its mean)^T,
 * or without the means. */
static void check_products(const float *m, const token_rows *all, const float *left,
                           uint32_t height, bool centred)
{
    double weight = 0;
    for (uint32_t t = 0; t < TOKENS; t++)
        weight += pow((double)all->factor[t], 2);
    for (uint32_t i = 0; i < height; i++)
        for (uint32_t j = 0; j < WIDTH; j++) {
            double sum = 0, left_mean = 0, x_mean = 0;
            for (uint32_t t = 0; t < TOKENS && centred; t++) {
                left_mean += (double)(left[t * height + i] * all->factor[t]) / weight;
                x_mean += (double)(all->x[t * WIDTH + j] * all->factor[t]) / weight;
            }
            for (uint32_t t = 0; t < TOKENS; t++) {
                const double factor = (double)all->factor[t];
                sum += 2 * ((double)left[t * height + i] - factor * left_mean) *
                       ((double)all->x[t * WIDTH + j] - factor * x_mean);
            }
            assert_true(fabs(sum - (double)m[i * WIDTH + j]) < 2e-3);
        }
}

static void test_moments(void **state)
{
    (void)state;
    static token_rows all;
    draw_tokens(&all);
    const vit158_moment_rows rows = {all.x, all.f, all.e, all.factor, TOKENS};
    vit158_pool pool = vit158_pool_serial();
    for (int centre = 0; centre < 2; centre++) {
        vit158_moments m;
        double weight = 0;
        assert_int_equal(vit158_moments_create(&m, WIDTH, true, LACKS, TOKENS, NULL), VIT158_OK);
        for (int twice = 0; twice < 2; twice++)
            vit158_moments_add(&m, vit158_train_compute_choose(NULL), &pool, &rows);
        vit158_moments_finish(&m, centre == 1);
        for (uint32_t t = 0; t < TOKENS; t++)
            weight += 2 * pow((double)all.factor[t], 2);
        assert_true(fabs(m.weight - weight) < 1e-5);
        check_products(m.h, &all, all.x, WIDTH, centre == 1);
        check_products(m.cross, &all, all.f, WIDTH, centre == 1);
        check_products(m.lack, &all, all.e, LACKS, centre == 1);
        vit158_moments_free(&m);
    }
}

static vit158_quantizer quantize(compress_run *run, uint32_t rows, vit158_rounding_method method,
                                 vit158_pool *pool)
{
    vit158_quantizer q;
    vit158_quantizer_start start = compress_start(run, COMPRESS_IMAGES - 1, rows, pool);
    start.settings.method = method;
    assert_int_equal(vit158_quantizer_create(&q, &start, NULL), VIT158_OK);
    assert_int_equal(vit158_quantizer_run(&q, NULL, NULL, NULL), VIT158_OK);
    return q;
}

/* Mean squared difference of the streams at the end, over all images and their first `tokens`. */
static double distance(const vit158_quantizer *q, uint32_t tokens)
{
    double sum = 0;
    const size_t count = (size_t)tokens * q->model->info.dim;
    for (uint32_t image = 0; image < q->known.images; image++)
        for (size_t i = image * q->known.stride; i < image * q->known.stride + count; i++)
            sum += pow((double)q->known.values[i] - (double)q->rounded.values[i], 2);
    return sum / (double)(q->known.images * count);
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
            /* At the end hardly anything but the class token is worth anything. */
            const double now = distance(&q, method == VIT158_METHOD_GPTQ ? 1 : 17);
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

/* After a matrix whose outputs join the stream, the mean of what its tokens lack, each by its
 * worth, is what the matrix itself and the biases leave: nothing. */
static void test_biases_take_up_the_mean(void **state)
{
    (void)state;
    compress_run run = compress_run_start();
    vit158_pool pool = vit158_pool_serial();
    vit158_quantizer q;
    const vit158_quantizer_start start = compress_start(&run, COMPRESS_IMAGES, 1, &pool);
    assert_int_equal(vit158_quantizer_create(&q, &start, NULL), VIT158_OK);
    const uint32_t dim = q.model->info.dim, tokens = q.model->info.tokens;
    for (uint32_t i = 0; i < 2 * VIT158_BLOCK_LINEARS; i++) {
        assert_int_equal(vit158_quantizer_layer(&q, i, NULL), VIT158_OK);
        if (i % VIT158_BLOCK_LINEARS != VIT158_PROJ && i % VIT158_BLOCK_LINEARS != VIT158_FC2)
            continue;
        const float *const factors =
            q.factors + (size_t)(i / VIT158_BLOCK_LINEARS + 1) * COMPRESS_IMAGES * tokens;
        for (uint32_t c = 0; c < dim; c++) {
            double lack = 0, size = 0;
            for (size_t row = 0; row < (size_t)COMPRESS_IMAGES * tokens; row++) {
                const double worth = pow((double)factors[row], 2);
                const double far =
                    (double)q.known.values[row * dim + c] - (double)q.rounded.values[row * dim + c];
                lack += worth * far;
                size += worth * fabs(far);
            }
            assert_true(size > 0.1);
            assert_true(fabs(lack) < 1e-3 * size);
        }
    }
    vit158_quantizer_free(&q);
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
    vit158_quantizer_start start = compress_start(&run, COMPRESS_IMAGES - 1, 2, &pool);
    start.takes_streams = true;
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
    const vit158_quantizer_start start = compress_start(&run, COMPRESS_IMAGES, 1, &pool);
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
    const vit158_quantizer_start start = compress_start(&run, COMPRESS_IMAGES, 1, &pool);
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
        cmocka_unit_test(test_biases_take_up_the_mean),
        cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_streams_are_taken),
        cmocka_unit_test(test_sensitivities),
        cmocka_unit_test(test_a_hook_stops_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
