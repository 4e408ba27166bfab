/* SPDX-License-Identifier: MIT
 *
 * Files of a run, all safetensors: checkpoints (parameters under timm's names, "ema.", "m." and
 * "v." beside them, the state as metadata), and models (latent float weights with the metadata that
 * the reader of models wants; `vit158 pack` turns them into trits).
 */
#ifndef VIT158_TRAIN_CHECKPOINT_H
#define VIT158_TRAIN_CHECKPOINT_H

#include "model/safetensors.h"
#include "train/trainer.h"

vit158_status vit158_train_checkpoint_save(const vit158_trainer *trainer, const char *path,
                                           vit158_error *error);
/* The geometry of the file must be the trainer's. On failure the trainer is not usable. */
vit158_status vit158_train_checkpoint_load(vit158_trainer *trainer, const char *path,
                                           vit158_error *error);

/* accuracy: on validation pictures, 0 .. 1. */
vit158_status vit158_train_model_save(const vit158_trainer *trainer, const float *parameters,
                                      double accuracy, const char *path, vit158_error *error);

/* Parameters of a model file (or of a checkpoint) with the trainer's geometry, into parameters and
 * average; positions and patches as they are. Blocks beyond a shallower model's stay as initialised
 * but add next to nothing to the tokens. Float networks that start from a ternary model take
 * scale times code for its latent weights, so that they begin with what it knows. */
vit158_status vit158_trainer_init_from(vit158_trainer *trainer, const char *path,
                                       vit158_error *error);

#endif
