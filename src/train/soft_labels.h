/* SPDX-License-Identifier: MIT
 *
 * Soft labels: the teachers' logits of the images a student sees. With teacher_epochs = n the
 * augmented and mixed images of n epochs come again and again (which patches of them the student
 * takes stays new), so the teachers are asked about each once; as Shen and Xing (2022, "A Fast
 * Knowledge Distillation Framework") do for crops. A file hands them on to resumed runs and to
 * other students.
 */
#ifndef VIT158_TRAIN_SOFT_LABELS_H
#define VIT158_TRAIN_SOFT_LABELS_H

#include "train/feed.h"
#include "train/teacher.h"

typedef struct vit158_train_soft_labels {
    vit158_train_teachers *teachers; /* not owned */
    char key[65];                    /* hash of all that decides images and soft labels */
    uint64_t floats;                 /* epochs * images an epoch * classes; 0 = not remembered */
    float *logits;                   /* [epochs][images][classes], FLT_MAX = not asked yet */
    bool fresh[VIT158_TRAIN_MAX_WORKERS]; /* workers that have added some since the file was
                                             written */
} vit158_train_soft_labels;

/* Of these teachers, remembered if their student's recipe says so; then reads the recipe's
 * teacher_answers if it exists. On failure *labels is NULL.
 * Errors: VIT158_E_ARGUMENT if the file's are of other images or of other teachers,
 * VIT158_E_MEMORY, and those of vit158_safetensors_get_f32. */
vit158_status vit158_train_soft_labels_open(vit158_train_soft_labels **labels,
                                            vit158_train_teachers *teachers, vit158_error *error);
void vit158_train_soft_labels_close(vit158_train_soft_labels *labels);

/* Of the worker's microbatch, vit158_train_feed_microbatch(..., feed, workspace, place)
 * before, into feed->soft_labels. */
void vit158_train_soft_labels_give(vit158_train_soft_labels *labels, uint32_t worker,
                                   vit158_train_feed *feed, const vit158_train_workspace *workspace,
                                   const vit158_train_place *place);

/* Writes the file if there are new ones. NULL: nothing to do. */
vit158_status vit158_train_soft_labels_save(vit158_train_soft_labels *labels, vit158_error *error);

#endif
