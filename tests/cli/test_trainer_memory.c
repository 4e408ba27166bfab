/* SPDX-License-Identifier: MIT
 *
 * As test_command_memory.c, for the commands that make models and measure them: synth, bench, eval,
 * prune, quantize and finetune, on models of one block and images of 16 x 16 pixels.
 */
#define _XOPEN_SOURCE 700
#include "unit/test.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/short_memory.h"
#include "model/synth.h"
#include "unit/read_file.h"
#include "unit/thorough.h"

#define TINY VIT158_TEST_DATA "/tiny/ternary-6.safetensors"
#define FOLDER "test_trainer_memory.tmp"
#define BASE FOLDER "/base.safetensors"
#define OUT FOLDER "/out.safetensors"
#define LABELS FOLDER "/labels.json"

static int remove_entry(const char *path, const struct stat *facts, int type, struct FTW *place)
{
    (void)facts;
    (void)type;
    (void)place;
    return remove(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* What a command may have made of OUT. */
static void remove_output(void)
{
    static const char *const endings[] = {"safetensors", "md", "svg", "golden.json"};
    char path[256];
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        snprintf(path, sizeof path, FOLDER "/out.%s", endings[i]);
        remove(path);
    }
    remove_tree(OUT ".run");
}

/* A model that is there is a whole one. */
static void output_is_whole(void)
{
    long said;
    const char *const arguments[] = {"info", "-m", OUT, NULL};
    if (access(OUT, F_OK) == 0)
        assert_int_equal(short_memory_run(vit158_cmd_info, arguments, &said), VIT158_EXIT_OK);
}

static void output_is_not_there(void)
{
    assert_int_not_equal(access(OUT, F_OK), 0);
}

/* A folder "name" of so many images of the tests: a batch at least. */
static void copy_images(const char *root, const char *name, size_t count)
{
    static const char *const files[] = {"rgb_8.png", "rgba_8.png", "many_idats.png",
                                        "baseline_444.jpg"};
    const size_t n_files = sizeof files / sizeof *files;
    char path[512];
    snprintf(path, sizeof path, FOLDER "/%s", root);
    mkdir(path, 0777);
    snprintf(path, sizeof path, FOLDER "/%s/%s", root, name);
    assert_int_equal(mkdir(path, 0777), 0);
    for (size_t i = 0; i < count; i++) {
        size_t n_bytes = 0;
        snprintf(path, sizeof path, VIT158_TEST_DATA "/images/%s", files[i % n_files]);
        uint8_t *bytes = test_read_file(path, &n_bytes);
        assert_non_null(bytes);
        snprintf(path, sizeof path, FOLDER "/%s/%s/%zu-%s", root, name, i, files[i % n_files]);
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, n_bytes, file), n_bytes);
        fprintf(file, "%s %zu", name, i); /* behind the image: no two files are the same */
        fclose(file);
        free(bytes);
    }
}

