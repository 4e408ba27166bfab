/* SPDX-License-Identifier: MIT
 *
 * Sums over the tasks of a step or a validation: gradients, loss, counts. A pool hands tasks to
 * whoever is free, so sums of what each worker did differ between runs in their last bits. With
 * fixed slots task i belongs to slot i mod count, a slot adds its tasks in order, and slots are
 * added up by one binary tree over their numbers: slot s takes in slot s + 1 where s is a multiple
 * of 2, then s + 2 where it is one of 4, and so on. Then no sum depends on the number of threads.
 */
#ifndef VIT158_TRAIN_SLOTS_H
#define VIT158_TRAIN_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/parallel.h"

#define VIT158_TRAIN_MAX_SLOTS 64U

typedef struct vit158_train_slot {
    float *gradient; /* [parameters] */
    double loss;     /* summed over images */
    uint64_t correct;
} vit158_train_slot;

typedef struct vit158_train_slots {
    bool fixed;        /* else a slot is a worker */
    uint32_t count;    /* of a fixed run at most so many threads work */
    uint32_t used;     /* of the last run: none above has had a task */
    size_t parameters; /* of a gradient */
    vit158_train_slot slot[VIT158_TRAIN_MAX_SLOTS];
} vit158_train_slots;

/* Task `task` by worker `worker`, whose scratch it may use, into `slot`. */
typedef void (*vit158_train_slot_task)(void *context, uint32_t task, uint32_t worker,
                                       vit158_train_slot *slot);

/* Takes the memory of the gradients; `count`, `fixed` and `parameters` are set. */
void vit158_train_slots_plan(vit158_train_slots *slots, vit158_arena *arena);

/* Runs all tasks and adds up their losses and counts into *sum, whose gradient is NULL. With
 * `gradients` those of the slots are cleared before and wait for vit158_train_slots_add. */
void vit158_train_slots_run(vit158_train_slots *slots, vit158_train_slot *sum, vit158_pool *pool,
                            bool gradients, vit158_train_slot_task task, void *context,
                            uint32_t n_tasks);

/* Calls add(context, s, other) for each pair of the tree in its order: `other` into `s`; in the end
 * slot 0 has everything. */
void vit158_train_slots_tree(const vit158_train_slots *slots,
                             void (*add)(void *context, uint32_t s, uint32_t other), void *context);

#endif
