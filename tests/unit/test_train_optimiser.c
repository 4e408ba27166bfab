/* SPDX-License-Identifier: MIT
 *
 * AdamW against numbers from torch.optim.AdamW, Muon against its definition in doubles, and what
 * both leave alone.
 */
#include "unit/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/optimiser.h"
#include "unit/train_fixture.h"

/* torch 1.13: p = tensor([1., -2., .5, 0.]), gradients [.1, -.2, .3, 0.], then [-.3, .1, .2, 1e-4],
 * then [.05, .4, -.1, 2.]; AdamW(lr=.1, betas=(.9, .99), eps=1e-8, weight_decay=.5), float64. */
static const double torch_result[4] = {0.841747720303079, -1.6447786887940692, 0.19084126183684058,
                                       -0.13412060741161091};

static void test_adamw_is_pytorchs(void **state)
{
    (void)state;
    const float gradients[3][4] = {
        {0.1F, -0.2F, 0.3F, 0.0F}, {-0.3F, 0.1F, 0.2F, 1e-4F}, {0.05F, 0.4F, -0.1F, 2.0F}};
    const char *const sets[] = {"generic", "avx2", "avx512", "avx512bf16"};
    for (size_t s = 0; s < sizeof sets / sizeof sets[0]; s++) {
        const vit158_train_compute *k = vit158_train_compute_choose(sets[s]);
        float w[4] = {1.0F, -2.0F, 0.5F, 0.0F}, m[4] = {0}, v[4] = {0};
        if (!k) {
            print_message("SKIPPED: this processor has no %s\n", sets[s]);
            continue;
        }
        for (int i = 0; i < 3; i++) {
            const vit158_train_adamw how = {.lr = 0.1F,
                                            .beta1 = 0.9F,
                                            .beta2 = 0.99F,
                                            .eps = 1e-8F,
                                            .decay = 0.5F,
                                            .correct1 = (float)(1.0 / (1.0 - pow(0.9, i + 1))),
                                            .correct2 = (float)(1.0 / (1.0 - pow(0.99, i + 1)))};
            k->adamw(w, gradients[i], m, v, 4, &how);
        }
        for (int i = 0; i < 4; i++)
            assert_true(fabs((double)w[i] - torch_result[i]) < 2e-6);
    }
}

/* Newton-Schulz as published, in doubles, for rows <= cols. */
static void naive_orthogonalise(double *x, uint32_t n, uint32_t k)
{
    double norm = 0.0;
    for (uint32_t i = 0; i < n * k; i++)
        norm += x[i] * x[i];
    for (uint32_t i = 0; i < n * k; i++)
        x[i] /= sqrt(norm) + 1e-7;
    double *a = calloc((size_t)n * n, sizeof *a), *b = calloc((size_t)n * n, sizeof *b);
    double *next = calloc((size_t)n * k, sizeof *next);
    for (int step = 0; step < 5; step++) {
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t j = 0; j < n; j++) {
                a[i * n + j] = 0.0;
                for (uint32_t c = 0; c < k; c++)
                    a[i * n + j] += x[i * k + c] * x[j * k + c];
            }
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t j = 0; j < n; j++) {
                double square = 0.0;
                for (uint32_t c = 0; c < n; c++)
                    square += a[i * n + c] * a[c * n + j];
                b[i * n + j] = -4.7750 * a[i * n + j] + 2.0315 * square;
            }
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t c = 0; c < k; c++) {
                next[i * k + c] = 3.4445 * x[i * k + c];
                for (uint32_t j = 0; j < n; j++)
                    next[i * k + c] += b[i * n + j] * x[j * k + c];
            }
        memcpy(x, next, (size_t)n * k * sizeof *x);
    }
    free(next);
    free(b);
    free(a);
}

