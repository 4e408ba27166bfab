/* SPDX-License-Identifier: MIT
 *
 * A training run in memory: data, parameters, optimiser state, workers; one step at a time.
 */
#ifndef VIT158_TRAIN_TRAINER_H
#define VIT158_TRAIN_TRAINER_H

#include "train/dataset.h"
#include "train/optimiser.h"
#include "train/train_recipe.h"
#include "train/workers.h"

/* What one worker needs beside the network's memory. */
typedef struct vit158_train_feed {
    uint8_t *bytes;   /* three images */
    float *pixels;    /* [microbatch][image] */
    float *mixed;     /* [microbatch][image] */
    float *targets;   /* [microbatch][classes] */
    uint16_t *labels; /* [microbatch]: class of the larger share */
    float *taught;    /* [microbatch][classes]: mean of the teachers' logits */
    float *channels;  /* [dim], of hints */
    uint32_t *order;  /* [patches] */
    double loss;      /* summed over images since last cleared */
    uint64_t right;
    uint64_t seen;
} vit158_train_feed;

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

typedef struct vit158_train_teacher vit158_train_teacher; /* teacher.h */
typedef struct vit158_train_answers vit158_train_answers; /* answers.h */

typedef struct vit158_trainer {
    vit158_train_recipe recipe;
    vit158_train_net net;
    const vit158_train_compute *compute;
    bool half; /* float_bits is 16 and the processor can */
    vit158_train_workers *workers;
    vit158_pool *pool;
    vit158_train_dataset train, val;
    uint32_t *order; /* [train.count] of the current epoch */
    uint64_t order_epoch;
    float byte_values[3][256];   /* normalised */
    void *block;                 /* one allocation for all below */
    float *parameters, *average; /* average: EMA, equal to parameters while ema = 0 */
    vit158_train_optimiser optimiser;
    vit158_train_ready ready;
    vit158_train_work work[VIT158_TRAIN_MAX_WORKERS];
    vit158_train_feed feed[VIT158_TRAIN_MAX_WORKERS];
    double *partial;                /* sums of the gradient's chunks */
    vit158_train_teacher *teachers; /* a list, NULL = none */
    vit158_train_answers *answers;  /* NULL = not remembered */
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

/* Whether products of that network, the trained one or a teacher, are on bfloat16: those of float
 * networks; ternary ones have integers. Validation of a float transformer stays exact. */
static inline bool vit158_train_half(const vit158_trainer *trainer, const vit158_train_net *net)
{
    return trainer->half && !net->config.ternary;
}

/* Takes over the data sets (cleared in the caller's hands) even if it fails. */
vit158_status vit158_trainer_create(vit158_trainer **out, const vit158_train_recipe *recipe,
                                    vit158_train_dataset *train, vit158_train_dataset *val,
                                    vit158_error *error);
void vit158_trainer_close(vit158_trainer *trainer);

/* Codes, scales and panels of these parameters into trainer->ready. */
void vit158_trainer_prepare(vit158_trainer *trainer, const float *parameters);

/* 0 .. 1 of the schedule. */
double vit158_trainer_progress(const vit158_trainer *trainer);
/* Present share of the peak learning rate. */
double vit158_trainer_rate(const vit158_trainer *trainer);

typedef struct vit158_train_step_result {
    double loss;     /* mean over the batch */
    double accuracy; /* on training images, against the larger share's label */
    double gradient_norm;
} vit158_train_step_result;

/* One batch. VIT158_E_NUMERIC if the loss or a gradient is not finite: parameters are then as they
 * were before. */
vit158_status vit158_trainer_step(vit158_trainer *trainer, vit158_train_step_result *result,
                                  vit158_error *error);

/* Fills the worker's patches, places, targets and labels with images first .. first + n - 1 of
 * the epoch's order. */
void vit158_train_feed_microbatch(vit158_trainer *trainer, uint32_t worker, uint64_t first,
                                  uint32_t n, double progress);
/* Bytes of an image as the network's numbers, [channels][side][side]. */
void vit158_train_feed_normalise(const vit158_trainer *trainer, float *out, const uint8_t *image);
/* One validation image as is. */
void vit158_train_feed_plain(vit158_trainer *trainer, vit158_train_work *work, uint32_t slot,
                             const uint8_t *image);
/* Whose images the present epoch shows: its own, or with teacher_epochs those of one of the first
 * epochs. */
uint64_t vit158_train_feed_epoch(const vit158_trainer *trainer);
/* Shuffles trainer->order for that epoch. */
void vit158_train_feed_order(vit158_trainer *trainer);
/* Patches of all places of an image of floats. */
void vit158_train_feed_patches(const vit158_train_net *net, vit158_train_work *work, uint32_t slot,
                               const float *pixels);

/* Clears the counters of all workers. */
void vit158_train_feed_clear(vit158_trainer *trainer);

typedef struct vit158_train_evaluation {
    double accuracy; /* 0 .. 1 */
    double loss;
} vit158_train_evaluation;

/* Of the weights now in trainer->ready on trainer->val. */
vit158_train_evaluation vit158_trainer_evaluate(vit158_trainer *trainer);

/* Smallest and largest share of zero codes over the ternary matrices now ready. */
void vit158_trainer_zero_share(const vit158_trainer *trainer, double *low, double *high);

#endif
