/* SPDX-License-Identifier: MIT
 *
 * The whole backward pass with quantizers off against central differences of the naive network in
 * doubles (METHODS.md 6, A3): relative L2 error per tensor.
 */
#include "unit/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/loss.h"
#include "unit/thorough.h"
#include "unit/train_fixture.h"
#include "unit/train_naive.h"

#define IMAGES 2
#define STEP 1e-4
#define SAMPLES 40U       /* entries checked a tensor */
#define QUICK_SAMPLES 12U /* unless the test is thorough */
#define TOLERANCE 2e-4    /* float32 backward against differences; wrong terms give > 1e-1 */

/* Random values everywhere, so that no gradient is zero by symmetry. */
static void disturb(vit158_trainer *t)
{
    vit158_rng rng = vit158_rng_seed(11);
    for (size_t i = 0; i < t->net.parameters; i++)
        t->parameters[i] += 0.1F * vit158_rng_normal(&rng);
    vit158_trainer_pack(t, t->parameters);
}

static void backward(vit158_trainer *t)
{
    vit158_train_workspace *w = &t->workspace[0];
    const vit158_train_pass pass = {.net = &t->net,
                                    .packed = &t->packed,
                                    .compute = t->compute,
                                    .workspace = w,
                                    .half = t->half};
    fixture_feed(t, IMAGES);
    memset(w->gradient, 0, t->net.parameters * sizeof(float));
    vit158_train_forward(&pass);
    for (uint32_t i = 0; i < IMAGES; i++) {
        float target[4] = {0};
        target[t->train.labels[i]] = 1.0F;
        const vit158_train_loss loss = {.logits = w->logits + i * w->logit_ld,
                                        .target = target,
                                        .classes = 4,
                                        .temperature = 1.0F};
        vit158_train_loss_gradient(w->dlogits + i * w->logit_ld, &loss, 1.0F / IMAGES);
    }
    vit158_train_backward(&pass);
}

static double mean_loss(const vit158_trainer *t, const double *p)
{
    const vit158_train_workspace *w = &t->workspace[0];
    double sum = 0.0;
    for (uint32_t i = 0; i < IMAGES; i++)
        sum += naive_loss(&t->net, p, w->patches + (size_t)i * (t->net.tokens - 1) * w->patch_ld,
                          w->patch_ld, t->train.labels[i]) /
               IMAGES;
    return sum;
}

static void check_tensor(const vit158_trainer *t, double *p, const vit158_train_tensor *tensor)
{
    const size_t count = (size_t)tensor->rows * tensor->cols;
    const size_t step = count / (test_is_thorough() ? SAMPLES : QUICK_SAMPLES) + 1;
    double difference = 0.0, size = 0.0;
    for (size_t j = 0; j < count; j += step) {
        double *at = p + tensor->offset + j;
        const double kept = *at;
        *at = kept + STEP;
        const double up = mean_loss(t, p);
        *at = kept - STEP;
        const double down = mean_loss(t, p);
        *at = kept;
        const double expected = (up - down) / (2.0 * STEP);
        const double got = (double)t->workspace[0].gradient[tensor->offset + j];
        difference += (got - expected) * (got - expected);
        size += expected * expected;
    }
    /* The final norm hides a key's bias from the loss: its gradient is rounding noise. */
    if (sqrt(difference) > TOLERANCE * sqrt(size) + 1e-7)
        fail_msg("%s: relative error %g of %g", tensor->name, sqrt(difference / size), sqrt(size));
}

static void check_recipe(const vit158_train_recipe *r)
{
    vit158_trainer *t = fixture_trainer(r, 16, 0);
    disturb(t);
    backward(t);
    double *p = calloc(t->net.parameters, sizeof *p);
    for (size_t i = 0; i < t->net.parameters; i++)
        p[i] = (double)t->parameters[i];
    for (uint32_t i = 0; i < t->net.tensor_count; i++)
        check_tensor(t, p, &t->net.tensors[i]);
    free(p);
    vit158_trainer_close(t);
}

static void check_network(uint32_t outer, uint32_t inner)
{
    vit158_train_recipe r;
    fixture_recipe(&r);
    r.net.ternary = 0;
    r.net.outer_norms = outer;
    r.net.inner_norms = inner;
    check_recipe(&r);
}

