/* SPDX-License-Identifier: MIT */
#include "train/lanes.h"

typedef struct lanes_job {
    vit158_task task;
    void *context;
    uint32_t n_tasks, n_lanes;
} lanes_job;

static void run_lane(void *context, uint32_t lane, uint32_t worker)
{
    (void)worker;
    const lanes_job *job = context;
    for (uint32_t i = lane; i < job->n_tasks; i += job->n_lanes)
        job->task(job->context, i, lane);
}

void vit158_train_run_lanes(vit158_pool *pool, bool fixed, vit158_task task, void *context,
                            uint32_t n_tasks)
{
    lanes_job job = {task, context, n_tasks, pool->workers};
    if (fixed)
        pool->run(pool, run_lane, &job, pool->workers);
    else
        pool->run(pool, task, context, n_tasks);
}
