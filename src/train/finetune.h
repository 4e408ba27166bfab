/* SPDX-License-Identifier: MIT
 *
 * From a folder of images and a pretrained model to a ternary one, in three runs of the trainer:
 * the head alone, the float network, and the ternary network soft_labels by the float one.
 */
#ifndef VIT158_TRAIN_FINETUNE_H
#define VIT158_TRAIN_FINETUNE_H

#include "train/train_run.h"

enum {
    VIT158_TRAIN_STAGE_HEAD,
    VIT158_TRAIN_STAGE_FLOAT,
    VIT158_TRAIN_STAGE_TERNARY,
    VIT158_TRAIN_STAGES
};

typedef struct vit158_train_finetune {
    const char *folder;  /* of class folders, or of train and val with class folders each */
    const char *base;    /* model file to start from */
    const char *out_dir; /* gets a folder a stage, each with its recipe, log and models */
    double minutes;      /* of training in all */
    uint32_t threads, deterministic;
    volatile int *stop; /* as in vit158_train_run_options */
    FILE *progress;     /* may be NULL */
} vit158_train_finetune;

/* "head", "float", "ternary". */
const char *vit158_train_stage_name(uint32_t stage);

/* The recipe of a stage: the network is the base's, the rest depends on the stage.
 * Errors: those of opening the base. */
vit158_status vit158_train_finetune_recipe(vit158_train_recipe *recipe,
                                           const vit158_train_finetune *how, uint32_t stage,
                                           vit158_error *error);

/* All stages that are not complete in out_dir; one that was stopped goes on from its checkpoint.
 * *complete is false if `stop` ended it. The result is out_dir/ternary/best.safetensors. */
vit158_status vit158_train_finetune_run(bool *complete, const vit158_train_finetune *how,
                                        vit158_error *error);

#endif
