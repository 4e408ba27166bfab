/* SPDX-License-Identifier: MIT
 *
 * A pool of worker threads behind base/parallel.h. Tasks are handed out either from a counter, so
 * that a slow worker takes fewer, or in a fixed pattern (task i to worker i mod workers), so that
 * sums kept per worker are the same in every run.
 */
#ifndef VIT158_TRAIN_WORKERS_H
#define VIT158_TRAIN_WORKERS_H

#include <stdbool.h>

#include "base/parallel.h"
#include "vit158.h"

typedef struct vit158_train_workers vit158_train_workers;

vit158_status vit158_train_workers_create(vit158_train_workers **out, uint32_t workers, bool fixed,
                                          vit158_error *error);
void vit158_train_workers_close(vit158_train_workers *threads);

/* Valid as long as the threads. */
vit158_pool *vit158_train_workers_pool(vit158_train_workers *threads);

#endif
