/* SPDX-License-Identifier: MIT
 *
 * Small training runs for tests.
 */
#ifndef VIT158_TESTS_TRAIN_FIXTURE_H
#define VIT158_TESTS_TRAIN_FIXTURE_H

#include "train/start.h"
#include "train/step.h"

/* Defaults of a tiny network: 8 x 8 grey images, patch 4, 5 tokens, d 32, H 2, L 2, F 48. */
void fixture_recipe(vit158_train_recipe *recipe);
/* Deterministic, with everything random switched on. */
void fixture_busy_recipe(vit158_train_recipe *recipe);
/* Of a tiny convolutional network: 16 x 16 images, grids of 8, 4 and 2 places a side, 16 to 64
 * channels. */
void fixture_conv_recipe(vit158_train_recipe *recipe);

/* `count` random images of the recipe's shape with random labels of 4 classes; the label also
 * brightens a corner if `learnable`. */
void fixture_images(vit158_train_dataset *data, uint32_t count, const vit158_train_recipe *recipe,
                    uint64_t seed, int learnable);

/* A trainer on such images with `count` of them, no validation; fails the test on error. */
vit158_trainer *fixture_trainer(const vit158_train_recipe *recipe, uint32_t count, int learnable);

/* The same, with 16 images, started from file `name` of the fixture's folder; `start` may be NULL.
 */
vit158_trainer *fixture_started_from(const vit158_train_recipe *recipe, const char *name,
                                     vit158_train_start *start);

/* So many steps; fails the test on error. */
void fixture_steps(vit158_trainer *trainer, uint32_t count);

/* Images 0 .. images - 1 as they are in worker 0's microbatch, all patches, no dropped branch. */
void fixture_feed(vit158_trainer *trainer, uint32_t images);

/* Logits [2][4] of the first two training images by the network being trained. */
void fixture_logits(vit158_trainer *trainer, float logits[8]);

/* The hints alone, of these weights, of the first images to a trainer with one teacher: their loss;
 * its gradient is in worker 0's workspace. */
double fixture_hint(vit158_trainer *trainer, uint32_t images, float tokens, float attention);

/* A trainer of fixture_recipe, put into *recipe, whose weights stand in t.safetensors as well. */
vit158_trainer *fixture_trainer_with_model(vit158_train_recipe *recipe);

/* Setup and teardown of a test program that writes files, its folder, and names in it (the last
 * eight stay valid). */
int fixture_make_folder(void **state);
int fixture_remove_folder(void **state);
const char *fixture_folder(void);
const char *fixture_path(const char *name);

#endif
