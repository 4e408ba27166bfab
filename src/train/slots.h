/* SPDX-License-Identifier: MIT
 *
 * Sums over the tasks of a step or a validation: gradients, loss, counts. A pool hands tasks to
 * whoever is free, so sums of what each worker did differ between runs in their last bits. With
 * fixed slots task i belongs to slot i mod count, a slot adds its tasks in order, and slots are
 * added up by one binary tree over their numbers: slot s takes in slot s + 1 where s is a multiple
 * of 2, then s + 2 where it is one of 4, and so on. Then no sum depends on the number of threads.
 *
 * Nor on that of ranks: each holds consecutive slots and does their tasks; where the tree adds
 * slots of two ranks, the one sends what it has to the other, and the sum goes to all in the end.
 * Without fixed slots rank r does the tasks r, r + ranks, ...; what its workers did is added up,
 * and ranks are by the same tree.
 */
#ifndef VIT158_TRAIN_SLOTS_H
#define VIT158_TRAIN_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/parallel.h"
#include "train/compute.h"
#include "train/ranks.h"

#define VIT158_TRAIN_MAX_SLOTS 64U

typedef struct vit158_train_slot {
    float *gradient; /* [parameters] */
    double loss;     /* summed over images */
    uint64_t correct;
} vit158_train_slot;

typedef struct vit158_train_slots {
    bool fixed;           /* else a slot is a worker of this rank */
    uint32_t count;       /* of a fixed run at most so many threads work */
    uint32_t first, held; /* this rank's */
    uint32_t used;        /* of the last run: none above has had a task */
    vit158_train_ranks ranks;
    size_t parameters; /* of a gradient */
    float *received;   /* [parameters] another rank's; NULL: there is none */
    vit158_train_slot slot[VIT158_TRAIN_MAX_SLOTS];
} vit158_train_slots;

/* Task `task` by worker `worker`, whose scratch it may use, into `slot`. */
typedef void (*vit158_train_slot_task)(void *context, uint32_t task, uint32_t worker,
                                       vit158_train_slot *slot);

/* Whose slots are whose; none has memory yet. VIT158_E_ARGUMENT: fewer fixed slots than ranks. */
vit158_status vit158_train_slots_share(vit158_train_slots *out, bool fixed, uint32_t count,
                                       size_t parameters, vit158_error *error);

/* Takes the memory of the gradients. */
void vit158_train_slots_plan(vit158_train_slots *slots, vit158_arena *arena);

/* Runs all tasks and adds up their losses and counts into *sum, whose gradient is NULL; all ranks
 * have it then. With `gradients` those of the slots are cleared before and wait to be added up. */
void vit158_train_slots_run(vit158_train_slots *slots, vit158_train_slot *sum, vit158_pool *pool,
                            bool gradients, vit158_train_slot_task task, void *context,
                            uint32_t n_tasks);

/* For one rank: calls add(context, s, other) for each pair of the tree in its order: `other` into
 * `s`; in the end slot 0 has everything. */
void vit158_train_slots_tree(const vit158_train_slots *slots,
                             void (*add)(void *context, uint32_t s, uint32_t other), void *context);

/* For several: adds up the gradients of all slots of all ranks into slot 0 of each. */
void vit158_train_slots_add(vit158_train_slots *slots, const vit158_train_compute *compute,
                            vit158_pool *pool);

#endif
