/* SPDX-License-Identifier: MIT
 *
 * The first stage of fine-tuning as a run: log.jsonl and best.safetensors in a folder.
 */
#ifndef VIT158_TRAIN_HEAD_RUN_H
#define VIT158_TRAIN_HEAD_RUN_H

#include "train/train_run.h"

/* Fits a head to the backbone of recipe->init (head_fit.h). *complete is false, and nothing is
 * written but the log, if options->stop ended it. Errors: those of vit158_train_run. */
vit158_status vit158_train_head_run(bool *complete, const vit158_train_recipe *recipe,
                                    const vit158_train_run_options *options, vit158_error *error);

#endif
