/* SPDX-License-Identifier: MIT
 *
 * Sources that fail while they are read: every call for a size or for bytes, and every allocation,
 * each alone and all from it on. One error with a sentence, and nothing is lost.
 */
#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "unit/import_parts.h"
#include "unit/read_file.h"
#include "unit/refused_memory.h"

#define HF                                                                                         \
    "{\"model_type\":\"vit\",\"num_attention_heads\":2,\"id2label\":{\"0\":\"a\",\"1\":\"b\","     \
    "\"2\":\"c\"}}"
#define RIGHT "{\"size\":8,\"image_mean\":[0.5,0.5,0.5],\"image_std\":[0.5,0.5,0.5]}"
#define NORM(b)                                                                                    \
    {"blocks." b ".attn.norm.weight", "D", NULL},                                                  \
    {                                                                                              \
        "blocks." b ".attn.norm.bias", "D", NULL                                                   \
    }
#define DISTILLED                                                                                  \
    {"dist_token", "1,1,D", NULL},                                                                 \
    {                                                                                              \
        "head_dist.weight", "3,D", NULL                                                            \
    }

/* Each step of an import is in one of them. */
/* clang-format off */
static const parts_case sources[] = {
    {.config = HF, .preprocessor = RIGHT, .hugging_face = true, .image_size = 16},
    {.labels = "a\nb\nc\n", .extra = "{\"license\":\"MIT\"}", .weights = VIT158_IMPORT_I8,
     .with = {DISTILLED, {"pos_embed", "1,6,D", NULL}, {"blocks.0.ls1.gamma", "D", NULL}, {"blocks.1.ls2.gamma", "D", NULL}}},
    {.labels = "[\"a\",\"b\",\"c\"]", .weights = VIT158_IMPORT_F32,
     .with = {NORM("0"), NORM("1"), {"norm_pre.weight", "D", NULL}, {"norm_pre.bias", "D", NULL},
              {"fc_norm.weight", "D", NULL}, {"fc_norm.bias", "D", NULL}}},
    {.values = PART_TERNARY},
    {.values = PART_TERNARY_ROWS, .weights = VIT158_IMPORT_I8},
};
/* clang-format on */
#define SOURCES (sizeof sources / sizeof *sources)

typedef struct failing_files {
    memory_files *all;
    long calls, fail_at;
    bool sizes, on; /* the sizes fail, not the reads; and all after */
} failing_files;

static bool fails(failing_files *f, bool size)
{
    if (size != f->sizes)
        return false;
    f->calls++;
    return f->fail_at > 0 && (f->calls == f->fail_at || (f->on && f->calls > f->fail_at));
}

static uint64_t failing_size(void *context, const char *name)
{
    failing_files *f = context;
    return fails(f, true) ? VIT158_NO_FILE : memory_size(f->all, name);
}

static bool failing_read(void *context, const char *name, uint64_t offset, void *out,
                         size_t n_bytes)
{
    failing_files *f = context;
    return !fails(f, false) && memory_read(f->all, name, offset, out, n_bytes);
}

/* Imports with each call failing. */
static void sweep_calls(memory_files *all, const parts_case *from)
{
    for (int kind = 0; kind < 4; kind++)
        for (long at = 1;; at++) {
            char said[2048];
            failing_files f = {all, 0, at, kind % 2 == 1, kind / 2 == 1};
            const vit158_import_files files = {&f, failing_size, failing_read};
            const long before = refuse_memory_held();
            const vit158_status status = parts_import(&files, from, said);
            assert_int_equal(refuse_memory_held(), before);
            if (f.calls < at) {
                assert_int_equal(status, VIT158_OK);
                assert_true(at > 2);
                break;
            }
            /* Without its preprocessor_config.json a folder lacks the mean; with a size that is
             * not there any more a file is missing or too short. */
            const bool known = f.sizes ? status == VIT158_E_IO || status == VIT158_E_METADATA ||
                                             status == VIT158_E_FORMAT || status == VIT158_OK
                                       : status == VIT158_E_IO;
            if (!known || strlen(said) < 15)
                fail_msg("call %ld of kind %d: %d %s", at, kind, (int)status, said);
        }
}

static void test_every_call_failing(void **state)
{
    (void)state;
    for (size_t s = 0; s < SOURCES; s++) {
        memory_files all;
        parts_make(&all, &sources[s]);
        sweep_calls(&all, &sources[s]);
        parts_release(&all);
    }
}

/* An index with its shards, and an archive. */
static void test_every_call_failing_of_other_containers(void **state)
{
    (void)state;
    static const struct {
        const char *folder;
        const char *names[6];
    } folders[] = {{"hf4-sharded",
                    {"config.json", "preprocessor_config.json", "model.safetensors.index.json",
                     "model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors",
                     "model-00003-of-00003.safetensors"}},
                   {"hf4-bin", {"config.json", "preprocessor_config.json", "pytorch_model.bin"}}};
    static const parts_case from = {.config = "(of the folder)"};
    for (size_t s = 0; s < sizeof folders / sizeof *folders; s++) {
        memory_files all = {.count = 0};
        for (; all.count < 6 && folders[s].names[all.count] != NULL; all.count++) {
            char path[512];
            memory_file *file = &all.files[all.count];
            snprintf(path, sizeof path, VIT158_TEST_DATA "/import/%s/%s", folders[s].folder,
                     folders[s].names[all.count]);
            file->name = folders[s].names[all.count];
            file->bytes = test_read_file(path, &file->n_bytes);
            assert_non_null(file->bytes);
        }
        sweep_calls(&all, &from);
        for (size_t i = 0; i < all.count; i++)
            free((void *)(uintptr_t)all.files[i].bytes);
    }
}

static void test_every_allocation_failing(void **state)
{
    (void)state;
    for (size_t s = 0; s < SOURCES; s++)
        for (int on = 0; on < 2; on++)
            for (long at = 1;; at++) {
                char said[2048];
                memory_files all;
                parts_make(&all, &sources[s]);
                const vit158_import_files files = memory_source(&all);
                const long before = refuse_memory_held();
                refuse_memory(at, on == 1);
                const vit158_status status = parts_import(&files, &sources[s], said);
                const long calls = refuse_memory_calls();
                refuse_memory(0, false);
                assert_int_equal(refuse_memory_held(), before);
                parts_release(&all);
                if (calls < at) {
                    assert_int_equal(status, VIT158_OK);
                    assert_true(at > 20);
                    break;
                }
                if (status != VIT158_E_MEMORY || strlen(said) < 15)
                    fail_msg("source %zu, allocation %ld: %d %s", s, at, (int)status, said);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_call_failing),
        cmocka_unit_test(test_every_call_failing_of_other_containers),
        cmocka_unit_test(test_every_allocation_failing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
