/* SPDX-License-Identifier: MIT
 *
 * A pool of threads that share the tasks of one operation at a time. Tasks are handed out one by
 * one from an atomic counter, and the caller takes tasks too, so a thread that another process
 * pushes off its core delays at most the task it holds.
 *
 * The pool does not make threads: whoever owns it starts workers - 1 threads that call
 * vit158_shared_pool_work (pthreads natively, module instances on shared memory in wasm). Until
 * they arrive, and if they never do, the caller does all the work.
 */
#ifndef VIT158_BASE_POOL_H
#define VIT158_BASE_POOL_H

#include <stdatomic.h>

#include "base/parallel.h"
#include "base/sharing.h"
#include "base/wait.h"

/* The caller's longest sleep while helpers work, so that it notices a dead one, and how many of
 * them it takes a silent helper for dead after, where threads can die alone: a second. A scheduler
 * that lets the caller run twenty times in a row has let the helper run, too; tasks take
 * milliseconds. */
#define VIT158_POOL_NAP_MS 50U
#define VIT158_POOL_PATIENCE_NAPS 20U

typedef struct vit158_shared_pool {
    vit158_pool pool; /* first: a vit158_pool * to this is a vit158_shared_pool * */
    vit158_task task; /* the current operation; valid while open */
    void *context;
    uint32_t n_tasks;
    _Atomic uint32_t next_task;
    _Atomic uint32_t open;       /* 1 while tasks may be taken */
    _Atomic uint32_t active;     /* helpers between looking at `open` and leaving */
    _Atomic uint32_t generation; /* counts operations; helpers sleep on it */
    _Atomic uint32_t quit;
    _Atomic uint32_t failed; /* a helper died: results of the running operation are not valid */
    vit158_waiter waiter;
    vit158_sharing sharing; /* decides about pool.alone */
    /* The caller gives up on a helper that stays in an operation for so many naps of 50 ms; 0 =
     * never, where threads cannot die alone. After that nothing the tasks read or write may be
     * used again, in case the helper lives. */
    uint32_t patience_naps;
} vit158_shared_pool;

/* `workers` counts the caller; >= 1. */
void vit158_shared_pool_init(vit158_shared_pool *p, uint32_t workers);

/* Body of helper thread `worker` (1 .. workers - 1); returns after vit158_shared_pool_quit. */
void vit158_shared_pool_work(vit158_shared_pool *p, uint32_t worker);

/* Tells the helpers to return; their threads are the owner's to join. */
void vit158_shared_pool_quit(vit158_shared_pool *p);

/* A helper's thread ended without leaving (a trap). The running operation returns, pool.failed is
 * true from now on, and later operations run on the caller alone. */
void vit158_shared_pool_fail(vit158_shared_pool *p);

#endif
