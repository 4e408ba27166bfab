/* SPDX-License-Identifier: MIT
 *
 * Model checking of base/pool.c: the very source, compiled with a scheduling point before each
 * atomic operation, is run through every interleaving of a caller and its helpers with at most so
 * many preemptions (switches away from a thread that could go on; as in CHESS). Threads are
 * contexts of this one thread. A sleeper is awake only once it is woken: if nobody else can move, a
 * wake-up was lost, and the timeouts that would hide it are not modelled.
 */
#define _XOPEN_SOURCE 700
#include "unit/test.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "base/wait.h"

enum { MOST_THREADS = 3, MOST_POINTS = 400, STACK_BYTES = 1 << 16, TASKS = 2, OPERATIONS = 2 };

/* ---- Threads and the search ---- */

typedef enum thread_state { READY, ASLEEP, GONE } thread_state;

typedef struct thread {
    ucontext_t context;
    thread_state state;
    _Atomic uint32_t *word; /* that it sleeps on */
    void (*body)(void);
} thread;

static thread threads[MOST_THREADS];
static char stacks[MOST_THREADS][STACK_BYTES];
static ucontext_t scheduler;
static int thread_count, current;

/* What was chosen at each point of this run, and how many choices there were. */
static uint8_t chosen[MOST_POINTS], options[MOST_POINTS];
static int depth, kept; /* points so far; points that repeat the run before */
static int preemptions, most_preemptions;
static long runs, lost_wakeups;

static void point(void)
{
    swapcontext(&threads[current].context, &scheduler);
}

static void leave(void)
{
    threads[current].state = GONE;
    point();
    abort();
}

static void enter(void)
{
    threads[current].body();
    leave();
}

void vit158_waiter_init(vit158_waiter *w)
{
    (void)w;
}

void vit158_wait(vit158_waiter *w, _Atomic uint32_t *word, uint32_t seen, uint32_t milliseconds)
{
    (void)w;
    (void)milliseconds;
    point();
    if (atomic_load(word) != seen)
        return;
    threads[current].state = ASLEEP;
    threads[current].word = word;
    point();
}

void vit158_wake(vit158_waiter *w, _Atomic uint32_t *word)
{
    (void)w;
    point();
    for (int i = 0; i < thread_count; i++)
        if (threads[i].state == ASLEEP && threads[i].word == word)
            threads[i].state = READY;
}

/* Whose turn it is: the one that ran may go on; others cost a preemption while it can. */
static int choose(void)
{
    int able[MOST_THREADS], count = 0;
    const bool goes_on = threads[current].state == READY;
    if (goes_on)
        able[count++] = current;
    for (int i = 0; i < thread_count; i++)
        if (i != current && threads[i].state == READY &&
            (!goes_on || preemptions < most_preemptions))
            able[count++] = i;
    if (count == 0)
        return -1;
    assert_true(depth < MOST_POINTS);
    if (depth >= kept)
        chosen[depth] = 0;
    options[depth] = (uint8_t)count;
    const int which = able[chosen[depth++]];
    preemptions += goes_on && which != current;
    return which;
}

static void start_thread(int i, void (*body)(void))
{
    thread *t = &threads[i];
    *t = (thread){.state = READY, .body = body};
    getcontext(&t->context);
    t->context.uc_stack.ss_sp = stacks[i];
    t->context.uc_stack.ss_size = STACK_BYTES;
    t->context.uc_link = NULL;
    makecontext(&t->context, enter, 0);
}

/* One run by the choices in `chosen`; false if somebody sleeps for ever. */
static bool run_once(void)
{
    depth = preemptions = 0;
    current = 0;
    for (int next; (next = choose()) >= 0;) {
        current = next;
        swapcontext(&scheduler, &threads[current].context);
    }
    for (int i = 0; i < thread_count; i++)
        if (threads[i].state != GONE)
            return false;
    return true;
}

/* The next sequence of choices in order; false after the last. */
static bool next_choices(void)
{
    int at = depth - 1;
    while (at >= 0 && chosen[at] + 1 >= options[at])
        at--;
    if (at < 0)
        return false;
    chosen[at]++;
    kept = at + 1;
    return true;
}

