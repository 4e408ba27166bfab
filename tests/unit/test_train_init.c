/* SPDX-License-Identifier: MIT
 *
 * Runs that start from a model: what they compute before their first step, and models that do not
 * fit them.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "model/pack.h"
#include "model/ternary.h"
#include "train/checkpoint.h"
#include "train/start.h"
#include "unit/test.h"
#include "unit/train_fixture.h"

#define LOGITS 8

static vit158_trainer *started(const vit158_train_recipe *r)
{
    return fixture_started_from(r, "t.safetensors", NULL);
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
    vit158_trainer_pack(t, t->parameters);
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

static void assert_near(const float *a, const float *b, double limit)
{
    double size = 0.0;
    for (int i = 0; i < LOGITS; i++)
        size += fabs((double)b[i]);
    if (distance(a, b) > limit * size)
        fail_msg("logits differ by %g of %g", distance(a, b), size);
}

/* A model whose tensors are all random, so that nothing is right by being 0 or 1. */
static void save_random_model(const vit158_train_recipe *r, float logits[LOGITS])
{
    vit158_error error;
    vit158_trainer *t = fixture_trainer(r, 16, 0);
    vit158_rng rng = vit158_rng_seed(3);
    for (size_t i = 0; i < t->net.parameters; i++)
        t->parameters[i] += 0.1F * vit158_rng_normal(&rng);
    vit158_trainer_pack(t, t->parameters);
    fixture_logits(t, logits);
    assert_int_equal(
        vit158_train_model_save(t, t->parameters, 0.5, fixture_path("t.safetensors"), &error),
        VIT158_OK);
    vit158_trainer_close(t);
}

static void float_recipe(vit158_train_recipe *r, uint32_t outer, uint32_t inner)
{
    fixture_recipe(r);
    r->net.ternary = 0;
    r->net.outer_norms = outer;
    r->net.inner_norms = inner;
}

/* Latent weights made of packed ones have their codes and their scale. */
static void test_packed_weights_go_on(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_error error;
    vit158_train_start start;
    float source[LOGITS], logits[LOGITS];
    const vit158_pack_options options = {.rest = VIT158_DTYPE_F32};
    fixture_recipe(&r);
    save_random_model(&r, source);
    assert_int_equal(vit158_pack_file(fixture_path("t.safetensors"), fixture_path("p.safetensors"),
                                      &options, NULL, &error),
                     VIT158_OK);
    vit158_trainer *model = started(&r), *t = fixture_started_from(&r, "p.safetensors", &start);
    assert_true(start.same);
    assert_int_equal(start.blocks_taken, 2);
    fixture_logits(t, logits);
    assert_near(logits, source, 1e-4);
    for (uint32_t i = 0; i < 2 * VIT158_BLOCK_LINEARS; i++) {
        const vit158_train_layer *l = &t->net.blocks[i / 4].layers[i % 4];
        assert_memory_equal(t->packed.codes[i], model->packed.codes[i], (size_t)l->n_in * l->n_out);
    }
    vit158_trainer_close(t);
    /* Into float weights goes what they compute. */
    r.net.ternary = 0;
    t = fixture_started_from(&r, "p.safetensors", &start);
    vit158_trainer *effective = started(&r);
    float expected[LOGITS];
    fixture_logits(t, logits);
    fixture_logits(effective, expected);
    assert_near(logits, expected, 1e-4);
    vit158_trainer_close(effective);
    vit158_trainer_close(model);
    vit158_trainer_close(t);
}

/* The queries, keys and values of the first block. */
static void assert_first_qkv_near(vit158_trainer *a, vit158_trainer *b)
{
    float logits[LOGITS];
    double difference = 0.0, size = 0.0;
    fixture_logits(a, logits);
    fixture_logits(b, logits);
    for (uint32_t i = 0; i < 2 * 5 * 96; i++) {
        const double x = (double)a->workspace[0].blocks[0].qkv[i],
                     y = (double)b->workspace[0].blocks[0].qkv[i];
        difference += fabs(x - y);
        size += fabs(y);
    }
    assert_true(size > 0.0 && difference < 1e-3 * size);
}

