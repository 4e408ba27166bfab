/* SPDX-License-Identifier: MIT
 *
 * Ranks that train together must be alike: what is not refused here would part their weights
 * without a word. With one rank nothing is looked at.
 */
#ifndef VIT158_TRAIN_AGREEMENT_H
#define VIT158_TRAIN_AGREEMENT_H

#include "train/trainer.h"

/* Program, instruction set, recipe (but for threads and folders) and images, against rank 0's.
 * VIT158_E_ARGUMENT names what differs. All ranks call it. */
vit158_status vit158_train_agree_at_start(const vit158_trainer *trainer, vit158_error *error);

/* Parameters, bit for bit, against rank 0's. VIT158_E_NUMERIC names the step. All ranks call it. */
vit158_status vit158_train_agree_on_weights(const vit158_trainer *trainer, vit158_error *error);

#endif