/* ---- The source under test, with a point before each atomic operation ---- */

static uint32_t load_at(const _Atomic uint32_t *word)
{
    point();
    return atomic_load_explicit(word, memory_order_seq_cst);
}

static void store_at(_Atomic uint32_t *word, uint32_t value)
{
    point();
    atomic_store_explicit(word, value, memory_order_seq_cst);
}

static uint32_t add_at(_Atomic uint32_t *word, uint32_t value)
{
    point();
    return atomic_fetch_add_explicit(word, value, memory_order_seq_cst);
}

static uint32_t sub_at(_Atomic uint32_t *word, uint32_t value)
{
    point();
    return atomic_fetch_sub_explicit(word, value, memory_order_seq_cst);
}

#undef atomic_load
#undef atomic_store
#undef atomic_fetch_add
#undef atomic_fetch_sub
#define atomic_load(word) load_at(word)
#define atomic_store(word, value) store_at(word, value)
#define atomic_fetch_add(word, value) add_at(word, value)
#define atomic_fetch_sub(word, value) sub_at(word, value)
#define VIT158_POOL_SPINS 1
#include "base/pool.c"

/* ---- What must hold ---- */

static vit158_shared_pool pool;
static uint32_t done[OPERATIONS][TASKS]; /* how often each task ran */
static int operation;                    /* that the caller is in */
static int inside;                       /* helpers inside a task */
static int deadly;                       /* the operation whose helper dies in a task, -1 = none */

/* From then on the caller does not wait for the others, and its results are not valid. */
static bool has_failed(void)
{
    return atomic_load_explicit(&pool.failed, memory_order_seq_cst) != 0;
}

typedef struct job {
    int operation;
} job;

static void task(void *context, uint32_t number, uint32_t worker)
{
    const job what = *(const job *)context;
    assert_true(what.operation == operation || has_failed()); /* never one that is over */
    inside += worker > 0;
    point();
    assert_true(what.operation == operation || has_failed());
    if (worker > 0 && operation == deadly) {
        deadly = -1;
        vit158_shared_pool_fail(&pool); /* as thread_worker.js does after a trap */
        leave();
    }
    inside -= worker > 0;
    done[what.operation][number]++;
}

static void caller(void)
{
    for (operation = 0; operation < OPERATIONS; operation++) {
        job what = {operation};
        pool.pool.run(&pool.pool, task, &what, TASKS);
        if (has_failed())
            continue;
        assert_int_equal(inside, 0);
        for (uint32_t i = 0; i < TASKS; i++)
            assert_int_equal(done[operation][i], 1);
    }
    operation = -1;
    vit158_shared_pool_quit(&pool);
}

static void helper(void)
{
    vit158_shared_pool_work(&pool, (uint32_t)current);
}

static void start(int helpers, int dies_in)
{
    thread_count = 1 + helpers;
    memset(done, 0, sizeof done);
    deadly = dies_in;
    inside = 0;
    vit158_shared_pool_init(&pool, (uint32_t)thread_count);
    start_thread(0, caller);
    for (int i = 1; i <= helpers; i++)
        start_thread(i, helper);
}

static void explore(int helpers, int preemption_limit, int dies_in)
{
    most_preemptions = preemption_limit;
    runs = kept = 0;
    do {
        start(helpers, dies_in);
        lost_wakeups += !run_once();
        runs++;
    } while (lost_wakeups == 0 && next_choices());
    print_message("%d helpers, %d preemptions%s: %ld interleavings\n", helpers, preemption_limit,
                  dies_in >= 0 ? ", one dies" : "", runs);
    assert_int_equal(lost_wakeups, 0);
    assert_true(runs > 100);
}

static void test_one_helper(void **state)
{
    (void)state;
    explore(1, 3, -1);
}

static void test_two_helpers(void **state)
{
    (void)state;
    explore(2, 2, -1);
}

static void test_a_helper_that_dies(void **state)
{
    (void)state;
    explore(1, 3, 0);
    explore(1, 3, 1);
    explore(2, 2, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_helper),
        cmocka_unit_test(test_two_helpers),
        cmocka_unit_test(test_a_helper_that_dies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
