/* SPDX-License-Identifier: MIT
 *
 * Files of a run, all safetensors: checkpoints (parameters under timm's names, "ema.", "m." and
 * "v." beside them, the state as metadata), and models (latent float weights with the metadata that
 * the reader of models wants; `vit158 pack` turns them into trits).
 */
#ifndef VIT158_TRAIN_CHECKPOINT_H
#define VIT158_TRAIN_CHECKPOINT_H

#include "train/trainer.h"

vit158_status vit158_train_checkpoint_save(const vit158_trainer *trainer, const char *path,
                                           vit158_error *error);
/* The geometry of the file must be the trainer's. On failure the trainer is not usable. */
vit158_status vit158_train_checkpoint_load(vit158_trainer *trainer, const char *path,
                                           vit158_error *error);

/* accuracy: on validation images, 0 .. 1. */
vit158_status vit158_train_model_save(const vit158_trainer *trainer, const float *parameters,
                                      double accuracy, const char *path, vit158_error *error);

#endif
