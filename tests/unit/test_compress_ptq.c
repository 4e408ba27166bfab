/* SPDX-License-Identifier: MIT
 *
 * PTQ-ViT on a tiny network: quantized at every width, simulated, written; biases, threads, and the
 * choice of bits against brute force.
 */
#define _POSIX_C_SOURCE 200809L
#include "unit/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/threads.h"
#include "compress/compress_run.h"
#include "compress/uniform.h"
#include "unit/compress_fixture.h"
#include "unit/open_model.h"

/* ---- A tiny network -------------------------------------------------------------------------- */

static vit158_compress_job job_of(compress_run *run, vit158_pool *pool, uint32_t bits)
{
    vit158_compress_job job = {.model = run->model,
                               .ends = &run->ends,
                               .images = &run->images,
                               .learned = COMPRESS_IMAGES - 2,
                               .settings = vit158_quantizer_defaults(),
                               .ptq = vit158_ptq_defaults(),
                               .extra = &run->metadata,
                               .pool = pool};
    job.settings.method = VIT158_METHOD_PTQ_VIT;
    job.ptq.weight_bits = job.ptq.input_bits = bits;
    return job;
}

static vit158_compress_result compress(const vit158_compress_job *job, const char *path)
{
    vit158_compress_result result;
    vit158_error error;
    if (vit158_compress_run(&result, job, path, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    return result;
}

static double objective_of(const vit158_ptq_settings *settings, const vit158_ptq_terms *terms)
{
    return terms->pearson - settings->gamma * terms->ranking;
}

/* More bits are nearer; the search never ends below its start; what is stored is what was
 * simulated; the file has the bytes that were foretold. */
static void test_every_width(void **state)
{
    (void)state;
    compress_run run = compress_run_start();
    vit158_pool pool = vit158_pool_serial();
    char path[] = "/tmp/vit158-ptq-XXXXXX";
    close(mkstemp(path));
    for (int by_token = 0; by_token < 2; by_token++) {
        double first = 0, last = INFINITY;
        for (uint32_t bits = 4; bits <= 8; bits++) {
            vit158_compress_job job = job_of(&run, &pool, bits);
            job.ptq.by_token = by_token;
            vit158_compress_result result = compress(&job, path);
            const vit158_ptq *const ptq = &result.outcome.ptq;
            assert_true(result.held.images == 2 && result.learned.divergence < 1.3 * last);
            last = result.learned.divergence;
            first = bits == 4 ? last : first;
            for (uint32_t i = 0; i < 2 * VIT158_PTQ_PRODUCTS; i++) {
                const vit158_ptq_found *const found =
                    &ptq->blocks[i / VIT158_PTQ_PRODUCTS].products[i % VIT158_PTQ_PRODUCTS];
                assert_true(objective_of(&job.ptq, &found->last) >=
                            objective_of(&job.ptq, &found->first));
                assert_true(found->last.pearson > 0.9 && found->held_last.pearson > 0.8);
            }
            for (uint32_t i = 0; i < 2 * VIT158_BLOCK_LINEARS; i++) {
                const vit158_rounded *const m = &result.quantizer.matrices[i];
                vit158_block *const block = &ptq->model.blocks[i / VIT158_BLOCK_LINEARS];
                const float *const weight =
                    vit158_block_linear(block, i % VIT158_BLOCK_LINEARS)->weight;
                float *const values = malloc((size_t)m->n_in * m->n_out * sizeof *values);
                vit158_rounded_values(values, m);
                for (size_t k = 0; k < (size_t)m->n_in * m->n_out; k++)
                    assert_true(fabsf(values[k] - weight[k]) <= 1e-6F * fabsf(weight[k]));
                free(values);
                assert_true((m->step > 0) == (!by_token && bits == 8));
                assert_int_equal(m->rows[0], bits == 4 ? 3 : bits <= 6 ? 4 : 0);
            }
            vit158_model *const model = test_open_model(path);
            assert_int_equal(model->info.file_bytes, result.file_bytes);
            vit158_model_close(model);
            vit158_compress_result_free(&result);
        }
        assert_true(last < 0.1 * first);
    }
    unlink(path);
    compress_run_end(&run);
}

/* Without quantizers that matter (16 bits) the simulated network is the float one. */
static void test_simulation_is_the_engine(void **state)
{
    (void)state;
    compress_run run = compress_run_start();
    vit158_pool pool = vit158_pool_serial();
    vit158_ptq_settings settings = vit158_ptq_defaults();
    vit158_ptq ptq;
    settings.weight_bits = settings.input_bits = 16;
    assert_int_equal(vit158_ptq_create(&ptq, run.model, &settings, NULL), VIT158_OK);
    assert_int_equal(vit158_ptq_find_all(&ptq, run.model, &run.images.known, COMPRESS_IMAGES, &pool,
                                         NULL, NULL, NULL),
                     VIT158_OK);
    vit158_session *session;
    vit158_ptq_simulator simulator;
    assert_int_equal(vit158_session_create(&session, run.model, NULL, NULL), VIT158_OK);
    assert_int_equal(vit158_ptq_simulator_open(&simulator, &ptq, NULL), VIT158_OK);
    for (uint32_t i = 0; i < COMPRESS_IMAGES; i++) {
        const vit158_image image = compress_image(i);
        vit158_session *const both[2] = {session, simulator.session};
        for (int k = 0; k < 2; k++) {
            assert_int_equal(vit158_session_set_image(both[k], image.data, image.width,
                                                      image.height, image.row_bytes,
                                                      VIT158_PIXELS_RGB, NULL),
                             VIT158_OK);
            assert_int_equal(vit158_session_run(both[k], NULL, NULL, NULL), VIT158_OK);
        }
        for (uint32_t c = 0; c < run.model->info.classes; c++)
            assert_true(fabsf(vit158_session_logits(session)[c] -
                              vit158_session_logits(simulator.session)[c]) < 5e-3F);
    }
    vit158_ptq_simulator_close(&simulator);
    vit158_session_close(session);
    vit158_ptq_free(&ptq);
    compress_run_end(&run);
}

/* Mean over images and tokens of each output's error, the largest of a layer in deviations. */
static double largest_mean_error(const vit158_ptq *ptq, const vit158_capture *c, uint32_t block,
                                 uint32_t kind)
{
    const vit158_block *const before = &c->model->blocks[block], *const after =
                                                                     &ptq->model.blocks[block];
    const vit158_linear *const from[] = {&before->qkv, &before->proj, &before->fc1, &before->fc2};
    const vit158_linear *const to[] = {&after->qkv, &after->proj, &after->fc1, &after->fc2};
    const uint32_t n = from[kind]->n_in;
    const float step = vit158_ptq_input_step(ptq, block, kind);
    float *const x = malloc(n * c->ld * sizeof *x);
    double largest = 0;
    for (size_t o = 0; o < from[kind]->n_out; o++) {
        double error = 0, square = 0;
        for (uint32_t i = 0; i < c->images; i++) {
            const float *const in = c->at[i].input[kind];
            vit158_uniform_round(x, in, n * c->ld, vit158_uniform_signed(step, 4));
            for (uint32_t t = 0; t < c->tokens; t++) {
                double y = (double)from[kind]->bias[o], z = (double)to[kind]->bias[o];
                for (uint32_t k = 0; k < n; k++) {
                    y += (double)((const float *)from[kind]->weight)[o * n + k] *
                         (double)in[k * c->ld + t];
                    z += (double)((const float *)to[kind]->weight)[o * n + k] *
                         (double)x[k * c->ld + t];
                }
                error += z - y;
                square += y * y;
            }
        }
        const double count = (double)c->images * c->tokens;
        largest = fmax(largest, fabs(error / count) / sqrt(square / count));
    }
    free(x);
    return largest;
}

static void test_biases_take_up_the_mean_error(void **state)
{
    (void)state;
    compress_run run = compress_run_start();
    vit158_pool pool = vit158_pool_serial();
    for (int corrected = 0; corrected < 2; corrected++) {
        vit158_ptq_settings settings = vit158_ptq_defaults();
        vit158_ptq ptq;
        vit158_capture capture;
        settings.weight_bits = settings.input_bits = 4;
        settings.correct_bias = corrected;
        assert_int_equal(vit158_ptq_create(&ptq, run.model, &settings, NULL), VIT158_OK);
        assert_int_equal(
            vit158_capture_create(&capture, run.model, &pool, &run.images.known, 0, 4, NULL),
            VIT158_OK);
        assert_int_equal(vit158_capture_block(&capture, 0, NULL), VIT158_OK);
        assert_int_equal(vit158_ptq_find_block(&ptq, &capture, NULL, 0, NULL), VIT158_OK);
        for (uint32_t kind = 0; kind < VIT158_BLOCK_LINEARS; kind++) {
            const double error = largest_mean_error(&ptq, &capture, 0, kind);
            assert_true(corrected ? error < 1e-4 : error > 0.01);
        }
        vit158_capture_free(&capture);
        vit158_ptq_free(&ptq);
    }
    compress_run_end(&run);
}

static void test_threads_change_nothing(void **state)
{
    (void)state;
    compress_run run = compress_run_start();
    vit158_pool serial = vit158_pool_serial();
    vit158_thread_pool threads;
    vit158_ptq found[2];
    vit158_ptq_settings settings = vit158_ptq_defaults();
    settings.weight_bits = settings.input_bits = 5;
    vit158_pool *const pools[2] = {&serial, vit158_thread_pool_start(&threads, 3)};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(vit158_ptq_create(&found[i], run.model, &settings, NULL), VIT158_OK);
        assert_int_equal(vit158_ptq_find_all(&found[i], run.model, &run.images.known, 4, pools[i],
                                             NULL, NULL, NULL),
                         VIT158_OK);
    }
    assert_memory_equal(found[0].blocks, found[1].blocks, 2 * sizeof *found[0].blocks);
    vit158_ptq_free(&found[0]);
    vit158_ptq_free(&found[1]);
    vit158_thread_pool_stop(&threads);
    compress_run_end(&run);
}

/* ---- Bits of modules ------------------------------------------------------------------------- */

static uint64_t bytes_of(const vit158_ptq *ptq)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < 2 * VIT158_PTQ_MODULES; i++) {
        const vit158_block *const b = &ptq->model.blocks[i / 2];
        const bool mlp = i % 2 == VIT158_PTQ_MLP;
        const vit158_linear *const both[2] = {mlp ? &b->fc1 : &b->qkv, mlp ? &b->fc2 : &b->proj};
        for (int k = 0; k < 2; k++)
            total += vit158_ptq_matrix_bytes(both[k]->n_out, both[k]->n_in,
                                             ptq->blocks[i / 2].weight_bits[i % 2]);
    }
    return total;
}

