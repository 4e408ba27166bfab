/* SPDX-License-Identifier: MIT
 *
 * Independent tasks of one operation. The engine cuts each operation into tasks whose results do
 * not depend on who runs them or in which order; a pool runs them, the serial pool in a plain loop.
 */
#ifndef VIT158_BASE_PARALLEL_H
#define VIT158_BASE_PARALLEL_H

#include <stdbool.h>
#include <stdint.h>

/* `worker` < pool->workers says whose scratch memory may be used. */
typedef void (*vit158_task)(void *context, uint32_t task, uint32_t worker);

typedef struct vit158_pool {
    uint32_t workers; /* >= 1 */
    bool alone;       /* the next operation is the caller's alone */
    /* Runs task(context, i, worker) for every i < n_tasks and returns when all have finished. */
    void (*run)(struct vit158_pool *pool, vit158_task task, void *context, uint32_t n_tasks);
    /* A forward pass took so long: the pool may change `alone` for the next. NULL: it never does.
     */
    void (*took)(struct vit158_pool *pool, double ms);
    /* True once a worker has died: results of operations since then are not valid. */
    bool (*failed)(const struct vit158_pool *pool);
} vit158_pool;

/* How many share the next operation. */
static inline uint32_t vit158_pool_at_work(const vit158_pool *pool)
{
    return pool->alone ? 1 : pool->workers;
}

/* One worker, the caller. */
vit158_pool vit158_pool_serial(void);

#endif