static int set_up(void **state)
{
    (void)state;
    remove_tree(FOLDER);
    assert_int_equal(mkdir(FOLDER, 0777), 0);
    copy_images("known", "class 0", 4);
    copy_images("known", "class 1", 4);
    copy_images("photos", "cat", 48);
    copy_images("photos", "dog", 48);
    copy_images("photos", "elk", 48);
    const vit158_synth_options options = {.image_size = 16,
                                          .patch_size = 8,
                                          .channels = 3,
                                          .dim = 32,
                                          .depth = 1,
                                          .heads = 2,
                                          .mlp_dim = 32,
                                          .classes = 3,
                                          .outer_norms = true,
                                          .encoding = VIT158_ENCODING_F32,
                                          .rest = VIT158_DTYPE_F32,
                                          .seed = 3};
    vit158_error error;
    if (vit158_synth_file(BASE, &options, NULL, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    FILE *file = fopen(LABELS, "w");
    assert_non_null(file);
    fputs("{\"license\":\"none\"}", file);
    fclose(file);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_tree(FOLDER);
    return 0;
}

#define SWEEP(command, most, after, ...)                                                           \
    short_memory_sweep_all(                                                                        \
        &(short_memory_sweep){.function = command,                                                 \
                              .arguments = (const char *const[]){__VA_ARGS__, NULL},               \
                              .at_most = most,                                                     \
                              .before = remove_output,                                             \
                              .after_failure = after})

static void test_synth(void **state)
{
    (void)state;
    SWEEP(vit158_cmd_synth, 10, output_is_not_there, "synth", "--arch", "ti", "--image-size", "16",
          "--classes", "2", "-o", OUT);
}

static void test_bench(void **state)
{
    (void)state;
    SWEEP(vit158_cmd_bench, 0, NULL, "bench", "-m", TINY, "--runs", "5", "--threads", "1");
    SWEEP(vit158_cmd_bench, 0, NULL, "bench", "-m", TINY, "--runs", "5", "--threads", "1",
          "--profile", "--json");
    SWEEP(vit158_cmd_bench, 0, NULL, "bench", "-m", TINY, "--runs", "5", "--threads", "2");
}

static void test_eval(void **state)
{
    (void)state;
    SWEEP(vit158_cmd_eval, 0, NULL, "eval", "-m", TINY, "--threads", "1", "--workers", "1",
          FOLDER "/known");
    SWEEP(vit158_cmd_eval, 0, NULL, "eval", "-m", TINY, "--threads", "1", "--workers", "2",
          "--json", FOLDER "/known");
}

static void quantized(const char *method, const char *weights, long most)
{
    SWEEP(vit158_cmd_quantize, most, output_is_whole, "quantize", BASE, "--calibrate",
          FOLDER "/photos", "--images", "6", "--method", method, "--weights", weights, "--threads",
          "1", "--metadata", LABELS, "--report", FOLDER "/out.md", "-o", OUT);
}

static void test_quantize(void **state)
{
    (void)state;
    quantized("gptq", "rows:2", 400);
    quantized("rtn", "int8", 150);
    quantized("ptq-vit", "bits:6", 150);
}

static void test_prune(void **state)
{
    (void)state;
    SWEEP(vit158_cmd_prune, 200, output_is_whole, "prune", BASE, "--calibrate", FOLDER "/photos",
          "--images", "6", "--remove-mlp", "0.5", "--threads", "1", "--report", FOLDER "/out.md",
          "-o", OUT);
}

/* The two that train: towards the float network's logits on fresh views, and by modules. */
static void test_quantize_that_trains(void **state)
{
    (void)state;
    SWEEP(vit158_cmd_quantize, 60, output_is_whole, "quantize", BASE, "--calibrate",
          FOLDER "/photos", "--images", "12", "--hold-out", "4", "--weights", "rows:1",
          "--distill-updates", "1", "--threads", "2", "-o", OUT);
    SWEEP(vit158_cmd_quantize, 60, output_is_whole, "quantize", BASE, "--calibrate",
          FOLDER "/photos", "--images", "6", "--method", "mrem-p", "--updates", "2", "--weights",
          "rows:1", "--threads", "1", "-o", OUT);
}

/* The way from a folder to a model, with half a second of training. */
static void test_finetune(void **state)
{
    (void)state;
    SWEEP(vit158_cmd_finetune, test_is_thorough() ? 24 : 8, output_is_whole, "finetune",
          FOLDER "/photos", "--base", BASE, "-o", OUT, "--minutes", "0.01", "--clock", "processor",
          "--threads", "1", "--size", "16", "-q");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_synth),
        cmocka_unit_test(test_bench),
        cmocka_unit_test(test_eval),
        cmocka_unit_test(test_quantize),
        cmocka_unit_test(test_prune),
        cmocka_unit_test(test_finetune),
        cmocka_unit_test(test_quantize_that_trains),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
