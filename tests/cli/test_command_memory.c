/* SPDX-License-Identifier: MIT
 *
 * Commands with memory running out at each of their allocations, once and from then on: they fail
 * with a sentence, write nothing half, and succeed when there is memory again.
 */
#define _POSIX_C_SOURCE 200809L
#include "unit/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/short_memory.h"
#include "model/synth.h"
#include "train/dataset.h"

#define MODEL VIT158_TEST_DATA "/tiny/ternary-6.safetensors"
#define LOG "test_command_memory.tmp.jsonl"
#define CURVE "test_command_memory.tmp.svg"

/* What a training run leaves in its folder; the last of them is written last. */
#define RUN_FOLDER "test_command_memory.tmp"
static const char *const run_files[] = {RUN_FOLDER "/log.jsonl", RUN_FOLDER "/best.safetensors",
                                        RUN_FOLDER "/last.ckpt", RUN_FOLDER "/last.safetensors"};
#define RUN_FILES (sizeof run_files / sizeof *run_files)

static void remove_product(const char *path)
{
    remove(path);
    for (size_t i = 0; strcmp(path, run_files[RUN_FILES - 1]) == 0 && i < RUN_FILES; i++)
        remove(run_files[i]);
}

static const char *product; /* a file that the command writes, or NULL */

static void remove_last(void)
{
    if (product != NULL)
        remove_product(product);
}

static void nothing_is_there(void)
{
    if (product != NULL)
        assert_int_not_equal(access(product, F_OK), 0);
}

static void sweep(test_command function, const char *const *arguments, const char *written)
{
    product = written;
    short_memory_sweep_all(&(short_memory_sweep){.function = function,
                                                 .arguments = arguments,
                                                 .before = remove_last,
                                                 .after_failure = nothing_is_there});
}
#define SWEEP(function, written, ...)                                                              \
    sweep(function, (const char *const[]){__VA_ARGS__, NULL}, written)

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
    SWEEP(vit158_cmd_classify, NULL, "classify", "--threads", "2", "--workers", "2", "-m", MODEL,
          VIT158_TEST_DATA "/images/rgb_8.png", VIT158_TEST_DATA "/images/grey.jpg",
          VIT158_TEST_DATA "/images/lossy.webp");
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
    SWEEP(vit158_cmd_import, PACKED, "import", IMPORT "timm", "-o", PACKED, "--weights", "i8",
          "--size", "24");
    SWEEP(vit158_cmd_import, NULL, "import", IMPORT "hf4", "-o", PACKED, "--weights", "f32",
          "--verify", IMPORT "verify.safetensors");
    remove(PACKED);
}

static void test_record_and_verify(void **state)
{
    (void)state;
    long said;
    const char *const image = VIT158_TEST_DATA "/images/rgb_8.png";
    SWEEP(vit158_cmd_record, GOLDEN, "record", MODEL, image, "-o", GOLDEN);
    const char *const again[] = {"record", MODEL, image, "-o", GOLDEN, NULL};
    assert_int_equal(short_memory_run(vit158_cmd_record, again, &said), VIT158_EXIT_OK);
    SWEEP(vit158_cmd_verify, NULL, "verify", GOLDEN);
    SWEEP(vit158_cmd_verify, NULL, "verify", GOLDEN, "--json");
    remove(GOLDEN);
}

#define LABELLED "test_command_memory.tmp.d"
#define LABELLED_CAT LABELLED "/cat"
#define LABELLED_IMAGE LABELLED_CAT "/a.png"
#define LABELS VIT158_SOURCE_DIR "/models/vit158-cifar10.safetensors"
#define PART "test_command_memory.tmp.part"

/* A folder, a shard of it, and its parts. */
static void test_eval(void **state)
{
    (void)state;
    long said;
    mkdir(LABELLED, 0777);
    mkdir(LABELLED_CAT, 0777);
    remove(LABELLED_IMAGE);
    assert_int_equal(symlink(VIT158_TEST_DATA "/images/rgb_8.png", LABELLED_IMAGE), 0);
    SWEEP(vit158_cmd_eval, NULL, "eval", LABELLED, "-m", LABELS, "--workers", "1", "--confusion");
    SWEEP(vit158_cmd_eval, PART, "eval", LABELLED, "-m", LABELS, "--workers", "1", "--shard", "1/1",
          "-o", PART);
    const char *const again[] = {"eval",    LABELLED, "-m", LABELS, "--workers", "1",
                                 "--shard", "1/1",    "-o", PART,   NULL};
    assert_int_equal(short_memory_run(vit158_cmd_eval, again, &said), VIT158_EXIT_OK);
    SWEEP(vit158_cmd_eval, NULL, "eval", "--combine", PART, "--json", "--confusion");
    remove(PART);
    remove(LABELLED_IMAGE);
    rmdir(LABELLED_CAT);
    rmdir(LABELLED);
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

#define SEARCHED "test_command_memory.tmp.safetensors"

/* Of a model of three blocks, on two images. */
static void test_merge_search(void **state)
{
    (void)state;
    const vit158_synth_options options = {.image_size = 16,
                                          .patch_size = 4,
                                          .channels = 3,
                                          .dim = 16,
                                          .depth = 3,
                                          .heads = 1,
                                          .mlp_dim = 16,
                                          .classes = 2,
                                          .inner_norms = true,
                                          .rest = VIT158_DTYPE_F16,
                                          .seed = 1};
    vit158_error error;
    assert_int_equal(vit158_synth_file(SEARCHED, &options, NULL, &error), VIT158_OK);
    SWEEP(vit158_cmd_merge_search, GOLDEN, "merge-search", SEARCHED, "--calibrate",
          VIT158_TEST_DATA "/images", "--limit", "2", "--json", GOLDEN);
    remove(GOLDEN);
    remove(SEARCHED);
}

static void test_completion(void **state)
{
    (void)state;
    long said;
    const char *const arguments[] = {"completion", "bash", NULL};
    short_memory_from(1, true);
    assert_int_equal(short_memory_run(vit158_cmd_completion, arguments, &said), VIT158_EXIT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pack),
        cmocka_unit_test(test_import),
        cmocka_unit_test(test_record_and_verify),
        cmocka_unit_test(test_classify_in_json),
        cmocka_unit_test(test_eval),
        cmocka_unit_test(test_train),
        cmocka_unit_test(test_merge_search),
        cmocka_unit_test(test_completion),
        cmocka_unit_test(test_plot),
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_inspect),
        cmocka_unit_test(test_classify),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