static void test_norms_move(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_train_start start;
    float source[LOGITS], logits[LOGITS];
    /* One kind to both: the single norm goes inside. */
    float_recipe(&r, 0, 1);
    save_random_model(&r, source);
    r.net.outer_norms = 1;
    vit158_trainer *t = fixture_started_from(&r, "t.safetensors", &start);
    fixture_logits(t, logits);
    assert_true(start.same);
    assert_int_equal(start.norms_moved, 4);
    assert_near(logits, source, 1e-3);
    vit158_trainer_close(t);
    /* A plain ViT: what its own norms precede is the same, the other inner norms are new. */
    float_recipe(&r, 1, 0);
    save_random_model(&r, source);
    vit158_trainer *plain = started(&r);
    for (uint32_t outer = 0; outer < 2; outer++) {
        r.net.outer_norms = outer;
        r.net.inner_norms = 1;
        t = fixture_started_from(&r, "t.safetensors", &start);
        assert_false(start.same);
        assert_int_equal(start.norms_moved, 4);
        assert_int_equal(start.norms_new, 4);
        assert_first_qkv_near(t, plain);
        vit158_trainer_close(t);
    }
    vit158_trainer_close(plain);
    /* Two norms before one matrix do not fit into one. */
    float_recipe(&r, 1, 1);
    save_random_model(&r, source);
    r.net.inner_norms = 0;
    t = fixture_started_from(&r, "t.safetensors", &start);
    assert_false(start.same);
    assert_int_equal(start.norms_lost, 8);
    vit158_trainer_close(t);
}

static void test_other_mean_and_std_give_the_same_logits(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_train_start start;
    float source[LOGITS], logits[LOGITS];
    float_recipe(&r, 1, 0);
    save_random_model(&r, source);
    r.mean[0] = 0.3F;
    r.std[0] = 0.1F;
    vit158_trainer *t = fixture_started_from(&r, "t.safetensors", &start);
    assert_true(start.same && start.pixels_folded);
    fixture_logits(t, logits);
    assert_near(logits, source, 1e-4);
    vit158_trainer_close(t);
}

/* A plane over the grid stays one between the centres of the old patches. */
static void test_positions_are_resized(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_error error;
    vit158_train_start start;
    float_recipe(&r, 1, 0);
    r.net.image_size = 64; /* 16 patches a side */
    vit158_trainer *model = fixture_trainer(&r, 16, 0);
    float *pos = model->parameters + model->net.pos;
    for (uint32_t i = 0; i < 256; i++)
        for (uint32_t c = 0; c < 32; c++)
            pos[(i + 1) * 32 + c] = (float)c + 0.5F * (float)(i % 16) - 0.25F * (float)(i / 16);
    assert_int_equal(vit158_train_model_save(model, model->parameters, 0.5,
                                             fixture_path("t.safetensors"), &error),
                     VIT158_OK);
    r.net.image_size = 32; /* 8 */
    vit158_trainer *t = fixture_started_from(&r, "t.safetensors", &start);
    assert_false(start.same);
    assert_int_equal(start.grid_from, 16);
    assert_int_equal(start.grid, 8);
    const float *own = t->parameters + t->net.pos;
    assert_memory_equal(own, pos, 32 * sizeof *own); /* the class token's */
    for (uint32_t y = 2; y < 6; y++)
        for (uint32_t x = 2; x < 6; x++)
            for (uint32_t c = 0; c < 32; c++) {
                const float expected =
                    (float)c + 0.5F * (2.0F * (float)x + 0.5F) - 0.25F * (2.0F * (float)y + 0.5F);
                assert_true(fabsf(own[(y * 8 + x + 1) * 32 + c] - expected) < 1e-4F);
            }
    vit158_trainer_close(model);
    vit158_trainer_close(t);
}

static void test_other_classes_get_a_new_head(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_train_start start;
    vit158_error error;
    float logits[LOGITS];
    float_recipe(&r, 1, 0);
    save_random_model(&r, logits);
    vit158_trainer *same = fixture_started_from(&r, "t.safetensors", &start);
    assert_false(start.head_new);
    vit158_trainer *t = fixture_trainer(&r, 16, 0);
    memcpy(t->train.names, "a\0b\0x\0d", 8);
    const float before = t->parameters[t->net.head_weight];
    assert_int_equal(vit158_train_start_from(&start, t, fixture_path("t.safetensors"), &error),
                     VIT158_OK);
    assert_true(start.head_new && !start.same);
    assert_true(t->parameters[t->net.head_weight] == before);
    assert_memory_equal(t->parameters + t->net.blocks[1].layers[VIT158_FC2].weight,
                        same->parameters + same->net.blocks[1].layers[VIT158_FC2].weight,
                        32 * 48 * sizeof(float));
    vit158_trainer_close(same);
    vit158_trainer_close(t);
}

