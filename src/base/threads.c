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
