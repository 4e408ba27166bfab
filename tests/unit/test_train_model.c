/* SPDX-License-Identifier: MIT
 *
 * Models that training saves: the engine computes with them what the trainer did.
 */
#include "unit/test.h"

#include <math.h>
#include <stdlib.h>

#include "model/pack.h"
#include "train/checkpoint.h"
#include "unit/open_model.h"
#include "unit/train_fixture.h"
#include "vit158.h"

#define PIXELS (8 * 8)
#define CLASSES 4

/* Saves what `t` has learnt as saved.safetensors. */
static void save(vit158_trainer *t)
{
    vit158_error error;
    assert_int_equal(
        vit158_train_model_save(t, t->parameters, 0.5, fixture_path("saved.safetensors"), &error),
        VIT158_OK);
}

static vit158_status pack(vit158_pack_matrices matrices, vit158_error *error)
{
    const vit158_pack_options options = {.matrices = matrices, .rest = VIT158_DTYPE_F32};
    return vit158_pack_file(fixture_path("saved.safetensors"), fixture_path("packed.safetensors"),
                            &options, NULL, error);
}

/* The engine on file `name` and the trainer agree on the first two training images. */
static void check(vit158_trainer *t, const char *name)
{
    float expected[2 * CLASSES], pixels[PIXELS];
    fixture_logits(t, expected);
    vit158_model *const model = test_open_model(fixture_path(name));
    vit158_session *session = NULL;
    vit158_error error;
    assert_int_equal(vit158_session_create(&session, model, NULL, &error), VIT158_OK);
    for (size_t i = 0; i < 2; i++) {
        vit158_train_feed_normalise(&t->feeder, pixels, t->train.pixels + i * PIXELS);
        assert_int_equal(vit158_session_set_tensor(session, pixels, PIXELS, &error), VIT158_OK);
        assert_int_equal(vit158_session_run(session, NULL, NULL, &error), VIT158_OK);
        const float *logits = vit158_session_logits(session);
        for (size_t j = 0; j < CLASSES; j++)
            if (!(fabsf(logits[j] - expected[i * CLASSES + j]) < 1e-5F))
                fail_msg("%s: logit %zu of picture %zu is %g, the trainer's %g", name, j, i,
                         (double)logits[j], (double)expected[i * CLASSES + j]);
    }
    vit158_session_close(session);
    vit158_model_close(model);
}

static vit158_trainer *trained(int ternary)
{
    vit158_train_recipe r;
    fixture_recipe(&r);
    r.net.ternary = ternary;
    vit158_trainer *t = fixture_trainer(&r, 16, 0);
    fixture_steps(t, 6);
    save(t);
    return t;
}

static void test_ternary_weights_when_packed(void **state)
{
    (void)state;
    vit158_error error;
    vit158_trainer *t = trained(1);
    assert_int_equal(pack(VIT158_PACK_FLOAT, &error), VIT158_E_UNSUPPORTED);
    assert_int_equal(pack(VIT158_PACK_TRAINED, &error), VIT158_OK);
    check(t, "packed.safetensors");
    vit158_trainer_close(t);
}

/* They have inner norms like ternary ones, which does not make them latent. */
static void test_float_weights_as_they_are_and_packed(void **state)
{
    (void)state;
    vit158_error error;
    vit158_trainer *t = trained(0);
    check(t, "saved.safetensors");
    assert_int_equal(pack(VIT158_PACK_TRAINED, &error), VIT158_E_UNSUPPORTED);
    assert_int_equal(pack(VIT158_PACK_FLOAT, &error), VIT158_OK);
    check(t, "packed.safetensors");
    vit158_trainer_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ternary_weights_when_packed),
        cmocka_unit_test(test_float_weights_as_they_are_and_packed),
    };
    return cmocka_run_group_tests(tests, fixture_make_folder, fixture_remove_folder);
}
