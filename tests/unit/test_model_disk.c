/* SPDX-License-Identifier: MIT
 *
 * Files that are packed or described from a disk that fails, that hold what nobody trains, or lack
 * what a model needs.
 */
#include "unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/latent_facts.h"
#include "model/pack.h"
#include "unit/model_parts.h"
#include "unit/refused_memory.h"

/* ---- Files in memory, which fail after so many reads ---- */

typedef struct memory_bytes {
    file_bytes file;
    long reads, at_most; /* -1: none fails */
} memory_bytes;

static vit158_status read_memory(void *context, uint64_t position, void *out, size_t n_bytes,
                                 vit158_error *error)
{
    memory_bytes *m = context;
    if (m->reads++ == m->at_most)
        return vit158_fail(error, VIT158_E_IO, "the disk fails");
    assert_true(position + n_bytes <= m->file.n_bytes);
    memcpy(out, m->file.data + position, n_bytes);
    return VIT158_OK;
}

static vit158_status open_memory(vit158_safetensors **out, memory_bytes *m, vit158_error *error)
{
    return vit158_safetensors_over(out, &(vit158_file_bytes){m, m->file.n_bytes, read_memory, NULL},
                                   error);
}

static vit158_status pack_memory(memory_bytes *m, const vit158_pack_options *options,
                                 vit158_error *error)
{
    vit158_safetensors *in = NULL;
    vit158_draft draft;
    vit158_pack_report report;
    VIT158_RETURN_IF_ERROR(open_memory(&in, m, error));
    const vit158_status status = vit158_pack_draft(&draft, &report, in, options, error);
    vit158_draft_clear(&draft);
    vit158_safetensors_close(in);
    return status;
}

static file_bytes float_model(void)
{
    vit158_synth_options options = synth_small();
    options.encoding = VIT158_ENCODING_F32;
    options.inner_norms = false;
    return synth_bytes(&options);
}

static void test_packing_from_a_disk_that_fails(void **state)
{
    (void)state;
    const vit158_pack_options options = {.matrices = VIT158_PACK_INT8, .rest = VIT158_DTYPE_F32};
    memory_bytes m = {.file = float_model()};
    for (m.at_most = 0;; m.at_most++) {
        vit158_error error;
        m.reads = 0;
        const vit158_status status = pack_memory(&m, &options, &error);
        if (m.reads <= m.at_most) {
            assert_int_equal(status, VIT158_OK);
            break;
        }
        assert_int_equal(status, VIT158_E_IO);
        assert_non_null(strstr(error.message, "the disk fails"));
    }
    assert_true(m.at_most > 20);
    free(m.file.data);
    vit158_safetensors *file;
    vit158_error error;
    refuse_memory(1, false);
    assert_int_equal(open_memory(&file, &m, &error), VIT158_E_MEMORY);
    refuse_memory(0, false);
}