static void test_gradients_of_a_convolutional_network(void **state)
{
    (void)state;
    vit158_train_recipe r;
    fixture_conv_recipe(&r);
    check_recipe(&r);
}

static void test_gradients_with_both_norms(void **state)
{
    (void)state;
    check_network(1, 1);
}

static void test_gradients_with_inner_norms_only(void **state)
{
    (void)state;
    check_network(0, 1);
}

static void test_gradients_of_a_plain_vit(void **state)
{
    (void)state;
    check_network(1, 0);
}

/* Blocks of a pruned network: one with fewer heads and a narrower MLP, first or last. */
static void test_gradients_of_blocks_that_differ(void **state)
{
    (void)state;
    for (uint32_t pruned = 0; pruned <= 1; pruned++) {
        vit158_train_recipe r;
        fixture_recipe(&r);
        r.net.ternary = 0;
        r.net.inner_norms = 0;
        r.net.shapes[pruned] = (vit158_train_block_shape){1, 16};
        check_recipe(&r);
    }
}

/* Products on bfloat16 leave 8 bits a factor: the gradient of the whole network keeps its
 * direction.
 */
static void check_half(vit158_train_recipe *r, double limit)
{
    vit158_trainer *t[2];
    for (uint32_t half = 0; half < 2; half++) {
        r->float_bits = half ? 16 : 32;
        t[half] = fixture_trainer(r, 16, 0);
        disturb(t[half]);
        backward(t[half]);
    }
    double difference = 0.0, size = 0.0;
    for (size_t i = 0; i < t[0]->net.parameters; i++) {
        const double full = (double)t[0]->workspace[0].gradient[i];
        difference += pow((double)t[1]->workspace[0].gradient[i] - full, 2.0);
        size += full * full;
    }
    const bool half = t[1]->half;
    vit158_trainer_close(t[0]);
    vit158_trainer_close(t[1]);
    if (!half) {
        print_message("SKIPPED: this processor has no bfloat16 products\n");
        skip();
    }
    assert_true(difference > 0.0);
    assert_true(sqrt(difference / size) < limit);
}

static void test_half_gradients_are_near(void **state)
{
    (void)state;
    vit158_train_recipe r;
    fixture_recipe(&r);
    r.net.ternary = 0;
    check_half(&r, 0.02);
    /* Where two neighbours are nearly equal the gradient goes to the other one: after the last
     * choice of maxima all tensors are within 0.013, before it within 0.2. */
    fixture_conv_recipe(&r);
    check_half(&r, 0.2);
}

static double loss_of(const float *z, const float *target, const float *teacher)
{
    float gradient[5];
    const vit158_train_loss loss = {z, target, teacher, 5, 0.3F, 2.0F};
    return vit158_train_loss_gradient(gradient, &loss, 1.0F);
}

static void test_gradient_of_the_distillation_loss(void **state)
{
    (void)state;
    float z[5] = {0.3F, -1.2F, 2.0F, 0.1F, -0.4F}, gradient[5];
    const float target[5] = {0.1F, 0.0F, 0.7F, 0.2F, 0.0F};
    const float teacher[5] = {1.0F, -2.0F, 0.5F, 3.0F, 0.0F};
    const vit158_train_loss loss = {z, target, teacher, 5, 0.3F, 2.0F};
    vit158_train_loss_gradient(gradient, &loss, 3.0F);
    for (int i = 0; i < 5; i++) {
        const float kept = z[i];
        z[i] = kept + 0.0078125F;
        const double up = loss_of(z, target, teacher);
        z[i] = kept - 0.0078125F;
        const double down = loss_of(z, target, teacher);
        z[i] = kept;
        assert_true(fabs((up - down) / 0.015625 * 3.0 - (double)gradient[i]) < 1e-4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients_with_both_norms),
        cmocka_unit_test(test_gradients_with_inner_norms_only),
        cmocka_unit_test(test_gradients_of_a_plain_vit),
        cmocka_unit_test(test_gradients_of_blocks_that_differ),
        cmocka_unit_test(test_gradients_of_a_convolutional_network),
        cmocka_unit_test(test_half_gradients_are_near),
        cmocka_unit_test(test_gradient_of_the_distillation_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
