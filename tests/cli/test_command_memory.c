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
#include "train/dataset.h"

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

/* What a training run leaves in its folder; the last of them is written last. */
#define RUN_FOLDER "test_command_memory.tmp"
static const char *const run_files[] = {RUN_FOLDER "/log.jsonl", RUN_FOLDER "/best.safetensors",
                                        RUN_FOLDER "/last.ckpt", RUN_FOLDER "/last.safetensors"};
#define RUN_FILES (sizeof run_files / sizeof *run_files)

static void remove_product(const char *product)
{
    remove(product);
    for (size_t i = 0; strcmp(product, run_files[RUN_FILES - 1]) == 0 && i < RUN_FILES; i++)
        remove(run_files[i]);
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
                remove_product(product);
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

#define PACKED "test_command_memory.tmp.safetensors"
#define GOLDEN "test_command_memory.tmp.json"
#define IMPORT VIT158_TEST_DATA "/import/"

/* Packing, in each of its ways. */
static void test_pack(void **state)
{
    (void)state;
    SWEEP(vit158_cmd_pack, PACKED, "pack", VIT158_TEST_DATA "/tiny/latent-6.safetensors", "-o",
          PACKED);
    SWEEP(vit158_cmd_pack, PACKED, "pack", VIT158_TEST_DATA "/tiny/float-2.safetensors", "-o",
          PACKED, "--ternarize");
    SWEEP(vit158_cmd_pack, PACKED, "pack", VIT158_TEST_DATA "/tiny/float-2.safetensors", "-o",
          PACKED, "--int8");
    remove(PACKED);
}

/* Every kind of container and of configuration. */
static void test_import(void **state)
{
    (void)state;
    static const char *const sources[] = {"timm", "hf4", "hf4-sharded", "torchvision.safetensors",
                                          "plain.pth"};
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        char path[512];
        snprintf(path, sizeof path, IMPORT "%s", sources[i]);
        SWEEP(vit158_cmd_import, PACKED, "import", path, "-o", PACKED, "--heads", "2");
    }
    remove(PACKED);
}

static void test_record_and_verify(void **state)
{
    (void)state;
    long said;
    const char *const image = VIT158_TEST_DATA "/images/rgb_8.png";
    SWEEP(vit158_cmd_record, GOLDEN, "record", MODEL, image, "-o", GOLDEN);
    const char *const again[] = {"record", MODEL, image, "-o", GOLDEN, NULL};
    assert_int_equal(run_quietly(vit158_cmd_record, again, &said), VIT158_EXIT_OK);
    SWEEP(vit158_cmd_verify, NULL, "verify", GOLDEN);
    SWEEP(vit158_cmd_verify, NULL, "verify", GOLDEN, "--json");
    remove(GOLDEN);
}

/* A result in JSON with everything that can be asked for, of a JPEG that is mended. */
static void test_classify_in_json(void **state)
{
    (void)state;
    SWEEP(vit158_cmd_classify, NULL, "classify", "--json", "--threads", "1", "--workers", "1", "-m",
          MODEL, VIT158_TEST_DATA "/fuzz/fuzz_image/zeros.jpg");
}

/* A run of two steps on six images. */
static void test_train(void **state)
{
    (void)state;
    static const char recipe[] = "train_data = test_command_memory.tmp.vds\nval_every = 2\n"
                                 "image_size = 4\nchannels = 1\ndim = 16\nheads = 1\ndepth = 1\n"
                                 "mlp_dim = 16\nbatch = 2\nmicrobatch = 2\nepochs = 2\n"
                                 "threads = 1\neval_minutes = 100\n";
    vit158_train_dataset data;
    vit158_error error;
    assert_int_equal(vit158_train_dataset_allocate(&data, 6, 1, 4, 2, 4, &error), VIT158_OK);
    memset(data.pixels, 99, 6 * vit158_train_dataset_image(&data));
    memcpy(data.names, "a\0b", 4);
    data.labels[1] = data.labels[2] = 1;
    assert_int_equal(vit158_train_dataset_save(&data, "test_command_memory.tmp.vds", &error),
                     VIT158_OK);
    vit158_train_dataset_free(&data);
    FILE *file = fopen(LOG, "w");
    assert_non_null(file);
    fputs(recipe, file);
    fclose(file);
    SWEEP(vit158_cmd_train, run_files[RUN_FILES - 1], "train", LOG, "-o", RUN_FOLDER, "-q",
          "--max-steps", "2");
    remove_product(run_files[RUN_FILES - 1]);
    rmdir(RUN_FOLDER);
    remove("test_command_memory.tmp.vds");
    remove(LOG);
}

static void test_completion(void **state)
{
    (void)state;
    long said;
    const char *const arguments[] = {"completion", "bash", NULL};
    fail_at = 1;
    fail_on = true;
    assert_int_equal(run_quietly(vit158_cmd_completion, arguments, &said), VIT158_EXIT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pack),
        cmocka_unit_test(test_import),
        cmocka_unit_test(test_record_and_verify),
        cmocka_unit_test(test_classify_in_json),
        cmocka_unit_test(test_train),
        cmocka_unit_test(test_completion),
        cmocka_unit_test(test_plot),
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_inspect),
        cmocka_unit_test(test_classify),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
