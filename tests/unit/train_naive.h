/* SPDX-License-Identifier: MIT
 *
 * The trainer's network in plain doubles without quantizers, straight from METHODS.md 1.1: what
 * gradients are checked against by finite differences.
 */
#ifndef VIT158_TESTS_TRAIN_NAIVE_H
#define VIT158_TESTS_TRAIN_NAIVE_H

#include "train/net.h"

/* Cross-entropy of `label` for one image given as patches [tokens - 1][patch_ld]. parameters: the
 * array that net describes, as doubles. */
double naive_loss(const vit158_train_net *net, const double *parameters, const float *patches,
                  size_t patch_ld, uint32_t label);

#endif
