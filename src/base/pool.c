/* SPDX-License-Identifier: MIT
 *
 * What the caller and a helper do. `generation`, `open`, `active`, `next_task` and `failed` are
 * atomic words; tests/unit/test_pool_model.c runs this file through all interleavings of them.
 *
 *   caller                                   helper
 *
 *   write task, context, n_tasks             +--> sleep until generation != seen <-----+
 *   next_task = 0                            |        | quit: return                   |
 *   open = 1                                 |        v                                |
 *   generation += 1, wake helpers ---------->+   active += 1                           |
 *   +-> take a task, run it --+                       |                                |
 *   +-------------------------+ none left             v                                |
 *        |                                       open == 1?  no -----------------+     |
 *        v                                            | yes                      |     |
 *   open = 0                                          v                          |     |
 *        |                                       +-> take a task, run it --+     |     |
 *        v                                       +-------------------------+     |     |
 *   sleep until active == 0 <--------------+          | none left                |     |
 *        | no helper moved for 1 s, or     |          v                          |     |
 *        | one died: failed = 1            |     active -= 1 <-------------------+     |
 *        v                                 +-----  0: wake the caller                  |
 *   return                                            +--------------------------------+
 *
 * A helper counts itself in before it looks at `open`, and the caller closes before it looks at
 * `active`: one of the two sees the other, so no helper runs a task that the caller thinks done.
 */
#include "base/pool.h"

/* How long a thread looks again and again before it sleeps, a tenth of a millisecond: operations
 * follow each other as fast as that, and a sleep and a wake-up cost more. */
#if !defined(VIT158_POOL_SPINS)
#define VIT158_POOL_SPINS 100000
#endif
/* In `active` for a helper that died; live ones are fewer. */
#define DEAD_HELPER 0x10000U
/* A helper's, in case nobody can wake it. */
#define IDLE_NAP_MS 1000U

static void take_tasks(vit158_shared_pool *p, uint32_t worker)
{
    const uint32_t n_tasks = p->n_tasks;
    uint32_t task;
    while (atomic_load(&p->failed) == 0 && (task = atomic_fetch_add(&p->next_task, 1)) < n_tasks)
        p->task(p->context, task, worker);
}

/* Waits until no helper is inside the operation. */
static void wait_for_helpers(vit158_shared_pool *p)
{
    uint32_t naps = 0;
    uint32_t seen;
    for (uint32_t spin = 0; (seen = atomic_load(&p->active)) != 0; spin++) {
        if (spin < VIT158_POOL_SPINS)
            continue;
        if (atomic_load(&p->failed) != 0)
            return;
        if (p->patience_naps != 0 && ++naps > p->patience_naps) {
            vit158_shared_pool_fail(p);
            return;
        }
        vit158_wait(&p->waiter, &p->active, seen, VIT158_POOL_NAP_MS);
    }
}

static void run_shared(vit158_pool *pool, vit158_task task, void *context, uint32_t n_tasks)
{
    vit158_shared_pool *p = (vit158_shared_pool *)pool;
    if (n_tasks < 2 || pool->alone || atomic_load(&p->failed) != 0) {
        for (uint32_t i = 0; i < n_tasks; i++)
            task(context, i, 0);
        return;
    }
    p->task = task;
    p->context = context;
    p->n_tasks = n_tasks;
    atomic_store(&p->next_task, 0);
    atomic_store(&p->open, 1);
    atomic_fetch_add(&p->generation, 1);
    vit158_wake(&p->waiter, &p->generation);
    take_tasks(p, 0);
    /* Once nobody is counted in, every task is done and the fields above may change. */
    atomic_store(&p->open, 0);
    wait_for_helpers(p);
}

static void shared_took(vit158_pool *pool, double ms)
{
    vit158_shared_pool *p = (vit158_shared_pool *)pool;
    vit158_sharing_took(&p->sharing, ms);
    pool->alone = p->sharing.alone;
}

static bool shared_failed(const vit158_pool *pool)
{
    return atomic_load(&((const vit158_shared_pool *)pool)->failed) != 0;
}

void vit158_shared_pool_init(vit158_shared_pool *p, uint32_t workers)
{
    *p = (vit158_shared_pool){.pool = {.workers = workers,
                                       .run = run_shared,
                                       .took = shared_took,
                                       .failed = shared_failed},
                              .sharing = vit158_sharing_begin()};
    vit158_waiter_init(&p->waiter);
}

/* Until there is a newer operation than `seen`, or the end. */
static uint32_t next_generation(vit158_shared_pool *p, uint32_t seen)
{
    uint32_t now;
    uint32_t spin = 0;
    while ((now = atomic_load(&p->generation)) == seen && atomic_load(&p->quit) == 0)
        if (++spin > VIT158_POOL_SPINS)
            vit158_wait(&p->waiter, &p->generation, seen, IDLE_NAP_MS);
    return now;
}

void vit158_shared_pool_work(vit158_shared_pool *p, uint32_t worker)
{
    uint32_t seen = 0;
    for (;;) {
        seen = next_generation(p, seen);
        if (atomic_load(&p->quit) != 0)
            return;
        atomic_fetch_add(&p->active, 1);
        if (atomic_load(&p->open) != 0)
            take_tasks(p, worker);
        if (atomic_fetch_sub(&p->active, 1) == 1)
            vit158_wake(&p->waiter, &p->active);
    }
}

void vit158_shared_pool_quit(vit158_shared_pool *p)
{
    atomic_store(&p->quit, 1);
    atomic_fetch_add(&p->generation, 1);
    vit158_wake(&p->waiter, &p->generation);
}

void vit158_shared_pool_fail(vit158_shared_pool *p)
{
    atomic_store(&p->failed, 1);
    /* The word that the caller sleeps on changes: it has read it before it looked at `failed`, or
     * it could fall asleep after the wake-up. */
    atomic_fetch_add(&p->active, DEAD_HELPER);
    vit158_wake(&p->waiter, &p->active);
}