/* All 5^4 choices of a tiny network, with omegas that fall with bits. */
static void test_bits_are_brute_force(void **state)
{
    (void)state;
    compress_run run = compress_run_start();
    const vit158_ptq_settings settings = vit158_ptq_defaults();
    vit158_ptq_outcome outcome = {0};
    assert_int_equal(vit158_ptq_create(&outcome.ptq, run.model, &settings, NULL), VIT158_OK);
    outcome.omegas = calloc(4, sizeof *outcome.omegas);
    for (uint32_t i = 0; i < 4; i++) {
        outcome.omegas[i].nuclear = 2 + 0.37 * (i * i % 3);
        for (uint32_t c = 0; c < VIT158_BIT_CHOICES; c++)
            outcome.omegas[i].error[c] = (1 + i) * pow(0.3 + 0.1 * i, c);
    }
    for (uint64_t budget = 16000; budget < 34000; budget += 571) {
        double best = INFINITY;
        for (uint32_t code = 0; code < 625; code++) {
            double loss = 0;
            for (uint32_t i = 0, rest = code; i < 4; i++, rest /= 5) {
                outcome.ptq.blocks[i / 2].weight_bits[i % 2] = 4 + rest % 5;
                loss += vit158_omega_of(&outcome.omegas[i], rest % 5);
            }
            if (bytes_of(&outcome.ptq) <= budget)
                best = fmin(best, loss);
        }
        const vit158_status status = vit158_ptq_choose_bits(&outcome, budget, NULL);
        assert_int_equal(status, isinf(best) ? VIT158_E_ARGUMENT : VIT158_OK);
        if (status == VIT158_OK) {
            assert_true(fabs(outcome.predicted - best) < 1e-12);
            assert_true(bytes_of(&outcome.ptq) <= budget);
        }
    }
    vit158_ptq_outcome_free(&outcome);
    compress_run_end(&run);
}