static void check_orthogonal(uint32_t rows, uint32_t cols, bool half)
{
    const uint32_t n = rows < cols ? rows : cols, k = rows < cols ? cols : rows;
    const size_t count = (size_t)rows * cols;
    float *u = calloc(count, sizeof *u), *scratch = calloc(16 * (count + 64 * k), sizeof *scratch);
    double *expected = calloc(count, sizeof *expected);
    vit158_rng rng = vit158_rng_seed(3);
    for (uint32_t r = 0; r < rows; r++)
        for (uint32_t c = 0; c < cols; c++) {
            u[(size_t)r * cols + c] = vit158_rng_normal(&rng);
            expected[rows <= cols ? r * k + c : c * k + r] = (double)u[(size_t)r * cols + c];
        }
    const vit158_train_compute *compute = vit158_train_compute_choose(NULL);
    half = half && compute->half_product;
    vit158_train_orthogonalise(compute, half, u, rows, cols, scratch);
    naive_orthogonalise(expected, n, k);
    for (uint32_t r = 0; r < rows; r++)
        for (uint32_t c = 0; c < cols; c++)
            assert_true(fabs((double)u[(size_t)r * cols + c] -
                             expected[rows <= cols ? r * k + c : c * k + r]) <
                        (half ? 0.02 : 1e-4));
    free(expected);
    free(scratch);
    free(u);
}

static void test_muon_is_the_published_iteration(void **state)
{
    (void)state;
    for (int half = 0; half < 2; half++) {
        check_orthogonal(32, 32, half != 0);
        check_orthogonal(32, 80, half != 0);
        check_orthogonal(96, 48, half != 0);
    }
}

/* Of a square matrix of floats; its size does not matter. */
static void naive_orthogonalise_floats(double *out, const float *u, uint32_t n)
{
    for (size_t i = 0; i < (size_t)n * n; i++)
        out[i] = (double)u[i];
    naive_orthogonalise(out, n, n);
}

/* One Muon step treats q, k and v apart: each square of the update has the size of Muon's rule. */
static void test_muon_takes_qkv_apart(void **state)
{
    (void)state;
    vit158_train_recipe r;
    fixture_recipe(&r);
    vit158_trainer *t = fixture_trainer(&r, 16, 0);
    const vit158_train_layer *qkv = &t->net.blocks[0].layers[VIT158_QKV];
    const size_t square = (size_t)32 * 32;
    float *before = malloc(t->net.parameters * sizeof *before);
    memcpy(before, t->parameters, t->net.parameters * sizeof *before);
    vit158_rng rng = vit158_rng_seed(9);
    float *g = t->workspace[0].gradient;
    for (size_t i = 0; i < t->net.parameters; i++)
        g[i] = vit158_rng_normal(&rng);
    for (size_t i = 0; i < square; i++)
        g[qkv->weight + i] *= 1000.0F; /* q's gradient must not drown k's and v's */
    double *expected = malloc(square * sizeof *expected);
    assert_non_null(expected);
    const vit158_train_optimiser_step s = {.muon_lr = 0.01F, .muon_beta = 0.95F, .step = 1};
    vit158_train_optimiser_update(&t->optimiser, &s, t->parameters, g, t->pool);
    for (int piece = 0; piece < 3; piece++) {
        double sum = 0.0;
        for (size_t i = 0; i < square; i++) {
            const size_t at = qkv->weight + (size_t)piece * square + i;
            const double d = (double)t->parameters[at] - (double)before[at];
            sum += d * d;
        }
        /* 32 singular values of about 1 (0.7 to 1.2) times lr 0.2 sqrt(32) */
        const double size = sqrt(sum / 32.0) / (0.01 * 0.2 * sqrt(32.0));
        assert_true(size > 0.6 && size < 1.25);
        /* And each weight moves as the rule says: in the first step u = (1 + beta) g. */
        naive_orthogonalise_floats(expected, g + qkv->weight + (size_t)piece * square, 32);
        for (size_t i = 0; i < square; i++) {
            const size_t at = qkv->weight + (size_t)piece * square + i;
            const double moved = (double)before[at] - (double)t->parameters[at];
            assert_true(fabs(moved - 0.01 * 0.2 * sqrt(32.0) * expected[i]) < 2e-6);
        }
    }
    free(expected);
    /* lr 0 for AdamW's tensors: they stay. */
    assert_memory_equal(t->parameters + t->net.head_weight, before + t->net.head_weight,
                        (size_t)4 * 32 * sizeof(float));
    free(before);
    vit158_trainer_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adamw_is_pytorchs),
        cmocka_unit_test(test_muon_is_the_published_iteration),
        cmocka_unit_test(test_muon_takes_qkv_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
