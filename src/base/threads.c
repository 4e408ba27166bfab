/* SPDX-License-Identifier: MIT */
#include "base/threads.h"

static void *thread_main(void *argument)
{
    const struct vit158_thread_start *start = argument;
    vit158_shared_pool_work(start->pool, start->worker);
    return NULL;
}

void vit158_threads_start(vit158_threads *threads, vit158_shared_pool *pool)
{
    threads->count = 0;
    for (uint32_t worker = 1; worker < pool->pool.workers; worker++) {
        const uint32_t i = threads->count;
        threads->starts[i] = (struct vit158_thread_start){pool, worker};
        if (pthread_create(&threads->ids[i], NULL, thread_main, &threads->starts[i]) == 0)
            threads->count++;
    }
}

void vit158_threads_stop(vit158_threads *threads, vit158_shared_pool *pool)
{
    vit158_shared_pool_quit(pool);
    for (uint32_t i = 0; i < threads->count; i++)
        pthread_join(threads->ids[i], NULL);
    threads->count = 0;
    vit158_waiter_end(&pool->waiter);
}

vit158_pool *vit158_thread_pool_start(vit158_thread_pool *p, uint32_t workers)
{
    vit158_shared_pool_init(&p->shared, workers);
    vit158_threads_start(&p->threads, &p->shared);
    return &p->shared.pool;
}

void vit158_thread_pool_stop(vit158_thread_pool *p)
{
    vit158_threads_stop(&p->threads, &p->shared);
}
