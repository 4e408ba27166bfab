/* SPDX-License-Identifier: MIT */
#include "base/pool.h"

/* How long a thread looks again and again before it sleeps, a tenth of a millisecond: operations
 * follow each other as fast as that, and a sleep and a wake-up cost more. */
#define SPINS 100000
/* The caller's longest sleep, so that it notices a dead helper. */
#define NAP_MS 50U
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
    for (uint32_t spin = 0; atomic_load(&p->active) != 0; spin++) {
        if (spin < SPINS)
            continue;
        if (atomic_load(&p->failed) != 0)
            return;
        if (p->patience_naps != 0 && ++naps > p->patience_naps) {
            vit158_shared_pool_fail(p);
            return;
        }
        const uint32_t seen = atomic_load(&p->active);
        if (seen != 0)
            vit158_wait(&p->waiter, &p->active, seen, NAP_MS);
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
    /* A helper counts itself in before it looks at `open`, so once `open` is 0 and nobody is
     * counted in, every task is done and the fields above may change. */
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
        if (++spin > SPINS)
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
    vit158_wake(&p->waiter, &p->active);
}
