/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "cli/short_memory.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/commands.h"
#include "unit/test.h"
#include "unit/thorough.h"

#define QUICK_MOST 40 /* allocations refused unless the test is thorough */

static long fail_at; /* 0: never */
static bool fail_on; /* from then on */
static atomic_long calls;

static bool refused(void)
{
    const long call = atomic_fetch_add(&calls, 1) + 1;
    return fail_at > 0 && (call == fail_at || (fail_on && call > fail_at));
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

void *__wrap_malloc(size_t size)
{
    return refused() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return refused() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return refused() ? NULL : __real_realloc(block, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return refused() ? NULL : __real_aligned_alloc(alignment, size);
}

void short_memory_from(long at, bool on)
{
    fail_at = at;
    fail_on = on;
}

int short_memory_run(test_command function, const char *const *arguments, long *said)
{
    char text[24][1024];
    char *argv[25];
    int argc = 0;
    for (; arguments[argc] != NULL; argc++) {
        assert_true(argc < 24);
        snprintf(text[argc], sizeof text[argc], "%s", arguments[argc]);
        argv[argc] = text[argc];
    }
    argv[argc] = NULL;
    const long at = fail_at;
    fail_at = 0;
    FILE *out = tmpfile(), *err = tmpfile();
    assert_true(out != NULL && err != NULL);
    fflush(stdout);
    fflush(stderr);
    const int old_out = dup(STDOUT_FILENO), old_err = dup(STDERR_FILENO);
    dup2(fileno(out), STDOUT_FILENO);
    dup2(fileno(err), STDERR_FILENO);
    calls = 0;
    fail_at = at;
    const int result = function(argc, argv);
    fail_at = 0;
    fflush(stdout);
    fflush(stderr);
    dup2(old_out, STDOUT_FILENO);
    dup2(old_err, STDERR_FILENO);
    close(old_out);
    close(old_err);
    *said = lseek(fileno(err), 0, SEEK_END);
    fclose(out);
    fclose(err);
    return result;
}

/* Allocations of a whole run. */
static long count_calls(const short_memory_sweep *sweep)
{
    long said;
    if (sweep->before != NULL)
        sweep->before();
    short_memory_from(0, false);
    assert_int_equal(short_memory_run(sweep->function, sweep->arguments, &said), VIT158_EXIT_OK);
    return calls;
}

void short_memory_sweep_all(const short_memory_sweep *sweep)
{
    const long all = count_calls(sweep);
    assert_true(all > 2);
    long most = sweep->at_most > 0 ? sweep->at_most : all;
    if (!test_is_thorough() && most > QUICK_MOST)
        most = QUICK_MOST;
    const long step = all > most ? all / most : 1;
    for (int on = 0; on < 2; on++) {
        int result = VIT158_EXIT_FAILED;
        long at = 1, tried = 0;
        for (;; at += step, tried++) {
            long said = 0;
            if (sweep->before != NULL)
                sweep->before();
            short_memory_from(at, on == 1);
            result = short_memory_run(sweep->function, sweep->arguments, &said);
            if (calls < at)
                break; /* it never came to this allocation */
            if (result == VIT158_EXIT_OK)
                continue; /* done without, as with fewer threads */
            if (result != VIT158_EXIT_FAILED || said < 20)
                fail_msg("%s, allocation %ld: exit code %d, %ld bytes said", sweep->arguments[0],
                         at, result, said);
            if (sweep->after_failure != NULL)
                sweep->after_failure();
            assert_true(at < 3 * all + 100); /* how often may depend on the time */
        }
        assert_int_equal(result, VIT158_EXIT_OK);
        print_message("%s: %ld of %ld allocations refused, %s\n", sweep->arguments[0], tried, all,
                      on ? "and all after each" : "each alone");
    }
}