static void test_a_budget_is_kept(void **state)
{
    (void)state;
    compress_run run = compress_run_start();
    vit158_pool pool = vit158_pool_serial();
    char path[] = "/tmp/vit158-ptq-XXXXXX";
    close(mkstemp(path));
    vit158_compress_job job = job_of(&run, &pool, 8);
    job.ptq.candidates = 10;
    vit158_compress_result all8 = compress(&job, path);
    job.ptq.weight_bits = 4;
    vit158_compress_result all4 = compress(&job, path);
    job.budget = (all4.file_bytes + all8.file_bytes) / 2;
    vit158_compress_result mixed = compress(&job, path);
    assert_true(mixed.file_bytes <= job.budget && mixed.file_bytes > all4.file_bytes);
    for (uint32_t i = 0; i < 4; i++) {
        const vit158_omega *const omega = &mixed.outcome.omegas[i];
        assert_true(omega->nuclear > 0);
        assert_true(vit158_omega_of(omega, 0) > 4 * vit158_omega_of(omega, 4));
    }
    vit158_error error;
    vit158_compress_result none;
    job.budget = all4.file_bytes / 2;
    assert_int_equal(vit158_compress_run(&none, &job, path, &error), VIT158_E_ARGUMENT);
    assert_non_null(strstr(error.message, "with 4 bits everywhere"));
    vit158_compress_result_free(&none);
    vit158_compress_result_free(&mixed);
    vit158_compress_result_free(&all4);
    vit158_compress_result_free(&all8);
    unlink(path);
    compress_run_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_width),
        cmocka_unit_test(test_simulation_is_the_engine),
        cmocka_unit_test(test_biases_take_up_the_mean_error),
        cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_bits_are_brute_force),
        cmocka_unit_test(test_a_budget_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
