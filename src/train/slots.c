/* SPDX-License-Identifier: MIT */
#include "train/slots.h"

#include <string.h>

void vit158_train_slots_plan(vit158_train_slots *slots, vit158_arena *arena)
{
    for (uint32_t s = 0; s < slots->count; s++)
        slots->slot[s].gradient = vit158_arena_take(arena, slots->parameters, sizeof(float));
}

typedef struct slots_job {
    vit158_train_slots *slots;
    bool gradients;
    vit158_train_slot_task task;
    void *context;
    uint32_t n_tasks;
} slots_job;

static void clear_slot(const slots_job *job, vit158_train_slot *slot)
{
    slot->loss = 0.0;
    slot->correct = 0;
    if (job->gradients)
        memset(slot->gradient, 0, job->slots->parameters * sizeof(float));
}

static void clear_task(void *context, uint32_t slot, uint32_t worker)
{
    (void)worker;
    const slots_job *job = context;
    clear_slot(job, &job->slots->slot[slot]);
}

/* All tasks of a fixed slot. */
static void run_slot(void *context, uint32_t s, uint32_t worker)
{
    const slots_job *job = context;
    vit158_train_slot *slot = &job->slots->slot[s];
    clear_slot(job, slot);
    for (uint32_t i = s; i < job->n_tasks; i += job->slots->count)
        job->task(job->context, i, worker, slot);
}

static void run_task(void *context, uint32_t task, uint32_t worker)
{
    const slots_job *job = context;
    job->task(job->context, task, worker, &job->slots->slot[worker]);
}

void vit158_train_slots_tree(const vit158_train_slots *slots,
                             void (*add)(void *context, uint32_t s, uint32_t other), void *context)
{
    for (uint32_t step = 1; step < slots->used; step *= 2)
        for (uint32_t s = 0; s + step < slots->used; s += 2 * step)
            add(context, s, s + step);
}

static void add_counts(void *context, uint32_t s, uint32_t other)
{
    vit158_train_slot *sums = context;
    sums[s].loss += sums[other].loss;
    sums[s].correct += sums[other].correct;
}

void vit158_train_slots_run(vit158_train_slots *slots, vit158_train_slot *sum, vit158_pool *pool,
                            bool gradients, vit158_train_slot_task task, void *context,
                            uint32_t n_tasks)
{
    slots_job job = {slots, gradients, task, context, n_tasks};
    if (slots->fixed) {
        slots->used = n_tasks < slots->count ? n_tasks : slots->count;
        pool->run(pool, run_slot, &job, slots->used);
    } else {
        slots->used = slots->count;
        pool->run(pool, clear_task, &job, slots->used);
        pool->run(pool, run_task, &job, n_tasks);
    }
    vit158_train_slots_tree(slots, add_counts, slots->slot);
    *sum = slots->slot[0];
    sum->gradient = NULL;
}
