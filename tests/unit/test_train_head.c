/* SPDX-License-Identifier: MIT
 *
 * The head fitted to embeddings: what it leaves alone, that it is a fit, that threads and batches
 * do not matter, and that training all of the network goes on from there.
 */
#include "unit/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/evaluate.h"
#include "train/head_fit.h"
#include "train/loss.h"
#include "train/pass.h"
#include "train/step.h"
#include "unit/train_fixture.h"

#define IMAGES 128U
#define COPIES 2U

static double fit(vit158_trainer *t, vit158_train_embeddings *e)
{
    vit158_error error;
    double accuracy = 0.0;
    if (vit158_train_embed(e, t, COPIES, NULL, &error) != VIT158_OK ||
        vit158_train_head_fit(&accuracy, t, e, 40, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    return accuracy;
}

static void recipe_of(vit158_train_recipe *r)
{
    fixture_recipe(r);
    r->net.ternary = 0;
    r->label_smoothing = 0.1F;
    r->augment.crop = 1;
    r->batch = 16;
    r->microbatch = 4;
}

static void test_only_the_head_changes(void **state)
{
    (void)state;
    vit158_train_recipe r;
    recipe_of(&r);
    vit158_trainer *t = fixture_trainer(&r, IMAGES, 1);
    const size_t count = t->net.parameters, head = t->net.head_weight;
    float *before = malloc(count * sizeof *before);
    assert_non_null(before);
    memcpy(before, t->parameters, count * sizeof *before);
    vit158_train_embeddings e;
    fit(t, &e);
    assert_memory_equal(before, t->parameters, head * sizeof *before);
    assert_memory_not_equal(before + head, t->parameters + head, 4 * 32 * sizeof *before);
    assert_memory_equal(t->average, t->parameters, count * sizeof *before);
    assert_int_equal(t->state.step, 0);
    assert_int_equal(e.count, COPIES * IMAGES);
    vit158_train_embeddings_free(&e);
    free(before);
    vit158_trainer_close(t);
}

/* The first copy is the images as they are, so its embeddings are those of evaluation. */
static void test_the_first_copy_is_plain(void **state)
{
    (void)state;
    vit158_train_recipe r;
    recipe_of(&r);
    vit158_trainer *t = fixture_trainer(&r, IMAGES, 1);
    vit158_train_embeddings e;
    float logits[8], own[8];
    fit(t, &e);
    fixture_logits(t, logits);
    vit158_train_feed_order(&t->feeder, 0);
    for (uint32_t at = 0; at < IMAGES; at++) {
        const uint32_t image = t->feeder.order[at];
        if (image > 1)
            continue;
        for (uint32_t c = 0; c < 4; c++) {
            const float *w = t->parameters + t->net.head_weight + (size_t)c * e.dim;
            double sum = (double)t->parameters[t->net.head_bias + c];
            for (uint32_t i = 0; i < e.dim; i++)
                sum += (double)w[i] * (double)e.rows[(size_t)at * e.dim + i];
            own[image * 4 + c] = (float)sum;
        }
        assert_int_equal(e.labels[at], t->train.labels[image]);
    }
    for (int i = 0; i < 8; i++)
        assert_true(fabsf(own[i] - logits[i]) < 1e-4F);
    vit158_train_embeddings_free(&e);
    vit158_trainer_close(t);
}

static void test_threads_do_not_matter(void **state)
{
    (void)state;
    vit158_train_recipe r;
    float logits[2][8];
    for (uint32_t i = 0; i < 2; i++) {
        recipe_of(&r);
        r.threads = 1 + 2 * i;
        vit158_trainer *t = fixture_trainer(&r, IMAGES, 1);
        vit158_train_embeddings e;
        fit(t, &e);
        fixture_logits(t, logits[i]);
        vit158_train_embeddings_free(&e);
        vit158_trainer_close(t);
    }
    assert_memory_equal(logits[0], logits[1], sizeof logits[0]);
}

/* Share of training images that the network is right about. */
static double accuracy_of(vit158_trainer *t)
{
    uint32_t right = 0;
    for (uint32_t first = 0; first < t->train.count; first += 4) {
        vit158_train_workspace *w = &t->workspace[0];
        vit158_train_workspace_whole(w, &t->net, 4);
        for (uint32_t i = 0; i < 4; i++)
            vit158_train_feed_plain(&t->feeder, &t->feed[0], w, i,
                                    t->train.pixels +
                                        (first + i) * vit158_train_dataset_image(&t->train));
        const vit158_train_pass pass = {
            .net = &t->net, .packed = &t->packed, .compute = t->compute, .workspace = w};
        vit158_train_forward(&pass);
        for (uint32_t i = 0; i < 4; i++)
            right += vit158_train_largest_logit(w->logits + i * w->logit_ld, 4) ==
                     t->train.labels[first + i];
    }
    return (double)right / t->train.count;
}

/* Random blocks say a little of which corner is bright; trained ones all. */
static void test_training_gains_over_the_head(void **state)
{
    (void)state;
    vit158_train_recipe r;
    recipe_of(&r);
    r.augment.crop = 0;
    r.epochs = 40.0F;
    r.warmup_steps = 10;
    r.lr = 3e-3F;
    r.muon = 0;
    vit158_trainer *t = fixture_trainer(&r, IMAGES, 1);
    vit158_train_embeddings e;
    fit(t, &e);
    const double head = accuracy_of(t);
    fixture_steps(t, 40 * IMAGES / r.batch);
    const double all = accuracy_of(t);
    assert_true(head > 0.3); /* chance is 0.25 */
    if (!(all > head + 0.1))
        fail_msg("head alone %g, all of the network %g", head, all);
    vit158_train_embeddings_free(&e);
    vit158_trainer_close(t);
}

static void test_a_stop_is_obeyed(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_error error;
    recipe_of(&r);
    vit158_trainer *t = fixture_trainer(&r, IMAGES, 1);
    const volatile int stop = 1;
    vit158_train_embeddings e;
    assert_int_equal(vit158_train_embed(&e, t, COPIES, &stop, &error), VIT158_OK);
    for (size_t i = 0; i < (size_t)e.count * e.dim; i++)
        assert_true(e.rows[i] == 0.0F);
    vit158_train_embeddings_free(&e);
    vit158_trainer_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_only_the_head_changes),
                                       cmocka_unit_test(test_the_first_copy_is_plain),
                                       cmocka_unit_test(test_threads_do_not_matter),
                                       cmocka_unit_test(test_training_gains_over_the_head),
                                       cmocka_unit_test(test_a_stop_is_obeyed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
