/* SPDX-License-Identifier: MIT */
#include "train/workers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/error.h"

typedef struct worker {
    struct vit158_train_workers *threads;
    uint32_t index;
    pthread_t handle;
} worker;

struct vit158_train_workers {
    vit158_pool pool; /* first, so that a pool pointer is a threads pointer */
    bool fixed;
    pthread_mutex_t lock;
    pthread_cond_t start, done;
    uint64_t round; /* of the current job */
    bool stop;
    uint32_t busy;
    vit158_task task;
    void *context;
    uint32_t n_tasks;
    atomic_uint next;
    uint32_t started; /* threads running, workers - 1 */
    worker *helpers;
};

static void work(vit158_train_workers *t, uint32_t index)
{
    if (t->fixed) {
        for (uint32_t i = index; i < t->n_tasks; i += t->pool.workers)
            t->task(t->context, i, index);
        return;
    }
    for (;;) {
        const uint32_t i = atomic_fetch_add(&t->next, 1);
        if (i >= t->n_tasks)
            return;
        t->task(t->context, i, index);
    }
}

static void *serve(void *argument)
{
    worker *self = argument;
    vit158_train_workers *t = self->threads;
    uint64_t seen = 0;
    pthread_mutex_lock(&t->lock);
    for (;;) {
        while (t->round == seen && !t->stop)
            pthread_cond_wait(&t->start, &t->lock);
        if (t->stop)
            break;
        seen = t->round;
        pthread_mutex_unlock(&t->lock);
        work(t, self->index);
        pthread_mutex_lock(&t->lock);
        if (--t->busy == 0)
            pthread_cond_signal(&t->done);
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

static void run(vit158_pool *pool, vit158_task task, void *context, uint32_t n_tasks)
{
    vit158_train_workers *t = (vit158_train_workers *)(void *)pool;
    pthread_mutex_lock(&t->lock);
    t->task = task;
    t->context = context;
    t->n_tasks = n_tasks;
    atomic_store(&t->next, 0);
    t->busy = t->started;
    t->round++;
    pthread_cond_broadcast(&t->start);
    pthread_mutex_unlock(&t->lock);
    work(t, 0);
    pthread_mutex_lock(&t->lock);
    while (t->busy)
        pthread_cond_wait(&t->done, &t->lock);
    pthread_mutex_unlock(&t->lock);
}

vit158_status vit158_train_workers_create(vit158_train_workers **out, uint32_t workers, bool fixed,
                                          vit158_error *error)
{
    *out = NULL;
    vit158_train_workers *t = calloc(1, sizeof *t);
    if (t)
        t->helpers = calloc(workers, sizeof *t->helpers);
    if (!t || !t->helpers) {
        free(t);
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for %u threads", workers);
    }
    t->pool = (vit158_pool){.workers = workers, .run = run};
    t->fixed = fixed;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->start, NULL);
    pthread_cond_init(&t->done, NULL);
    for (uint32_t i = 1; i < workers; i++) {
        worker *w = &t->helpers[i];
        *w = (worker){.threads = t, .index = i};
        if (pthread_create(&w->handle, NULL, serve, w) != 0) {
            vit158_train_workers_close(t);
            return vit158_fail(error, VIT158_E_MEMORY, "cannot start thread %u of %u", i + 1,
                               workers);
        }
        t->started++;
    }
    *out = t;
    return VIT158_OK;
}

void vit158_train_workers_close(vit158_train_workers *t)
{
    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    t->stop = true;
    pthread_cond_broadcast(&t->start);
    pthread_mutex_unlock(&t->lock);
    for (uint32_t i = 1; i <= t->started; i++)
        pthread_join(t->helpers[i].handle, NULL);
    pthread_cond_destroy(&t->done);
    pthread_cond_destroy(&t->start);
    pthread_mutex_destroy(&t->lock);
    free(t->helpers);
    free(t);
}

vit158_pool *vit158_train_workers_pool(vit158_train_workers *threads)
{
    return &threads->pool;
}
