/* SPDX-License-Identifier: MIT
 *
 * Runs that start from a model: what they compute before their first step, and models that do not
 * fit them.
 */
#include <math.h>
#include <string.h>

#include "model/ternary.h"
#include "train/checkpoint.h"
#include "unit/test.h"
#include "unit/train_fixture.h"

#define LOGITS 8

static vit158_trainer *started(const vit158_train_recipe *r)
{
    vit158_error error;
    vit158_trainer *t = fixture_trainer(r, 16, 0);
    if (vit158_trainer_init_from(t, fixture_path("t.safetensors"), &error) != VIT158_OK)
        fail_msg("%s", error.message);
    return t;
}

static double distance(const float *a, const float *b)
{
    double sum = 0.0;
    for (int i = 0; i < LOGITS; i++)
        sum += fabs((double)a[i] - (double)b[i]);
    return sum;
}

/* Ternary weights come into a float network as what they compute, not as the latent ones: only the
 * rounding of activations is missing then. */
static void test_float_weights_start_where_ternary_ones_are(void **state)
{
    (void)state;
    vit158_train_recipe r;
    float ternary[LOGITS], effective[LOGITS], latent[LOGITS];
    vit158_trainer *model = fixture_trainer_with_model(&r);
    fixture_logits(model, ternary);
    r.net.ternary = 0;
    vit158_trainer *t = started(&r);
    fixture_logits(t, effective);
    const size_t weight = t->net.blocks[0].layers[VIT158_QKV].weight;
    const float scale = vit158_absmean(model->parameters + weight, 96, 32);
    for (uint32_t i = 0; i < 96 * 32; i++)
        assert_true(t->parameters[weight + i] == 0.0F || fabsf(t->parameters[weight + i]) == scale);
    memcpy(t->parameters, model->parameters, t->net.parameters * sizeof(float));
    vit158_trainer_prepare(t, t->parameters);
    fixture_logits(t, latent);
    assert_true(distance(effective, ternary) < 0.1 * distance(latent, ternary));
    vit158_trainer_close(model);
    vit158_trainer_close(t);
}

/* More blocks than the model has: the network computes what the model does until it has learnt. */
static void test_a_network_grows(void **state)
{
    (void)state;
    vit158_train_recipe r;
    float before[LOGITS], grown[LOGITS], other[LOGITS];
    vit158_trainer *model = fixture_trainer_with_model(&r);
    fixture_logits(model, before);
    r.net.depth = 4;
    vit158_trainer *t = started(&r), *random = fixture_trainer(&r, 16, 0);
    fixture_logits(t, grown);
    fixture_logits(random, other);
    assert_true(distance(grown, before) < 0.1 * distance(other, before));
    assert_memory_equal(t->parameters, t->average, t->net.parameters * sizeof(float));
    fixture_steps(t, 3);
    const vit158_train_layer *last = &t->net.blocks[3].layers[VIT158_FC2];
    assert_memory_not_equal(t->parameters + last->weight, random->parameters + last->weight,
                            (size_t)last->n_in * last->n_out * sizeof(float));
    vit158_trainer_close(model);
    vit158_trainer_close(t);
    vit158_trainer_close(random);
}

static void test_a_deeper_model_is_refused(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_error error;
    vit158_trainer_close(fixture_trainer_with_model(&r));
    r.net.depth = 1;
    vit158_trainer *t = fixture_trainer(&r, 16, 0);
    assert_int_equal(vit158_trainer_init_from(t, fixture_path("t.safetensors"), &error),
                     VIT158_E_METADATA);
    assert_string_equal(error.message, "the network to start from is 2 deep, the recipe's 1");
    vit158_trainer_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_float_weights_start_where_ternary_ones_are),
        cmocka_unit_test(test_a_network_grows),
        cmocka_unit_test(test_a_deeper_model_is_refused),
    };
    return cmocka_run_group_tests(tests, fixture_make_folder, fixture_remove_folder);
}
