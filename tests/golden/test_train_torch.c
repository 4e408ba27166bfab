/* SPDX-License-Identifier: MIT
 *
 * Logits and gradients of a tiny ternary network against PyTorch in double precision
 * (make_train_golden.py), for every instruction set this machine has. The limit per tensor is twice
 * the distance of PyTorch's own float32 run (rounding flips), plus the 15 bits gradients are
 * rounded to. The same of a teacher's hints to a float network.
 */
#include "unit/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/safetensors.h"
#include "train/checkpoint.h"
#include "train/hints.h"
#include "train/loss.h"
#include "train/teacher.h"
#include "unit/train_fixture.h"

#define IMAGES 2
#define ROUNDING 1e-3

static vit158_safetensors *golden, *hint_golden;

static int open_golden(void **state)
{
    vit158_error error;
    const bool opened =
        vit158_safetensors_open(&golden, VIT158_TEST_DATA "/train_tiny.safetensors", &error) ==
            VIT158_OK &&
        vit158_safetensors_open(&hint_golden, VIT158_TEST_DATA "/train_hints.safetensors",
                                &error) == VIT158_OK;
    return opened ? fixture_make_folder(state) : -1;
}

static int close_golden(void **state)
{
    vit158_safetensors_close(golden);
    vit158_safetensors_close(hint_golden);
    return fixture_remove_folder(state);
}

static void get_from(vit158_safetensors *file, float *out, const char *prefix, const char *name,
                     size_t count)
{
    char full[80];
    vit158_error error;
    vit158_format(full, sizeof full, "%s%s", prefix, name);
    if (vit158_safetensors_get_f32(file, full, out, count, &error) != VIT158_OK)
        fail_msg("%s", error.message);
}

static void get(float *out, const char *prefix, const char *name, size_t count)
{
    get_from(golden, out, prefix, name, count);
}

/* A network's parameters from the file. */
static void load(float *parameters, const vit158_train_net *net, vit158_safetensors *file,
                 const char *prefix)
{
    for (uint32_t i = 0; i < net->tensor_count; i++) {
        const vit158_train_tensor *tensor = &net->tensors[i];
        get_from(file, parameters + tensor->offset, prefix, tensor->name,
                 (size_t)tensor->rows * tensor->cols);
    }
}

static vit158_trainer *golden_trainer(const vit158_train_recipe *r,
                                      const vit158_train_compute *compute)
{
    vit158_trainer *t = fixture_trainer(r, 16, 0);
    t->compute = compute;
    load(t->parameters, &t->net, golden, "");
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

static void check_tensor(const vit158_trainer *t, const vit158_train_tensor *tensor,
                         vit158_safetensors *file, const char *prefix, float noise)
{
    const size_t count = (size_t)tensor->rows * tensor->cols;
    float *expected = malloc(count * sizeof *expected);
    assert_non_null(expected);
    get_from(file, expected, prefix, tensor->name, count);
    double difference = 0.0, size = 0.0;
    for (size_t i = 0; i < count; i++) {
        const double d = (double)t->workspace[0].gradient[tensor->offset + i] - (double)expected[i];
        difference += d * d;
        size += (double)expected[i] * (double)expected[i];
    }
    if (sqrt(difference) > (2.0 * (double)noise + ROUNDING) * sqrt(size) + 1e-7)
        fail_msg("%s %s%s: relative error %g, PyTorch's own %g", t->compute->name, prefix,
                 tensor->name, sqrt(difference / size), (double)noise);
    free(expected);
}

static void check_gradients(const vit158_train_compute *compute)
{
    vit158_train_recipe r;
    float logits[IMAGES * 4], noise;
    fixture_recipe(&r);
    vit158_trainer *t = golden_trainer(&r, compute);
    pass_both_ways(t);
    get(logits, "", "logits", IMAGES * 4);
    get(&noise, "", "logit_noise", 1);
    for (uint32_t i = 0; i < IMAGES; i++)
        for (uint32_t c = 0; c < 4; c++)
            assert_true(fabsf(t->workspace[0].logits[i * t->workspace[0].logit_ld + c] -
                              logits[i * 4 + c]) <= 2.0F * noise + 1e-4F);
    for (uint32_t i = 0; i < t->net.tensor_count; i++) {
        get(&noise, "noise.", t->net.tensors[i].name, 1);
        check_tensor(t, &t->net.tensors[i], golden, "grad.", noise);
    }
    vit158_trainer_close(t);
}

/* ---- Hints ---- */

/* A float student whose teacher has the file's weights. */
static vit158_trainer *taught(const vit158_train_compute *compute)
{
    vit158_train_recipe r;
    vit158_error error;
    fixture_recipe(&r);
    r.net.ternary = false;
    vit158_trainer *t = fixture_trainer(&r, 16, 0);
    load(t->parameters, &t->net, hint_golden, "teacher.");
    const char *const path = fixture_path("teacher.safetensors");
    if (vit158_train_model_save(t, t->parameters, 0.5, path, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    vit158_trainer_close(t);
    r.hint_tokens = r.hint_attention = 1.0F;
    t = golden_trainer(&r, compute);
    if (vit158_trainer_teach(t, path, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    return t;
}

static void check_hints(const vit158_train_compute *compute, bool tokens)
{
    const char *const prefix = tokens ? "tokens." : "attention.";
    vit158_trainer *t = taught(compute);
    const double loss = fixture_hint(t, IMAGES, tokens ? 1.0F : 0.0F, tokens ? 0.0F : 1.0F);
    float expected;
    get_from(hint_golden, &expected, "loss.", tokens ? "tokens" : "attention", 1);
    if (fabs(loss - (double)expected) > ROUNDING * (double)expected)
        fail_msg("%s %s loss %g, PyTorch's %g", compute->name, prefix, loss, (double)expected);
    for (uint32_t i = 0; i < t->net.tensor_count; i++)
        check_tensor(t, &t->net.tensors[i], hint_golden, prefix, 0.0F);
    vit158_trainer_close(t);
}

/* ---- */

static void test_gradients_are_pytorchs(void **state)
{
    (void)state;
    const char *const sets[] = {"generic", "avx2", "avx512", "avx512bf16"};
    for (size_t s = 0; s < sizeof sets / sizeof sets[0]; s++) {
        const vit158_train_compute *compute = vit158_train_compute_choose(sets[s]);
        if (compute == NULL) {
            print_message("SKIPPED: this processor has no %s\n", sets[s]);
            continue;
        }
        check_gradients(compute);
        check_hints(compute, true);
        check_hints(compute, false);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_gradients_are_pytorchs)};
    return cmocka_run_group_tests(tests, open_golden, close_golden);
}
