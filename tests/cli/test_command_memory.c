/* SPDX-License-Identifier: MIT
 *
 * Commands with memory running out at each of their allocations, once and from then on: they fail
 * with a sentence, write nothing half, and succeed when there is memory again. Linked with malloc,
 * calloc and realloc wrapped.
 */
#define _POSIX_C_SOURCE 200809L
#include "unit/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"

#define MODEL VIT158_TEST_DATA "/tiny/ternary-6.safetensors"
#define LOG "test_command_memory.tmp.jsonl"
#define CURVE "test_command_memory.tmp.svg"

static long fail_at; /* 0: never */
static bool fail_on; /* from then on */
static long calls;

static bool refused(void)
{
    calls++;
    return fail_at > 0 && (calls == fail_at || (fail_on && calls > fail_at));
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
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

typedef int (*command)(int argc, char **argv);

/* Runs the command with its stdout and stderr in a file; returns the exit code, *said the bytes
 * written to stderr. */
static int run_quietly(command function, const char *const *arguments, long *said)
{
    char text[12][1024];
    char *argv[13];
    int argc = 0;
    for (; arguments[argc] != NULL; argc++) {
        snprintf(text[argc], sizeof text[argc], "%s", arguments[argc]);
        argv[argc] = text[argc];
    }
    argv[argc] = NULL;
    FILE *out = tmpfile(), *err = tmpfile();
    assert_true(out != NULL && err != NULL);
    fflush(stdout);
    fflush(stderr);
    const int old_out = dup(STDOUT_FILENO), old_err = dup(STDERR_FILENO);
    dup2(fileno(out), STDOUT_FILENO);
    dup2(fileno(err), STDERR_FILENO);
    calls = 0;
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

/* Every allocation failing, alone and with all after it. `product` is a file it writes, or NULL. */
static void sweep(command function, const char *const *arguments, const char *product)
{
    for (int on = 0; on < 2; on++) {
        int result = VIT158_EXIT_FAILED;
        long at = 1;
        for (;; at++) {
            long said = 0;
            if (product != NULL)
                remove(product);
            fail_at = at;
            fail_on = on == 1;
            result = run_quietly(function, arguments, &said);
            if (calls < at)
                break; /* it never came to this allocation */
            if (result == VIT158_EXIT_OK)
                continue; /* done without, as with fewer threads */
            if (result != VIT158_EXIT_FAILED || said < 20)
                fail_msg("%s, allocation %ld: exit code %d, %ld bytes said", arguments[0], at,
                         result, said);
            if (product != NULL)
                assert_int_not_equal(access(product, F_OK), 0);
            assert_true(at < 10000);
        }
        assert_int_equal(result, VIT158_EXIT_OK);
        assert_true(at > 2);
        print_message("%s: %ld allocations refused, %s\n", arguments[0], at - 1,
                      on ? "and all after each" : "each alone");
    }
}
#define SWEEP(function, product, ...)                                                              \
    sweep(function, (const char *const[]){__VA_ARGS__, NULL}, product)

static void test_plot(void **state)
{
    (void)state;
    FILE *log = fopen(LOG, "w");
    assert_non_null(log);
    for (int i = 0; i < 5; i++)
        fprintf(log, "{\"type\":\"step\",\"minutes\":%d,\"loss\":%d}\n", i, 9 - i);
    fclose(log);
    SWEEP(vit158_cmd_plot, CURVE, "plot", LOG, "-o", CURVE);
    remove(CURVE);
    remove(LOG);
}

static void test_info(void **state)
{
    (void)state;
    SWEEP(vit158_cmd_info, NULL, "info", "-m", MODEL);
    SWEEP(vit158_cmd_info, NULL, "info", "--json", "-m", MODEL);
}

static void test_inspect(void **state)
{
    (void)state;
    SWEEP(vit158_cmd_inspect, NULL, "inspect", MODEL);
}

static void test_classify(void **state)
{
    (void)state;
    SWEEP(vit158_cmd_classify, NULL, "classify", "--threads", "1", "--workers", "1", "-m", MODEL,
          VIT158_TEST_DATA "/images/rgb_8.png");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plot),
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_inspect),
        cmocka_unit_test(test_classify),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
