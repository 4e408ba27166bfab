/* SPDX-License-Identifier: MIT */
#include "base/parallel.h"

static void run_serial(vit158_pool *pool, vit158_task task, void *context, uint32_t n_tasks)
{
    (void)pool;
    for (uint32_t i = 0; i < n_tasks; i++)
        task(context, i, 0);
}

static bool never_failed(const vit158_pool *pool)
{
    (void)pool;
    return false;
}

vit158_pool vit158_pool_serial(void)
{
    return (vit158_pool){.workers = 1, .run = run_serial, .failed = never_failed};
}