static void test_packing_odd_files(void **state)
{
    (void)state;
    vit158_error error;
    file_bytes plain = float_model();
    file_parts *parts = parts_of(plain);
    /* Subnormal values, whose scale has hardly a bit: 190 units of which one is a 127th. */
    float *row = (float *)(void *)parts_tensor(parts, "blocks.0.mlp.fc1.weight")->data;
    for (int i = 0; i < 20; i++)
        row[i] = i < 10 ? 0.0F : (float)(i % 2 == 0 ? 190 : -190) * 0x1p-149F;
    memory_bytes m = {.file = parts_build(parts), .at_most = -1};
    vit158_pack_options options = {.matrices = VIT158_PACK_INT8, .rest = VIT158_DTYPE_F32};
    assert_int_equal(pack_memory(&m, &options, &error), VIT158_OK);
    static const struct {
        const char *json, *words;
    } cases[] = {{"{7:\"a\"}", "a string is expected"},
                 {"{\"abcdefghijklmnopqrstabcdefghijklmnopqrstabcdefghijklmnopqrst"
                  "abcdefghijklmnopqrstabcdefghijklmnopqrstabcdefghijklmnopqrst"
                  "abcdefghijklmnopqrstabcdefghijklmnopqrstabcdefghijklmnopqrst"
                  "abcdefghijklmnopqrstabcdefghijklmnopqrstabcdefghijklmnopqrst"
                  "abcdefghijklmnopqrstabcdefghijklmnopqrstabcdefghijklmnopqrst"
                  "abcdefghijklmnopqrstabcdefghijklmnopqrstabcdefghijklmnopqrst\":7}",
                  "the value of  is not a string"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        options.metadata_json = cases[i].json;
        assert_int_equal(pack_memory(&m, &options, &error), VIT158_E_JSON);
        if (strstr(error.message, cases[i].words) == NULL)
            fail_msg("%s: %s", cases[i].json, error.message);
    }
    options.metadata_json = NULL;
    free(m.file.data);
    parts_remove(parts, "blocks.1.mlp.fc1.weight");
    m.file = parts_build(parts);
    assert_int_equal(pack_memory(&m, &options, &error), VIT158_E_TENSOR);
    free(m.file.data);
    parts_free(parts);
    free(plain.data);
}

/* ---- Latent files ---- */

static vit158_status latent_facts(file_parts *parts, bool *latent, vit158_error *error)
{
    memory_bytes m = {.file = parts_build(parts), .at_most = -1};
    vit158_safetensors *file = NULL;
    vit158_facts facts;
    vit158_status status = open_memory(&file, &m, error);
    if (status == VIT158_OK)
        status = vit158_is_latent(latent, file, error);
    if (status == VIT158_OK)
        status = vit158_facts_of_latent(&facts, file, error);
    if (status == VIT158_OK)
        vit158_facts_clear(&facts);
    vit158_safetensors_close(file);
    free(m.file.data);
    return status;
}

static void test_latent_files(void **state)
{
    (void)state;
    vit158_synth_options options = synth_small();
    options.encoding = VIT158_ENCODING_F32;
    file_bytes plain = synth_bytes(&options);
    file_parts *parts = parts_of(plain);
    vit158_error error;
    bool latent;
    parts_set(parts, "encodings", NULL);
    assert_int_equal(latent_facts(parts, &latent, &error), VIT158_OK);
    assert_true(latent);
    const uint64_t one = 1;
    parts_add(parts, "blocks.0.mlp.fc1.scale", "F32", 1, &one, 0);
    assert_int_equal(latent_facts(parts, &latent, &error), VIT158_OK);
    parts_set(parts, "encodings", "{}");
    assert_int_equal(latent_facts(parts, &latent, &error), VIT158_OK);
    assert_false(latent);
    parts_set(parts, "encodings", NULL);
    parts_remove(parts, "patch_embed.proj.bias");
    parts_remove(parts, "cls_token");
    parts_set(parts, "prefix_tokens", "0");
    parts_set(parts, "pooling", "avg");
    parts_set(parts, "format_version", "2");
    const uint64_t patches[3] = {1, 9, 10};
    parts_reshape(parts_tensor(parts, "pos_embed"), "F32", 3, patches, 0);
    if (latent_facts(parts, &latent, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    parts_remove(parts, "blocks.1.mlp.fc1.weight");
    assert_int_equal(latent_facts(parts, &latent, &error), VIT158_E_TENSOR);
    assert_string_equal(error.message, "tensor blocks.1.mlp.fc1.weight is missing");
    parts_set(parts, "weights", "float");
    assert_int_equal(latent_facts(parts, &latent, &error), VIT158_E_TENSOR);
    assert_false(latent);
    parts_set(parts, "heads", "none");
    assert_int_equal(latent_facts(parts, &latent, &error), VIT158_E_METADATA);
    assert_false(latent);
    parts_free(parts);
    free(plain.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packing_from_a_disk_that_fails),
        cmocka_unit_test(test_packing_odd_files),
        cmocka_unit_test(test_latent_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
