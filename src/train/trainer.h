/* SPDX-License-Identifier: MIT
 *
 * A training run in memory: data, parameters, optimiser state, threads. What is done with it is in
 * step.h, evaluate.h and checkpoint.h.
 */
#ifndef VIT158_TRAIN_TRAINER_H
#define VIT158_TRAIN_TRAINER_H

#include "base/threads.h"
#include "train/dataset.h"
#include "train/feed.h"
#include "train/optimiser.h"
#include "train/slots.h"
#include "train/soft_labels.h"

/* All that a resumed run continues from, beside the arrays. */
typedef struct vit158_train_state {
    uint64_t step;       /* done */
    uint64_t epoch;      /* current */
    uint64_t position;   /* images of the epoch used */
    uint64_t images;     /* seen in all */
    double seconds;      /* of training, over all sessions */
    double finish_start; /* seconds when a finishing branch began, < 0 = none */
    double best;         /* validation accuracy, < 0 = none yet */
} vit158_train_state;

typedef struct vit158_trainer {
    vit158_train_recipe recipe;
    vit158_train_net net;
    const vit158_train_compute *compute;
    bool half; /* float_bits is 16 and the processor can */
    vit158_thread_pool threads;
    vit158_pool *pool; /* of threads */
    vit158_train_dataset train, val;
    vit158_train_feeder feeder;  /* of train */
    void *block;                 /* one allocation for all below */
    float *parameters, *average; /* average: EMA, equal to parameters while ema = 0 */
    vit158_train_optimiser optimiser;
    vit158_train_packed packed;
    vit158_train_workspace workspace[VIT158_TRAIN_MAX_WORKERS];
    vit158_train_feed feed[VIT158_TRAIN_MAX_WORKERS];
    vit158_train_slots slots;              /* after a step slot 0 has the gradient */
    double *partial;                       /* sums of the gradient's chunks */
    vit158_train_teachers *teachers;       /* NULL = none */
    vit158_train_soft_labels *soft_labels; /* of the teachers; NULL = they do not teach */
    vit158_train_state state;
    size_t memory_bytes;
} vit158_trainer;

/* The norm of the gradient is summed chunk by chunk, in order: it does not depend on threads. */
#define VIT158_TRAIN_GRADIENT_CHUNK 32768U
static inline uint32_t vit158_train_gradient_chunks(const vit158_train_net *net)
{
    return (uint32_t)((net->parameters + VIT158_TRAIN_GRADIENT_CHUNK - 1) /
                      VIT158_TRAIN_GRADIENT_CHUNK);
}

/* Takes over the data sets (cleared in the caller's hands) even if it fails. */
vit158_status vit158_trainer_create(vit158_trainer **out, const vit158_train_recipe *recipe,
                                    vit158_train_dataset *train, vit158_train_dataset *val,
                                    vit158_error *error);
void vit158_trainer_close(vit158_trainer *trainer);

/* Opens teachers, and soft labels of theirs. Errors: those of vit158_train_teachers_open and
 * vit158_train_soft_labels_open. */
vit158_status vit158_trainer_teach(vit158_trainer *trainer, const char *paths, vit158_error *error);

/* Codes, scales and panels of these parameters into trainer->packed. */
void vit158_trainer_pack(vit158_trainer *trainer, const float *parameters);

#endif
