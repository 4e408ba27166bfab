/* SPDX-License-Identifier: MIT
 *
 * The pool a session makes for itself: the caller alone, or the caller and helper threads. Builds
 * without VIT158_HAVE_THREADS (wasm, where only JavaScript can start threads) know the serial pool
 * and ignore the wish for more.
 */
#ifndef VIT158_API_POOL_CHOICE_H
#define VIT158_API_POOL_CHOICE_H

#include "base/parallel.h"
#include "vit158.h"

#if defined(VIT158_HAVE_THREADS)
#include "base/threads.h"
#endif

#define VIT158_MAX_SESSION_THREADS 64U

typedef struct vit158_pool_choice {
    vit158_pool serial;
#if defined(VIT158_HAVE_THREADS)
    vit158_shared_pool shared; /* in use if its workers > 1 */
    vit158_threads threads;
#endif
} vit158_pool_choice;

/* Before any thread exists, so that memory can be planned for the pool's workers. `threads` 0 or 1
 * is the caller alone. */
void vit158_pool_choose(vit158_pool_choice *choice, uint32_t threads);

/* The pool to run on. */
vit158_pool *vit158_pool_of(vit158_pool_choice *choice);

void vit158_pool_start(vit158_pool_choice *choice);
void vit158_pool_stop(vit158_pool_choice *choice);

#endif
