/* SPDX-License-Identifier: MIT
 *
 * The commands pack, synth and inspect: exit codes, and files that are there or not.
 */
#include "unit/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"

#define OUT "test_model_commands.tmp.safetensors"
#define LATENT VIT158_TEST_DATA "/tiny/latent-6.safetensors"
#define FLOAT VIT158_TEST_DATA "/tiny/float-2.safetensors"

typedef int (*command)(int argc, char **argv);

/* Runs a command with its arguments, a NULL-terminated list. */
static int run(command function, const char *const *arguments)
{
    char text[12][1024];
    char *argv[13];
    int argc = 0;
    for (; arguments[argc] != NULL; argc++) {
        assert_true(argc < 12);
        snprintf(text[argc], sizeof text[argc], "%s", arguments[argc]);
        argv[argc] = text[argc];
    }
    argv[argc] = NULL;
    return function(argc, argv);
}
#define RUN(function, ...) run(function, (const char *const[]){__VA_ARGS__, NULL})

/* Whether the output exists; removes it. */
static int made(void)
{
    return remove(OUT) == 0;
}

/* Whether the header of a model file has this text. */
static bool holds(const char *path, const char *text)
{
    static char header[1 << 16];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    const size_t length = fread(header, 1, sizeof header - 1, file);
    assert_int_equal(fclose(file), 0);
    assert_true(length > 8);
    header[length] = 0;
    for (size_t i = 0; i < length; i++)
        if (header[i] == 0) /* of the length before the header, or of tensors */
            header[i] = ' ';
    return strstr(header, text) != NULL;
}

static void test_pack(void **state)
{
    (void)state;
    assert_int_equal(RUN(vit158_cmd_pack, "pack", LATENT, "-o", OUT), VIT158_EXIT_OK);
    assert_true(made());
    assert_int_equal(RUN(vit158_cmd_pack, "pack", LATENT, "-o", OUT, "--rest", "f32"),
                     VIT158_EXIT_OK);
    assert_true(made());
    assert_int_equal(RUN(vit158_cmd_pack, "pack", FLOAT, "-o", OUT), VIT158_EXIT_FAILED);
    assert_false(made());
    assert_int_equal(RUN(vit158_cmd_pack, "pack", FLOAT, "-o", OUT, "--ternarize"), VIT158_EXIT_OK);
    assert_true(made());
    assert_int_equal(RUN(vit158_cmd_pack, "pack", FLOAT, "-o", OUT, "--float"), VIT158_EXIT_OK);
    assert_true(made());
    assert_int_equal(RUN(vit158_cmd_pack, "pack", FLOAT, "-o", OUT, "--float", "--ternarize"),
                     VIT158_EXIT_USAGE);
    assert_int_equal(RUN(vit158_cmd_pack, "pack", LATENT), VIT158_EXIT_USAGE);
    assert_int_equal(RUN(vit158_cmd_pack, "pack", "-o", OUT), VIT158_EXIT_USAGE);
    assert_int_equal(RUN(vit158_cmd_pack, "pack", "absent", "-o", OUT), VIT158_EXIT_FAILED);
    assert_int_equal(RUN(vit158_cmd_pack, "pack", LATENT, "-o", "absent/file"), VIT158_EXIT_FAILED);
    assert_int_equal(RUN(vit158_cmd_pack, "pack", LATENT, "-o", OUT, "--metadata", "absent"),
                     VIT158_EXIT_FAILED);
    assert_false(made());
}

static void test_pack_with_metadata(void **state)
{
    (void)state;
    static const char path[] = "test_model_commands.json";
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("{\"dataset\": \"none\"}", file);
    fclose(file);
    assert_int_equal(RUN(vit158_cmd_pack, "pack", LATENT, "-o", OUT, "--metadata", path),
                     VIT158_EXIT_OK);
    assert_true(made());
    remove(path);
}

