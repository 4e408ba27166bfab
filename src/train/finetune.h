/* SPDX-License-Identifier: MIT
 *
 * From a folder of images and a pretrained model to a ternary one, in three stages: the head alone
 * (head_fit.h), the float network, and the ternary network taught by the float one. Stages hand
 * over through the files in their folders.
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
    const char *folder;  /* of class folders, or of train with class folders */
    const char *base;    /* model file to start from; NULL: random weights, no head stage */
    const char *rounded; /* ternary weights, an absmean scale an output, that the last stage starts
                            from; NULL: the float stage's, rounded as they are */
    const char *out_dir; /* gets a folder a stage, each with its recipe, log and models */
    double minutes;      /* of training in all */
    uint32_t image_size; /* 0: the base's, or that of 8 x 8 patches if it has many more */
    uint32_t threads, deterministic;
    uint32_t processor_clock; /* as in recipes: of what the minutes are */
    bool float_only;          /* no ternary stage is to come: its minutes are the float stage's */
    volatile int *stop;       /* as in vit158_train_run_options */
    FILE *progress;           /* may be NULL */
} vit158_train_finetune;

/* Where the images are: train = FOLDER/train if there is such a folder, else FOLDER; val =
 * FOLDER/val or FOLDER/validation beside it, else empty. Of train every tenth image is held out, by
 * which the stages choose; val is never looked at.
 * Errors: VIT158_E_IO, VIT158_E_ARGUMENT. */
vit158_status vit158_train_finetune_data(char train[VIT158_TRAIN_RECIPE_TEXT],
                                         char val[VIT158_TRAIN_RECIPE_TEXT], const char *folder,
                                         vit158_error *error);

/* "OUT_DIR/STAGE/NAME". Errors: VIT158_E_ARGUMENT if that is too long. */
vit158_status vit158_train_finetune_path(char path[VIT158_TRAIN_RECIPE_TEXT],
                                         const vit158_train_finetune *how, uint32_t stage,
                                         const char *name, vit158_error *error);

/* The recipe of a stage: the network is the base's, the rest depends on the stage.
 * Errors: those of opening the base. */
vit158_status vit158_train_finetune_recipe(vit158_train_recipe *recipe,
                                           const vit158_train_finetune *how, uint32_t stage,
                                           vit158_error *error);

/* One stage, unless it is complete in out_dir; if it was stopped it goes on from its checkpoint.
 * *complete is false if `stop` ended it. The result is OUT_DIR/STAGE/best.safetensors. */
vit158_status vit158_train_finetune_stage(bool *complete, const vit158_train_finetune *how,
                                          uint32_t stage, vit158_error *error);

#endif
