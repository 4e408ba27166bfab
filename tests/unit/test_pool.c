/* SPDX-License-Identifier: MIT
 *
 * base/pool: every task of every operation runs exactly once, whoever comes late or dies.
 */
#include "unit/test.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/threads.h"

enum { MAX_TASKS = 97 };

typedef struct tally {
    _Atomic uint32_t runs[MAX_TASKS];
    uint32_t workers;
} tally;

static void count_task(void *context, uint32_t task, uint32_t worker)
{
    tally *t = context;
    assert_true(worker < t->workers);
    atomic_fetch_add(&t->runs[task], 1);
}

static void run_and_check(vit158_pool *pool, uint32_t n_tasks)
{
    tally t = {.workers = pool->workers};
    pool->run(pool, count_task, &t, n_tasks);
    for (uint32_t i = 0; i < MAX_TASKS; i++)
        assert_int_equal(t.runs[i], i < n_tasks ? 1 : 0);
}

static void test_serial_pool_runs_in_order(void **state)
{
    (void)state;
    vit158_pool pool = vit158_pool_serial();
    assert_int_equal(pool.workers, 1);
    run_and_check(&pool, 0);
    run_and_check(&pool, MAX_TASKS);
}

static void test_shared_pool_runs_each_task_once(void **state)
{
    (void)state;
    static vit158_shared_pool pool;
    static vit158_threads threads;
    for (uint32_t workers = 1; workers <= 5; workers++) {
        vit158_shared_pool_init(&pool, workers);
        vit158_threads_start(&threads, &pool);
        assert_int_equal(threads.count, workers - 1);
        for (uint32_t round = 0; round < 2000; round++)
            run_and_check(&pool.pool, round % (MAX_TASKS + 1));
        vit158_threads_stop(&threads, &pool);
    }
}

/* Its helpers have no core: the caller works alone for some operations, and then not. */
static void test_shared_pool_does_without_slow_helpers(void **state)
{
    (void)state;
    static vit158_shared_pool pool;
    static vit158_threads threads;
    vit158_shared_pool_init(&pool, 3);
    vit158_threads_start(&threads, &pool);
    uint32_t alone = 0;
    for (uint32_t image = 0; image < 40; image++) {
        alone += pool.pool.alone;
        run_and_check(&pool.pool, MAX_TASKS);
        const bool late = image >= 5 && image < 20 && !pool.pool.alone;
        pool.pool.took(&pool.pool, pool.pool.alone ? 2.0 : late ? 3.0 : 1.0);
    }
    assert_in_range(alone, 10, 30);
    assert_false(pool.pool.alone);
    vit158_threads_stop(&threads, &pool);
}

static void test_shared_pool_works_without_helpers(void **state)
{
    (void)state;
    static vit158_shared_pool pool;
    vit158_shared_pool_init(&pool, 4);
    run_and_check(&pool.pool, MAX_TASKS);
    assert_false(pool.pool.failed(&pool.pool));
}

static void test_a_dead_helper_ends_the_wait(void **state)
{
    (void)state;
    static vit158_shared_pool pool;
    vit158_shared_pool_init(&pool, 2);
    atomic_store(&pool.active, 1); /* a helper that took a task and never comes back */
    vit158_shared_pool_fail(&pool);
    pool.pool.run(&pool.pool, count_task, &(tally){.workers = 2}, 5);
    assert_true(pool.pool.failed(&pool.pool));
    run_and_check(&pool.pool, MAX_TASKS); /* later operations run on the caller */
}

static void test_patience_has_an_end(void **state)
{
    (void)state;
    static vit158_shared_pool pool;
    vit158_shared_pool_init(&pool, 2);
    pool.patience_naps = VIT158_POOL_PATIENCE_NAPS;
    atomic_store(&pool.active, 1); /* and nobody reports its death */
    const double begin = vit158_now_ms();
    run_and_check(&pool.pool, MAX_TASKS);
    assert_true(pool.pool.failed(&pool.pool));
    assert_int_equal(VIT158_POOL_PATIENCE_NAPS * VIT158_POOL_NAP_MS, 1000);
    assert_true(vit158_now_ms() - begin < 20e3); /* a second, and a busy machine */
}

/* ---- A helper that fails the pool while others work, and one that ends before it began ---- */

typedef struct stuck {
    vit158_shared_pool *pool;
    _Atomic uint32_t inside; /* the helper is in its task */
    _Atomic uint32_t let_go;
    _Atomic uint32_t runs;
} stuck;

/* The caller fails the pool in its first task; a helper stays in its own until it is let go. */
static void stuck_task(void *context, uint32_t task, uint32_t worker)
{
    stuck *s = context;
    (void)task;
    atomic_fetch_add(&s->runs, 1);
    if (worker == 0) {
        while (atomic_load(&s->inside) == 0)
            continue;
        vit158_shared_pool_fail(s->pool);
        return;
    }
    atomic_store(&s->inside, 1);
    while (atomic_load(&s->let_go) == 0)
        continue;
}

static void test_a_failed_pool_takes_no_more_tasks(void **state)
{
    (void)state;
    static vit158_shared_pool pool;
    static vit158_threads threads;
    vit158_shared_pool_init(&pool, 2);
    vit158_threads_start(&threads, &pool);
    assert_int_equal(threads.count, 1);
    stuck s = {.pool = &pool};
    pool.pool.run(&pool.pool, stuck_task, &s,
                  MAX_TASKS); /* comes back though the helper is stuck */
    assert_true(pool.pool.failed(&pool.pool));
    assert_int_equal(s.runs, 2);
    atomic_store(&s.let_go, 1);
    vit158_threads_stop(&threads, &pool);
}

static void test_a_helper_of_a_pool_that_has_ended(void **state)
{
    (void)state;
    static vit158_shared_pool pool;
    vit158_shared_pool_init(&pool, 2);
    atomic_store(&pool.quit, 1);
    vit158_shared_pool_work(&pool, 1); /* returns */
    run_and_check(&pool.pool, MAX_TASKS);
}

static bool refuse_threads;

int __real_pthread_create(pthread_t *id, const pthread_attr_t *attributes, void *(*start)(void *),
                          void *argument);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attributes, void *(*start)(void *),
                          void *argument);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attributes, void *(*start)(void *),
                          void *argument)
{
    return refuse_threads ? EAGAIN : __real_pthread_create(id, attributes, start, argument);
}

static void test_threads_that_the_system_refuses(void **state)
{
    (void)state;
    static vit158_shared_pool pool;
    static vit158_threads threads;
    vit158_shared_pool_init(&pool, 4);
    refuse_threads = true;
    vit158_threads_start(&threads, &pool);
    refuse_threads = false;
    assert_int_equal(threads.count, 0);
    run_and_check(&pool.pool, MAX_TASKS); /* the caller does it all */
    vit158_threads_stop(&threads, &pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_serial_pool_runs_in_order),
        cmocka_unit_test(test_shared_pool_runs_each_task_once),
        cmocka_unit_test(test_shared_pool_does_without_slow_helpers),
        cmocka_unit_test(test_shared_pool_works_without_helpers),
        cmocka_unit_test(test_a_dead_helper_ends_the_wait),
        cmocka_unit_test(test_patience_has_an_end),
        cmocka_unit_test(test_a_failed_pool_takes_no_more_tasks),
        cmocka_unit_test(test_a_helper_of_a_pool_that_has_ended),
        cmocka_unit_test(test_threads_that_the_system_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
