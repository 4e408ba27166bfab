/* SPDX-License-Identifier: MIT
 *
 * A finished model on images that it did not learn from, through the engine.
 */
#ifndef VIT158_CLI_FINETUNE_JUDGE_H
#define VIT158_CLI_FINETUNE_JUDGE_H

#include "cli/confusion.h"
#include "train/dataset.h"

typedef struct vit158_judgement {
    size_t count, correct;
    double accuracy, standard_error; /* 0 .. 1 */
    /* A score that 5 % of the right answers do not reach; 0: there are fewer than 20, too few for
     * that. */
    double unsure;
    vit158_judged *judged; /* [count], sorted by vit158_sort_judged; owned */
    vit158_model *model;   /* of the labels; owned */
} vit158_judgement;

/* The images are of the model's size, so that its preprocessing leaves them as they are.
 * Errors: those of opening the model and running it. */
vit158_status vit158_judge(vit158_judgement *out, const char *model_path,
                           const vit158_train_dataset *images, vit158_error *error);
void vit158_judgement_free(vit158_judgement *judgement);

#endif
