/* SPDX-License-Identifier: MIT
 *
 * Teachers: networks read from files of float weights (latent ones of ternary networks, too), whose
 * images and classes are the student's. Several teach the mean of their logits.
 */
#ifndef VIT158_TRAIN_TEACHER_H
#define VIT158_TRAIN_TEACHER_H

#include "model/header.h"
#include "train/trainer.h"

struct vit158_train_teacher {
    vit158_train_net net;
    float *parameters;
    vit158_train_ready ready;
    vit158_train_work work[VIT158_TRAIN_MAX_WORKERS];
    void *block;
    vit158_train_teacher *next;
};

/* Opens the files named in `paths`, separated by commas; each may have a geometry of its own. On
 * failure those opened before stay until the trainer is closed. */
vit158_status vit158_train_teachers_open(vit158_trainer *trainer, const char *paths,
                                         vit158_error *error);
void vit158_train_teachers_close(vit158_trainer *trainer);

/* Whether the file's classes are the data's, by name; a file without labels may be anyone's.
 * Errors: VIT158_E_ARGUMENT, _METADATA, _MEMORY. */
vit158_status vit158_train_labels_check(const vit158_train_dataset *data,
                                        const vit158_header *header, vit158_error *error);

/* The worker's feed->mixed, `images` of them, through all teachers to feed->taught. */
void vit158_train_teachers_run(vit158_trainer *trainer, uint32_t worker, uint32_t images);

/* The first teacher's memory for this worker's images. */
const vit158_train_work *vit158_train_teachers_work(const vit158_trainer *trainer, uint32_t worker);

/* Their share of right answers on the validation images, 0 if there are none. */
double vit158_train_teachers_accuracy(vit158_trainer *trainer);

#endif
