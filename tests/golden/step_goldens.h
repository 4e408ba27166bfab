/* SPDX-License-Identifier: MIT
 *
 * Small models with PyTorch's results (make_tiny_goldens.py, make_variant_goldens.py): files under
 * tests/data/FOLDER, NAME.safetensors and NAME.golden. Every function fails the running test if
 * something is not as it should be.
 */
#ifndef VIT158_TESTS_STEP_GOLDENS_H
#define VIT158_TESTS_STEP_GOLDENS_H

#include <stddef.h>

#include "vit158.h"

vit158_model *golden_model(const char *folder, const char *name);

/* The golden's floats, to be freed. */
float *golden_values(const char *folder, const char *name, size_t *count);

/* Values of the input, which come first. */
size_t golden_input_count(const vit158_model *model);

vit158_session *golden_session(const vit158_model *model, const vit158_options *options);

/* Runs the input, comparing what each step leaves, embedding, logits, attention and rollout, with
 * `tolerance` relative to the largest value of each part. */
void golden_check(const char *name, const vit158_model *model, const float *golden, size_t count,
                  const vit158_options *options, float tolerance);

/* Logits, then embedding, of one run, to be freed. */
float *golden_run(const vit158_model *model, const float *input, const vit158_options *options,
                  size_t *count);

/* Both engines, every product and one or two threads, keeping attention or not: the same bits. */
void golden_check_variants(const char *name, const vit158_model *model, const float *input);

#endif
