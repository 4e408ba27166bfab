/* SPDX-License-Identifier: MIT
 *
 * Logits and gradients of a tiny ternary network against PyTorch in double precision
 * (make_train_golden.py), for every instruction set this machine has. The limit per tensor is twice
 * the distance of PyTorch's own float32 run (rounding flips), plus the 15 bits gradients are
 * rounded to.
 */
#include "unit/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/safetensors.h"
#include "train/loss.h"
#include "unit/train_fixture.h"

#define IMAGES 2
#define ROUNDING 1e-3

static vit158_safetensors *golden;

static int open_golden(void **state)
{
    (void)state;
    vit158_error error;
    return vit158_safetensors_open(&golden, VIT158_TEST_DATA "/train_tiny.safetensors", &error) ==
                   VIT158_OK
               ? 0
               : -1;
}

static int close_golden(void **state)
{
    (void)state;
    vit158_safetensors_close(golden);
    return 0;
}

static void get(float *out, const char *prefix, const char *name, size_t count)
{
    char full[80];
    vit158_error error;
    vit158_format(full, sizeof full, "%s%s", prefix, name);
    if (vit158_safetensors_get_f32(golden, full, out, count, &error) != VIT158_OK)
        fail_msg("%s", error.message);
}

static vit158_trainer *golden_trainer(const vit158_train_compute *compute)
{
    vit158_train_recipe r;
    fixture_recipe(&r);
    vit158_trainer *t = fixture_trainer(&r, 16, 0);
    t->compute = compute;
    for (uint32_t i = 0; i < t->net.tensor_count; i++) {
        const vit158_train_tensor *tensor = &t->net.tensors[i];
        get(t->parameters + tensor->offset, "", tensor->name, (size_t)tensor->rows * tensor->cols);
    }
    float images[IMAGES * 64];
    get(images, "", "pictures", IMAGES * 64);
    for (int i = 0; i < IMAGES * 64; i++)
        t->train.pixels[i] = (uint8_t)images[i];
    vit158_trainer_pack(t, t->parameters);
    return t;
}

static void pass_both_ways(vit158_trainer *t)
{
    vit158_train_workspace *w = &t->workspace[0];
    const vit158_train_pass pass = {
        .net = &t->net, .packed = &t->packed, .compute = t->compute, .workspace = w};
    const float targets[IMAGES][4] = {{0, 1, 0, 0}, {0, 0, 0, 1}};
    fixture_feed(t, IMAGES);
    memset(w->gradient, 0, t->net.parameters * sizeof(float));
    vit158_train_forward(&pass);
    for (uint32_t i = 0; i < IMAGES; i++) {
        const vit158_train_loss loss = {.logits = w->logits + i * w->logit_ld,
                                        .target = targets[i],
                                        .classes = 4,
                                        .temperature = 1.0F};
        vit158_train_loss_gradient(w->dlogits + i * w->logit_ld, &loss, 1.0F / IMAGES);
    }
    vit158_train_backward(&pass);
}

static void check_tensor(const vit158_trainer *t, const vit158_train_tensor *tensor)
{
    const size_t count = (size_t)tensor->rows * tensor->cols;
    float *expected = malloc(count * sizeof *expected), noise;
    get(expected, "grad.", tensor->name, count);
    get(&noise, "noise.", tensor->name, 1);
    double difference = 0.0, size = 0.0;
    for (size_t i = 0; i < count; i++) {
        const double d = (double)t->workspace[0].gradient[tensor->offset + i] - (double)expected[i];
        difference += d * d;
        size += (double)expected[i] * (double)expected[i];
    }
    if (sqrt(difference) > (2.0 * (double)noise + ROUNDING) * sqrt(size) + 1e-7)
        fail_msg("%s %s: relative error %g, PyTorch's own %g", t->compute->name, tensor->name,
                 sqrt(difference / size), (double)noise);
    free(expected);
}

static void test_gradients_are_pytorchs(void **state)
{
    (void)state;
    const char *const sets[] = {"generic", "avx2", "avx512", "avx512bf16"};
    for (size_t s = 0; s < sizeof sets / sizeof sets[0]; s++) {
        const vit158_train_compute *compute = vit158_train_compute_choose(sets[s]);
        if (!compute) {
            print_message("SKIPPED: this processor has no %s\n", sets[s]);
            continue;
        }
        vit158_trainer *t = golden_trainer(compute);
        float logits[IMAGES * 4], noise;
        pass_both_ways(t);
        get(logits, "", "logits", IMAGES * 4);
        get(&noise, "", "logit_noise", 1);
        for (uint32_t i = 0; i < IMAGES; i++)
            for (uint32_t c = 0; c < 4; c++)
                assert_true(fabsf(t->workspace[0].logits[i * t->workspace[0].logit_ld + c] -
                                  logits[i * 4 + c]) <= 2.0F * noise + 1e-4F);
        for (uint32_t i = 0; i < t->net.tensor_count; i++)
            check_tensor(t, &t->net.tensors[i]);
        vit158_trainer_close(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_gradients_are_pytorchs)};
    return cmocka_run_group_tests(tests, open_golden, close_golden);
}
