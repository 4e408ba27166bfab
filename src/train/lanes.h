/* SPDX-License-Identifier: MIT
 *
 * Tasks that add to sums of their worker. A pool hands tasks to whoever is free, so such sums
 * differ between runs in their last bits; in fixed lanes task i goes to lane i mod workers, each
 * lane is done in order by one thread, and the sums of a lane are the same in every run.
 */
#ifndef VIT158_TRAIN_LANES_H
#define VIT158_TRAIN_LANES_H

#include "base/parallel.h"

/* As pool->run; with `fixed` the worker that a task is told is its lane. */
void vit158_train_run_lanes(vit158_pool *pool, bool fixed, vit158_task task, void *context,
                            uint32_t n_tasks);

#endif
