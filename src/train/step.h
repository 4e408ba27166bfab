/* SPDX-License-Identifier: MIT
 *
 * One training step: microbatches over the workers, gradients summed in a fixed order, clipped,
 * applied; averaged weights; schedule.
 */
#ifndef VIT158_TRAIN_STEP_H
#define VIT158_TRAIN_STEP_H

#include "train/trainer.h"

typedef struct vit158_train_step_result {
    double loss;     /* mean over the batch */
    double accuracy; /* on training images, against the larger share's label */
    double gradient_norm;
} vit158_train_step_result;

/* 0 .. 1 of the schedule. */
double vit158_train_progress(const vit158_trainer *trainer);
/* Present share of the peak learning rate. */
double vit158_train_rate(const vit158_trainer *trainer);

/* One batch. VIT158_E_NUMERIC if the loss or a gradient is not finite: parameters are then as they
 * were before. */
vit158_status vit158_train_step(vit158_trainer *trainer, vit158_train_step_result *result,
                                vit158_error *error);

#endif
