/* SPDX-License-Identifier: MIT
 *
 * From stored images to the rows a worker trains on: order, augmentation, mixing, targets, patches.
 * Every random choice comes from (seed, epoch, position), so it does not depend on threads.
 */
#ifndef VIT158_TRAIN_FEED_H
#define VIT158_TRAIN_FEED_H

#include "train/dataset.h"
#include "train/train_recipe.h"
#include "train/workspace.h"

/* What all workers share. Recipe, network and images are the owner's. */
typedef struct vit158_train_feeder {
    const vit158_train_recipe *recipe;
    const vit158_train_net *net;
    const vit158_train_dataset *images;
    uint32_t *order;           /* [images->count] of order_epoch; the owner's memory */
    uint64_t order_epoch;      /* UINT64_MAX = none yet */
    float byte_values[3][256]; /* normalised */
} vit158_train_feeder;

/* What one worker needs beside its workspace. */
typedef struct vit158_train_feed {
    uint8_t *bytes;     /* three images */
    float *pixels;      /* [microbatch][image] */
    float *mixed;       /* [microbatch][image] */
    float *targets;     /* [microbatch][classes] */
    uint16_t *labels;   /* [microbatch]: class of the larger share */
    float *soft_labels; /* [microbatch][classes]: mean of the teachers' logits */
    float *channels;    /* [dim], of hints */
    uint32_t *order;    /* [patches] */
} vit158_train_feed;

/* A microbatch: images first .. first + count - 1 of the epoch's order, at a point of the schedule.
 */
typedef struct vit158_train_place {
    uint64_t epoch, first;
    uint32_t count;
    double progress; /* 0 .. 1 */
} vit158_train_place;

/* Without an order. */
vit158_train_feeder vit158_train_feeder_over(const vit158_train_recipe *recipe,
                                             const vit158_train_net *net,
                                             const vit158_train_dataset *images);

/* Takes the memory of `feed`; NULL pieces while measuring. */
void vit158_train_feed_plan(vit158_train_feed *feed, const vit158_train_feeder *feeder,
                            vit158_arena *arena);

/* Whose images an epoch shows: its own, or with teacher_epochs those of one of the first epochs. */
uint64_t vit158_train_feed_epoch(const vit158_train_recipe *recipe, uint64_t epoch);

/* Shuffles feeder->order for that epoch. */
void vit158_train_feed_order(vit158_train_feeder *feeder, uint64_t epoch);

/* The worker's patches, places, targets and labels of a microbatch. */
void vit158_train_feed_microbatch(const vit158_train_feeder *feeder, vit158_train_feed *feed,
                                  vit158_train_workspace *workspace,
                                  const vit158_train_place *place);

/* Bytes of an image as the network's numbers, [channels][side][side]. */
void vit158_train_feed_normalise(const vit158_train_feeder *feeder, float *out,
                                 const uint8_t *image);

/* One image as is, into the workspace. */
void vit158_train_feed_plain(const vit158_train_feeder *feeder, vit158_train_feed *feed,
                             vit158_train_workspace *workspace, uint32_t slot,
                             const uint8_t *image);

/* Patches of all places of an image of floats. */
void vit158_train_feed_patches(const vit158_train_net *net, vit158_train_workspace *workspace,
                               uint32_t slot, const float *pixels);

#endif
