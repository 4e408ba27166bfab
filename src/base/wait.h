/* SPDX-License-Identifier: MIT
 *
 * Sleeping until a 32-bit word changes: futex-like, with a timeout always. wait_pthread.c natively,
 * wait_wasm.c in the threads module.
 */
#ifndef VIT158_BASE_WAIT_H
#define VIT158_BASE_WAIT_H

#include <stdatomic.h>
#include <stdint.h>

#if !defined(__wasm__)
#include <pthread.h>
typedef struct vit158_waiter {
    _Atomic uint32_t sleepers;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
} vit158_waiter;
#else
typedef struct vit158_waiter {
    _Atomic uint32_t sleepers;
} vit158_waiter;
#endif

void vit158_waiter_init(vit158_waiter *w);

/* Nobody may wait any more. */
void vit158_waiter_end(vit158_waiter *w);

/* Sleeps while *word == seen, at most `milliseconds`; may return early. */
void vit158_wait(vit158_waiter *w, _Atomic uint32_t *word, uint32_t seen, uint32_t milliseconds);

/* Wakes every sleeper on `word`; call after changing it. Costs next to nothing while nobody sleeps:
 * a sleeper counts itself in before it looks at the word, and the waker looks for sleepers after
 * changing it, so one of the two sees the other. */
void vit158_wake(vit158_waiter *w, _Atomic uint32_t *word);

#endif
