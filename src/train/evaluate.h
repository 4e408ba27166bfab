/* SPDX-License-Identifier: MIT
 *
 * How a run stands on its validation images.
 */
#ifndef VIT158_TRAIN_EVALUATE_H
#define VIT158_TRAIN_EVALUATE_H

#include "train/trainer.h"

typedef struct vit158_train_evaluation {
    double accuracy; /* 0 .. 1 */
    double loss;
} vit158_train_evaluation;

/* Of the weights now in trainer->packed on trainer->val; zeros without validation images. */
vit158_train_evaluation vit158_train_evaluate(vit158_trainer *trainer);

/* The teachers' share of correct answers on them, 0 if there are none. */
double vit158_train_evaluate_teachers(vit158_trainer *trainer);

/* Smallest and largest share of zero codes over the ternary matrices now packed. */
void vit158_train_zero_share(const vit158_trainer *trainer, double *low, double *high);

#endif
