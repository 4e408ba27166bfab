/* SPDX-License-Identifier: MIT */
#include "train/slots.h"

#include <string.h>

#include "base/error.h"

#define CHUNK 32768U /* floats that a worker adds at a time */

static uint32_t first_of(const vit158_train_slots *slots, uint32_t rank)
{
    return (uint32_t)((uint64_t)rank * slots->count / slots->ranks.count);
}

static uint32_t owner_of(const vit158_train_slots *slots, uint32_t slot)
{
    uint32_t rank = 0;
    while (first_of(slots, rank + 1) <= slot)
        rank++;
    return rank;
}

vit158_status vit158_train_slots_share(vit158_train_slots *out, bool fixed, uint32_t count,
                                       size_t parameters, vit158_error *error)
{
    *out = (vit158_train_slots){.fixed = fixed,
                                .count = count,
                                .held = count,
                                .ranks = vit158_train_ranks_here(),
                                .parameters = parameters};
    if (!fixed)
        return VIT158_OK;
    if (out->ranks.count > count)
        return vit158_fail(error, VIT158_E_ARGUMENT, "%u ranks need as many slots, there are %u",
                           out->ranks.count, count);
    out->first = first_of(out, out->ranks.rank);
    out->held = first_of(out, out->ranks.rank + 1) - out->first;
    return VIT158_OK;
}

void vit158_train_slots_plan(vit158_train_slots *slots, vit158_arena *arena)
{
    const size_t count = slots->parameters;
    for (uint32_t s = slots->first; s < slots->first + slots->held; s++)
        slots->slot[s].gradient = vit158_arena_take(arena, count, sizeof(float));
    if (slots->first > 0) /* for the sum */
        slots->slot[0].gradient = vit158_arena_take(arena, count, sizeof(float));
    if (slots->ranks.count > 1)
        slots->received = vit158_arena_take(arena, count, sizeof(float));
}

/* ---- Tasks --------------------------------------------------------------------------------- */