static void test_synth_and_inspect(void **state)
{
    (void)state;
    assert_int_equal(RUN(vit158_cmd_synth, "synth", "--arch", "ti", "--image-size", "32",
                         "--patch-size", "8", "--classes", "5", "-o", OUT),
                     VIT158_EXIT_OK);
    assert_int_equal(RUN(vit158_cmd_inspect, "inspect", OUT), VIT158_EXIT_OK);
    assert_int_equal(RUN(vit158_cmd_inspect, "inspect", OUT, "--json"), VIT158_EXIT_OK);
    assert_true(made());
    assert_int_equal(RUN(vit158_cmd_inspect, "inspect", OUT), VIT158_EXIT_FAILED);
    assert_int_equal(RUN(vit158_cmd_inspect, "inspect"), VIT158_EXIT_USAGE);
    assert_int_equal(RUN(vit158_cmd_synth, "synth", "--arch", "ti", "--image-size", "32",
                         "--unsure", "0.25", "-o", OUT),
                     VIT158_EXIT_OK);
    assert_true(holds(OUT, "\"unsure\":\"0.25\""));
    assert_true(made());
    assert_int_equal(RUN(vit158_cmd_synth, "synth", "--arch", "ti", "--unsure", "2", "-o", OUT),
                     VIT158_EXIT_USAGE);
    assert_int_equal(RUN(vit158_cmd_synth, "synth", "--arch", "ti"), VIT158_EXIT_USAGE);
    assert_int_equal(RUN(vit158_cmd_synth, "synth", "-o", OUT), VIT158_EXIT_USAGE);
    assert_int_equal(RUN(vit158_cmd_synth, "synth", "--arch", "xl", "-o", OUT), VIT158_EXIT_USAGE);
    assert_int_equal(
        RUN(vit158_cmd_synth, "synth", "--arch", "ti", "--patch-size", "15", "-o", OUT),
        VIT158_EXIT_FAILED);
    assert_false(made());
}

/* Latent checkpoint, float model, packed model, no model. */
static void test_inspect_reads_every_kind(void **state)
{
    (void)state;
    assert_int_equal(RUN(vit158_cmd_inspect, "inspect", LATENT, "--tensors"), VIT158_EXIT_OK);
    assert_int_equal(RUN(vit158_cmd_inspect, "inspect", FLOAT), VIT158_EXIT_OK);
    assert_int_equal(
        RUN(vit158_cmd_inspect, "inspect", VIT158_TEST_DATA "/tiny/ternary-4.safetensors"),
        VIT158_EXIT_OK);
    assert_int_equal(RUN(vit158_cmd_inspect, "inspect", __FILE__), VIT158_EXIT_FAILED);
}

/* Sums of rows can be made and inspected; a value that classify refuses, inspect refuses too. */
static void test_rows_and_damage(void **state)
{
    (void)state;
    assert_int_equal(RUN(vit158_cmd_synth, "synth", "--arch", "ti", "--image-size", "32",
                         "--classes", "5", "--rows", "mixed", "-o", OUT),
                     VIT158_EXIT_OK);
    assert_int_equal(RUN(vit158_cmd_inspect, "inspect", OUT), VIT158_EXIT_OK);
    FILE *file = fopen(OUT, "r+b");
    assert_non_null(file);
    const uint8_t not_a_code = 255; /* the last tensors are bytes */
    assert_int_equal(fseek(file, -1, SEEK_END), 0);
    assert_int_equal(fwrite(&not_a_code, 1, 1, file), 1);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(RUN(vit158_cmd_inspect, "inspect", OUT), VIT158_EXIT_FAILED);
    assert_true(made());
    assert_int_equal(
        RUN(vit158_cmd_synth, "synth", "--arch", "ti", "--weights", "i8", "--rows", "2", "-o", OUT),
        VIT158_EXIT_FAILED);
    assert_int_equal(RUN(vit158_cmd_pack, "pack", FLOAT, "-o", OUT, "--int8", "--rest", "bf16"),
                     VIT158_EXIT_OK);
    assert_true(made());
    assert_int_equal(RUN(vit158_cmd_pack, "pack", FLOAT, "-o", OUT, "--int8", "--float"),
                     VIT158_EXIT_USAGE);
    assert_false(made());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pack),
        cmocka_unit_test(test_pack_with_metadata),
        cmocka_unit_test(test_synth_and_inspect),
        cmocka_unit_test(test_inspect_reads_every_kind),
        cmocka_unit_test(test_rows_and_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
