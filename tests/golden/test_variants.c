/* SPDX-License-Identifier: MIT
 *
 * A small model of every variant beyond the plain Vision Transformer (make_variant_goldens.py)
 * against PyTorch's float64 results, both engines, every product, one and two threads; and the
 * hashes of their results, which tests/node/variants.test.mjs compares with WebAssembly's.
 */
#include "golden/step_goldens.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "engines.h"
#include "unit/test.h"

/* As in test_tiny_goldens.c, for longer means and an exponential more. */
#define TOLERANCE (60.0F * 5.96e-8F)

#define MOST 32

typedef struct names {
    char name[MOST][64];
    size_t count;
} names;

static names list_models(void)
{
    static const char ending[] = ".safetensors";
    names found = {.count = 0};
    DIR *const folder = opendir(VIT158_TEST_DATA "/variants");
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        const char *const end = strstr(entry->d_name, ending);
        if (end != NULL && found.count < MOST)
            snprintf(found.name[found.count++], sizeof found.name[0], "%.*s",
                     (int)(end - entry->d_name), entry->d_name);
    }
    closedir(folder);
    assert_int_equal(found.count, 15);
    return found;
}

static void test_against_pytorch(void **state)
{
    (void)state;
    const names found = list_models();
    for (size_t i = 0; i < found.count; i++) {
        const char *const name = found.name[i];
        size_t count;
        vit158_model *const model = golden_model("variants", name);
        float *const golden = golden_values("variants", name, &count);
        for (uint32_t engine = VIT158_ENGINE_SCALAR; engine <= last_engine(); engine++) {
            for (uint32_t threads = 1; threads <= 2; threads++) {
                const vit158_options options = {
                    .engine = (vit158_engine)engine, .explain = 1, .threads = threads};
                golden_check(name, model, golden, count, &options, TOLERANCE);
            }
        }
        golden_check_variants(name, model, golden);
        free(golden);
        vit158_model_close(model);
    }
}

/* The hash that a line "NAME HASH" of hashes.txt has for a name. */
static void known_hash(char hash[65], const char *name)
{
    char found[64];
    FILE *const file = fopen(VIT158_TEST_DATA "/variants/hashes.txt", "r");
    assert_non_null(file);
    do {
        if (fscanf(file, "%63s %64s", found, hash) != 2)
            fail_msg("hashes.txt has no %s", name);
    } while (strcmp(found, name) != 0);
    fclose(file);
}

static void test_hashes(void **state)
{
    (void)state;
    const names found = list_models();
    for (size_t i = 0; i < found.count; i++) {
        const char *const name = found.name[i];
        const vit158_options options = {0};
        char known[65], hash[65];
        size_t count;
        vit158_model *const model = golden_model("variants", name);
        float *const golden = golden_values("variants", name, &count);
        float *const results = golden_run(model, golden, &options, &count);
        vit158_sha256 sum = vit158_sha256_start();
        vit158_sha256_add(&sum, results, count * sizeof *results);
        vit158_sha256_end_hex(&sum, hash);
        known_hash(known, name);
        if (strcmp(hash, known) != 0)
            fail_msg("%s: hash %s, not %s", name, hash, known);
        free(results);
        free(golden);
        vit158_model_close(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_pytorch),
        cmocka_unit_test(test_hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
