/* SPDX-License-Identifier: MIT
 *
 * Native helper threads of a shared pool.
 */
#ifndef VIT158_BASE_THREADS_H
#define VIT158_BASE_THREADS_H

#include "base/pool.h"

#define VIT158_MAX_THREADS 64U

typedef struct vit158_threads {
    pthread_t ids[VIT158_MAX_THREADS];
    uint32_t count;
    struct vit158_thread_start {
        vit158_shared_pool *pool;
        uint32_t worker;
    } starts[VIT158_MAX_THREADS];
} vit158_threads;

/* Starts a thread for every helper of the pool (workers <= VIT158_MAX_THREADS). Where the system
 * refuses one there are fewer, and the pool works all the same. */
void vit158_threads_start(vit158_threads *threads, vit158_shared_pool *pool);

/* Ends and joins them, and ends the pool: it may not run again. */
void vit158_threads_stop(vit158_threads *threads, vit158_shared_pool *pool);

/* A pool and its threads, for those who need no more than that. */
typedef struct vit158_thread_pool {
    vit158_shared_pool shared;
    vit158_threads threads;
} vit158_thread_pool;

/* With `workers` <= VIT158_MAX_THREADS, the caller among them; valid until stopped. */
vit158_pool *vit158_thread_pool_start(vit158_thread_pool *p, uint32_t workers);
void vit158_thread_pool_stop(vit158_thread_pool *p);

#endif
