/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "base/wait.h"

#include <time.h>

/* Not the wall clock, which may be set, where there is a choice. */
#if defined(__APPLE__)
#define WAIT_CLOCK CLOCK_REALTIME
#else
#define WAIT_CLOCK CLOCK_MONOTONIC
#endif

void vit158_waiter_init(vit158_waiter *w)
{
    atomic_store(&w->sleepers, 0);
    pthread_mutex_init(&w->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
#if !defined(__APPLE__)
    pthread_condattr_setclock(&attributes, WAIT_CLOCK);
#endif
    pthread_cond_init(&w->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

void vit158_waiter_end(vit158_waiter *w)
{
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->mutex);
}

void vit158_wait(vit158_waiter *w, _Atomic uint32_t *word, uint32_t seen, uint32_t milliseconds)
{
    struct timespec until;
    clock_gettime(WAIT_CLOCK, &until);
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += (long)(milliseconds % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&w->mutex);
    atomic_fetch_add(&w->sleepers, 1);
    if (atomic_load(word) == seen)
        pthread_cond_timedwait(&w->changed, &w->mutex, &until);
    atomic_fetch_sub(&w->sleepers, 1);
    pthread_mutex_unlock(&w->mutex);
}

void vit158_wake(vit158_waiter *w, _Atomic uint32_t *word)
{
    (void)word;
    if (atomic_load(&w->sleepers) == 0)
        return;
    pthread_mutex_lock(&w->mutex); /* no wake-up between a sleeper's look and its sleep */
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->mutex);
}