static void test_only_the_head_learns(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_trainer *model = fixture_trainer_with_model(&r);
    r.net.head_only = 1;
    vit158_trainer *t = started(&r);
    fixture_steps(t, 5);
    const vit158_train_net *net = &t->net;
    for (uint32_t i = 0; i < net->tensor_count; i++) {
        const vit158_train_tensor *at = &net->tensors[i];
        const bool end = at->offset == net->head_weight || at->offset == net->head_bias ||
                         at->offset == net->norm_weight || at->offset == net->norm_bias;
        const bool same = memcmp(t->parameters + at->offset, model->parameters + at->offset,
                                 (size_t)at->rows * at->cols * sizeof(float)) == 0;
        assert_true(same != end);
    }
    vit158_trainer_close(model);
    vit158_trainer_close(t);
}

static void test_a_network_shrinks(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_train_start start;
    vit158_trainer *model = fixture_trainer_with_model(&r);
    r.net.depth = 1;
    vit158_trainer *t = fixture_started_from(&r, "t.safetensors", &start);
    assert_int_equal(start.blocks_taken, 1);
    assert_int_equal(start.blocks_left, 1);
    assert_false(start.same);
    assert_memory_equal(t->parameters + t->net.blocks[0].layers[VIT158_QKV].weight,
                        model->parameters + model->net.blocks[0].layers[VIT158_QKV].weight,
                        96 * 32 * sizeof(float));
    vit158_trainer_close(model);
    vit158_trainer_close(t);
}

static void test_another_width_is_refused(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_error error;
    vit158_trainer_close(fixture_trainer_with_model(&r));
    r.net.mlp_dim = 64;
    vit158_trainer *t = fixture_trainer(&r, 16, 0);
    assert_int_equal(vit158_train_start_from(NULL, t, fixture_path("t.safetensors"), &error),
                     VIT158_E_METADATA);
    assert_non_null(strstr(error.message,
                           "the network to start from has mlp_dim 48, the recipe's 64: set it so"));
    vit158_trainer_close(t);
}

/* What the trainer would compute otherwise; a model without a head only lacks what is made anew. */
static void test_what_is_not_trained_is_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"average", "averages its patches"},
        {"registers", "more tokens before its patches"},
        {"clip", "another activation than the exact GELU"},
        {"gelu-tanh", "another activation than the exact GELU"},
        {"ternary-rms", "RMSNorms before its matrices"},
        {"two-inner-norms", "inner norms before some of its matrices only"},
    };
    vit158_train_recipe r;
    vit158_error error;
    vit158_trainer_close(fixture_trainer_with_model(&r));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[512];
        vit158_trainer *t = fixture_trainer(&r, 16, 0);
        snprintf(path, sizeof path, "%s/variants/%s.safetensors", VIT158_TEST_DATA, cases[i][0]);
        assert_int_equal(vit158_train_start_from(NULL, t, path, &error), VIT158_E_UNSUPPORTED);
        if (strstr(error.message, cases[i][1]) == NULL)
            fail_msg("%s: %s", cases[i][0], error.message);
        vit158_trainer_close(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_float_weights_start_where_ternary_ones_are),
        cmocka_unit_test(test_a_network_grows),
        cmocka_unit_test(test_packed_weights_go_on),
        cmocka_unit_test(test_norms_move),
        cmocka_unit_test(test_other_mean_and_std_give_the_same_logits),
        cmocka_unit_test(test_positions_are_resized),
        cmocka_unit_test(test_other_classes_get_a_new_head),
        cmocka_unit_test(test_only_the_head_learns),
        cmocka_unit_test(test_a_network_shrinks),
        cmocka_unit_test(test_another_width_is_refused),
        cmocka_unit_test(test_what_is_not_trained_is_refused),
    };
    return cmocka_run_group_tests(tests, fixture_make_folder, fixture_remove_folder);
}
