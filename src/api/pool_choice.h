/* SPDX-License-Identifier: MIT
 *
 * Which pool a session runs on: the caller alone, or the caller and helpers. Natively the session
 * starts and ends its helper threads; in the threads wasm module JavaScript starts workers that
 * call vit158_shared_pool_work on the session's pool. Builds without VIT158_HAVE_THREADS know only
 * the serial pool and ignore the wish for more.
 */
#ifndef VIT158_API_POOL_CHOICE_H
#define VIT158_API_POOL_CHOICE_H

#include "base/parallel.h"
#include "vit158.h"

#if defined(VIT158_HAVE_THREADS)
#include "base/pool.h"
#if !defined(__wasm__)
#include "base/threads.h"
#endif
#endif

typedef struct vit158_pool_choice {
    vit158_pool serial;
#if defined(VIT158_HAVE_THREADS)
    vit158_shared_pool shared; /* in use if its workers > 1 */
#if !defined(__wasm__)
    vit158_threads threads;
#endif
#endif
} vit158_pool_choice;

/* Before any thread exists, so that memory can be planned for pool->workers. */
vit158_status vit158_pool_choose(vit158_pool_choice *choice, uint32_t threads, vit158_error *error);

/* The pool to run on. */
vit158_pool *vit158_pool_of(vit158_pool_choice *choice);

void vit158_pool_start(vit158_pool_choice *choice);
void vit158_pool_stop(vit158_pool_choice *choice);

/* VIT158_E_THREAD once a helper has died. */
vit158_status vit158_pool_check(vit158_pool_choice *choice, vit158_error *error);

#endif
