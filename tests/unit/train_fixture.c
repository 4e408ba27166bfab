/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "unit/train_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/text.h"
#include "train/checkpoint.h"
#include "train/hints.h"
#include "train/teacher.h"
#include "unit/test.h"

void fixture_recipe(vit158_train_recipe *r)
{
    vit158_train_recipe_defaults(r);
    vit158_format(r->name, sizeof r->name, "tiny");
    vit158_format(r->train_data, sizeof r->train_data, "in memory");
    r->net = (vit158_train_net_config){.image_size = 8,
                                       .patch_size = 4,
                                       .channels = 1,
                                       .dim = 32,
                                       .depth = 2,
                                       .heads = 2,
                                       .mlp_dim = 48,
                                       .ternary = 1,
                                       .outer_norms = 1,
                                       .inner_norms = 1,
                                       .norm_eps = 1e-6F,
                                       .inner_norm_eps = 1e-5F};
    r->batch = 8;
    r->microbatch = 2;
    r->threads = 2;
    r->epochs = 10;
    r->warmup_steps = 2;
}

void fixture_busy_recipe(vit158_train_recipe *r)
{
    fixture_recipe(r);
    r->deterministic = 1;
    r->drop_path = 0.2F;
    r->keep_tokens = 0.75F;
    r->label_smoothing = 0.1F;
    r->augment = (vit158_train_augment){.operations = 2,
                                        .magnitude = 1.0F,
                                        .autoaugment = 0.5F,
                                        .crop = 1,
                                        .flip = 1,
                                        .erase = 0.5F,
                                        .mix = 0.5F,
                                        .cutmix = 0.5F,
                                        .mixup_alpha = 0.5F};
}

void fixture_conv_recipe(vit158_train_recipe *r)
{
    fixture_recipe(r);
    r->net.network = VIT158_TRAIN_CONV;
    r->net.ternary = 0;
    r->net.image_size = 16;
    r->net.patch_size = 2;
    r->net.dim = 64;
    r->net.depth = 1;
}

void fixture_images(vit158_train_dataset *data, uint32_t count, const vit158_train_recipe *r,
                    uint64_t seed, int learnable)
{
    vit158_error error;
    assert_int_equal(vit158_train_dataset_allocate(data, count, r->net.channels, r->net.image_size,
                                                   4, 8, &error),
                     VIT158_OK);
    memcpy(data->names, "a\0b\0c\0d", 8);
    vit158_rng rng = vit158_rng_seed(seed);
    const size_t size = vit158_train_dataset_image(data);
    for (uint32_t i = 0; i < count; i++) {
        data->labels[i] = (uint16_t)vit158_rng_below(&rng, 4);
        for (size_t j = 0; j < size; j++)
            data->pixels[i * size + j] = (uint8_t)(vit158_rng_next(&rng) >> 56);
        const size_t corner = (size_t)(data->labels[i] % 2) * 4 + (data->labels[i] / 2) * size / 2;
        if (learnable)
            for (size_t j = 0; j < 3; j++)
                data->pixels[i * size + corner + j] = 255;
    }
}

vit158_trainer *fixture_trainer(const vit158_train_recipe *recipe, uint32_t count, int learnable)
{
    vit158_train_dataset train, val = {0};
    vit158_trainer *t;
    vit158_error error;
    fixture_images(&train, count, recipe, 5, learnable);
    if (vit158_trainer_create(&t, recipe, &train, &val, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    return t;
}

void fixture_feed(vit158_trainer *t, uint32_t images)
{
    vit158_train_workspace *w = &t->workspace[0];
    vit158_train_workspace_whole(w, &t->net, images);
    for (uint32_t i = 0; i < images; i++)
        vit158_train_feed_plain(&t->feeder, &t->feed[0], w, i,
                                t->train.pixels + i * vit158_train_dataset_image(&t->train));
}

void fixture_steps(vit158_trainer *t, uint32_t count)
{
    vit158_train_step_result result;
    vit158_error error;
    for (uint32_t i = 0; i < count; i++)
        if (vit158_train_step(t, &result, &error) != VIT158_OK)
            fail_msg("%s", error.message);
}

double fixture_hint(vit158_trainer *t, uint32_t images, float tokens, float attention)
{
    vit158_train_workspace *w = &t->workspace[0];
    vit158_train_workspace *const its = &t->teachers->first->workspace[0];
    const vit158_train_hints hints = {.teacher = its,
                                      .tokens = tokens,
                                      .attention = attention,
                                      .batch = images,
                                      .channels = t->feed[0].channels};
    const vit158_train_pass pass = {.net = &t->net,
                                    .packed = &t->packed,
                                    .compute = t->compute,
                                    .workspace = w,
                                    .hints = &hints};
    const vit158_train_pass taught = {.net = &t->teachers->first->net,
                                      .packed = &t->teachers->first->packed,
                                      .compute = t->compute,
                                      .workspace = its};
    vit158_trainer_pack(t, t->parameters);
    fixture_feed(t, images);
    vit158_train_workspace_whole(its, &t->teachers->first->net, images);
    const size_t places = (size_t)images * (t->net.tokens - 1);
    memcpy(its->places, w->places, places * sizeof *w->places);
    memcpy(its->patches, w->patches, places * w->patch_ld * sizeof *w->patches);
    memset(w->gradient, 0, t->net.parameters * sizeof(float));
    w->hint_loss = 0.0;
    vit158_train_forward(&taught);
    vit158_train_forward(&pass);
    memset(w->dlogits, 0, images * w->logit_ld * sizeof *w->dlogits);
    vit158_train_backward(&pass);
    return w->hint_loss;
}

void fixture_logits(vit158_trainer *t, float logits[8])
{
    vit158_train_workspace *workspace = &t->workspace[0];
    const vit158_train_pass pass = {
        .net = &t->net, .packed = &t->packed, .compute = t->compute, .workspace = workspace};
    fixture_feed(t, 2);
    vit158_train_forward(&pass);
    for (uint32_t i = 0; i < 2; i++)
        memcpy(logits + (size_t)i * 4, workspace->logits + i * workspace->logit_ld,
               4 * sizeof *logits);
}

vit158_trainer *fixture_trainer_with_model(vit158_train_recipe *r)
{
    vit158_error error;
    fixture_recipe(r);
    vit158_trainer *t = fixture_trainer(r, 16, 0);
    assert_int_equal(
        vit158_train_model_save(t, t->parameters, 0.5, fixture_path("t.safetensors"), &error),
        VIT158_OK);
    return t;
}

static char folder[64];

const char *fixture_folder(void)
{
    return folder;
}

const char *fixture_path(const char *name)
{
    static char paths[8][160];
    static int next;
    char *path = paths[next++ % 8];
    vit158_format(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

int fixture_make_folder(void **state)
{
    (void)state;
    vit158_format(folder, sizeof folder, "/tmp/vit158-train-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

int fixture_remove_folder(void **state)
{
    (void)state;
    char command[96];
    vit158_format(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

vit158_trainer *fixture_started_from(const vit158_train_recipe *r, const char *name,
                                     vit158_train_start *start)
{
    vit158_error error;
    vit158_trainer *t = fixture_trainer(r, 16, 0);
    if (vit158_train_start_from(start, t, fixture_path(name), &error) != VIT158_OK)
        fail_msg("%s", error.message);
    return t;
}
