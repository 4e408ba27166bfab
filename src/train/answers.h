/* SPDX-License-Identifier: MIT
 *
 * What the teachers said. With teacher_epochs = n the augmented and mixed images of n epochs come
 * again and again (which patches of them are kept stays new), so the teachers are asked about each
 * once; as Shen and Xing (2022, "A Fast Knowledge Distillation Framework") do for crops. A file
 * keeps the answers for resumed runs and for other students.
 */
#ifndef VIT158_TRAIN_ANSWERS_H
#define VIT158_TRAIN_ANSWERS_H

#include "train/trainer.h"

struct vit158_train_answers {
    char key[65];                         /* hash of all that decides images and answers */
    uint64_t floats;                      /* epochs * images an epoch * classes */
    float *logits;                        /* [epochs][images][classes], FLT_MAX = not asked yet */
    bool fresh[VIT158_TRAIN_MAX_WORKERS]; /* workers that have added some since the file was written
                                           */
};

/* If the recipe wants answers remembered; after the teachers are open. Reads the recipe's
 * teacher_answers if it exists. On failure those read stay until the trainer is closed.
 * Errors: VIT158_E_ARGUMENT if the file's answers are about other images or of other teachers,
 * VIT158_E_MEMORY, and those of vit158_safetensors_get_f32. */
vit158_status vit158_train_answers_open(vit158_trainer *trainer, vit158_error *error);
void vit158_train_answers_close(vit158_trainer *trainer);

/* The teachers' logits of the worker's microbatch, vit158_train_feed_microbatch(trainer, worker,
 * first, images, progress) before, into its feed->taught. */
void vit158_train_answers_give(vit158_trainer *trainer, uint32_t worker, uint64_t first,
                               uint32_t images, double progress);

/* Writes the file if there are new ones. */
vit158_status vit158_train_answers_save(vit158_trainer *trainer, vit158_error *error);

#endif