typedef struct slots_job {
    vit158_train_slots *slots;
    bool gradients;
    vit158_train_slot_task task;
    void *context;
    uint32_t n_tasks; /* of all ranks */
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

/* All tasks of the rank's i-th fixed slot. */
static void run_slot(void *context, uint32_t i, uint32_t worker)
{
    const slots_job *job = context;
    const uint32_t s = job->slots->first + i;
    vit158_train_slot *slot = &job->slots->slot[s];
    clear_slot(job, slot);
    for (uint32_t task = s; task < job->n_tasks; task += job->slots->count)
        job->task(job->context, task, worker, slot);
}

/* The rank's i-th task. */
static void run_task(void *context, uint32_t i, uint32_t worker)
{
    const slots_job *job = context;
    const vit158_train_ranks ranks = job->slots->ranks;
    job->task(job->context, i * ranks.count + ranks.rank, worker, &job->slots->slot[worker]);
}

static void run_tasks(slots_job *job, vit158_pool *pool)
{
    vit158_train_slots *slots = job->slots;
    const vit158_train_ranks ranks = slots->ranks;
    const uint32_t n = job->n_tasks;
    if (slots->fixed) {
        slots->used = n < slots->count ? n : slots->count;
        const uint32_t end = slots->first + slots->held;
        const uint32_t used_end = end < slots->used ? end : slots->used;
        if (used_end > slots->first)
            pool->run(pool, run_slot, job, used_end - slots->first);
        return;
    }
    slots->used = slots->count;
    pool->run(pool, clear_task, job, slots->used);
    const uint32_t mine = n / ranks.count + (ranks.rank < n % ranks.count);
    if (mine > 0)
        pool->run(pool, run_task, job, mine);
}

/* ---- The tree ------------------------------------------------------------------------------ */

void vit158_train_slots_tree(const vit158_train_slots *slots,
                             void (*add)(void *context, uint32_t s, uint32_t other), void *context)
{
    for (uint32_t step = 1; step < slots->used; step *= 2)
        for (uint32_t s = 0; s + step < slots->used; s += 2 * step)
            add(context, s, s + step);
}

/* What is added up: counts, or gradients. */
typedef struct summing {
    void (*add)(void *context, uint32_t s, uint32_t other);
    void (*send)(void *context, uint32_t s, uint32_t to);
    void (*receive)(void *context, uint32_t s, uint32_t from); /* and adds */
    void *context;
} summing;

/* What this rank has to do with slot s taking in another of another rank. */
static void sum_pair(const summing *sum, uint32_t me, uint32_t s, uint32_t owner, uint32_t other,
                     uint32_t other_owner)
{
    if (owner == me && other_owner == me)
        sum->add(sum->context, s, other);
    else if (other_owner == me)
        sum->send(sum->context, other, owner);
    else if (owner == me)
        sum->receive(sum->context, s, other_owner);
}

/* All ranks walk the same pairs in the same order, so that a sender always finds its receiver. */
static void sum_ranks(const vit158_train_slots *slots, const summing *sum)
{
    const vit158_train_ranks ranks = slots->ranks;
    if (!slots->fixed)
        vit158_train_slots_tree(slots, sum->add, sum->context);
    const uint32_t nodes = slots->fixed ? slots->used : ranks.count;
    for (uint32_t step = 1; step < nodes; step *= 2)
        for (uint32_t n = 0; n + step < nodes; n += 2 * step) {
            if (slots->fixed)
                sum_pair(sum, ranks.rank, n, owner_of(slots, n), n + step,
                         owner_of(slots, n + step));
            else
                sum_pair(sum, ranks.rank, 0, n, 0, n + step);
        }
}

/* ---- Counts -------------------------------------------------------------------------------- */

typedef struct counts {
    double loss;
    uint64_t correct;
} counts;

static void take_counts(vit158_train_slot *slot, const counts *other)
{
    slot->loss += other->loss;
    slot->correct += other->correct;
}

static void add_counts(void *context, uint32_t s, uint32_t other)
{
    vit158_train_slot *slot = context;
    take_counts(&slot[s], &(counts){slot[other].loss, slot[other].correct});
}

static void send_counts(void *context, uint32_t s, uint32_t to)
{
    const vit158_train_slot *slot = context;
    const counts mine = {slot[s].loss, slot[s].correct};
    vit158_train_ranks_send(&mine, sizeof mine, to);
}

static void receive_counts(void *context, uint32_t s, uint32_t from)
{
    vit158_train_slot *slot = context;
    counts other;
    vit158_train_ranks_receive(&other, sizeof other, from);
    take_counts(&slot[s], &other);
}

void vit158_train_slots_run(vit158_train_slots *slots, vit158_train_slot *sum, vit158_pool *pool,
                            bool gradients, vit158_train_slot_task task, void *context,
                            uint32_t n_tasks)
{
    slots_job job = {slots, gradients, task, context, n_tasks};
    run_tasks(&job, pool);
    const summing summing_counts = {add_counts, send_counts, receive_counts, slots->slot};
    sum_ranks(slots, &summing_counts);
    counts all = {slots->slot[0].loss, slots->slot[0].correct};
    vit158_train_ranks_spread(&all, sizeof all);
    *sum = (vit158_train_slot){.loss = all.loss, .correct = all.correct};
}

/* ---- Gradients ----------------------------------------------------------------------------- */

typedef struct gradients_job {
    const vit158_train_slots *slots;
    const vit158_train_compute *compute;
    vit158_pool *pool;
    float *to;
    const float *from;
} gradients_job;

static void add_chunk(void *context, uint32_t chunk, uint32_t worker)
{
    (void)worker;
    const gradients_job *job = context;
    const size_t at = (size_t)chunk * CHUNK, left = job->slots->parameters - at;
    job->compute->combine(job->to + at, job->from + at, left < CHUNK ? left : CHUNK, 1.0F, 1.0F);
}

static void add_floats(gradients_job *job, float *to, const float *from)
{
    job->to = to;
    job->from = from;
    const size_t chunks = (job->slots->parameters + CHUNK - 1) / CHUNK;
    job->pool->run(job->pool, add_chunk, job, (uint32_t)chunks);
}

static void add_gradients(void *context, uint32_t s, uint32_t other)
{
    gradients_job *job = context;
    add_floats(job, job->slots->slot[s].gradient, job->slots->slot[other].gradient);
}

static void send_gradient(void *context, uint32_t s, uint32_t to)
{
    const gradients_job *job = context;
    vit158_train_ranks_send(job->slots->slot[s].gradient, job->slots->parameters * sizeof(float),
                            to);
}

static void receive_gradient(void *context, uint32_t s, uint32_t from)
{
    gradients_job *job = context;
    vit158_train_ranks_receive(job->slots->received, job->slots->parameters * sizeof(float), from);
    add_floats(job, job->slots->slot[s].gradient, job->slots->received);
}

void vit158_train_slots_add(vit158_train_slots *slots, const vit158_train_compute *compute,
                            vit158_pool *pool)
{
    gradients_job job = {.slots = slots, .compute = compute, .pool = pool};
    const summing gradients = {add_gradients, send_gradient, receive_gradient, &job};
    sum_ranks(slots, &gradients);
    vit158_train_ranks_spread(slots->slot[0].gradient, slots->parameters * sizeof(float));
}
