/* SPDX-License-Identifier: MIT
 *
 * pack, synth and inspect: codes and scales against independent implementations (PyTorch's tiny
 * models, numpy's hashes of the bootstrap's codes), refusals, and FORMAT.md's size formula on real
 * files.
 */
#include "unit/test.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "model/half.h"
#include "model/latent_facts.h"
#include "model/pack.h"
#include "model/ternary.h"
#include "unit/model_files.h"
#include "unit/model_parts.h"
#include "unit/open_model.h"

#define OUT "test_model_pack.tmp.safetensors"
#define TINY VIT158_TEST_DATA "/tiny/"

static vit158_status pack(const char *in, vit158_pack_matrices matrices, vit158_dtype rest,
                          const char *metadata, vit158_pack_report *report, vit158_error *error)
{
    const vit158_pack_options options = {
        .matrices = matrices, .rest = rest, .metadata_json = metadata};
    memset(error, 0, sizeof *error);
    return vit158_pack_file(in, OUT, &options, report, error);
}

static vit158_safetensors *open_file(const char *path)
{
    vit158_safetensors *file = NULL;
    vit158_error error;
    if (vit158_safetensors_open(&file, path, &error) != VIT158_OK)
        fail_msg("%s: %s", path, error.message);
    return file;
}

static void pack_or_fail(const char *in, vit158_pack_matrices matrices, vit158_dtype rest)
{
    vit158_error error;
    if (pack(in, matrices, rest, NULL, NULL, &error) != VIT158_OK)
        fail_msg("%s", error.message);
}

static uint8_t *tensor_bytes(const vit158_safetensors *file, const vit158_tensor_entry *entry)
{
    uint8_t *bytes = malloc((size_t)(entry->end - entry->begin));
    assert_non_null(bytes);
    assert_int_equal(vit158_safetensors_read(file, entry, bytes, NULL), VIT158_OK);
    return bytes;
}

static void refuse(const char *in, vit158_pack_matrices matrices, vit158_dtype rest,
                   const char *metadata, vit158_status status, const char *message)
{
    vit158_error error;
    assert_int_equal(pack(in, matrices, rest, metadata, NULL, &error), status);
    if (strstr(error.message, message) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", error.message, message);
    glob_t left;
    assert_int_equal(glob(OUT "*", 0, NULL, &left), GLOB_NOMATCH);
}

/* ---- Against other implementations ---- */

static void test_tiny_model_packs_as_by_pytorch(void **state)
{
    (void)state;
    pack_or_fail(TINY "latent-6.safetensors", VIT158_PACK_TRAINED, VIT158_DTYPE_F32);
    vit158_safetensors *ours = open_file(OUT);
    vit158_safetensors *theirs = open_file(TINY "ternary-6.safetensors");
    const vit158_header *header = vit158_safetensors_header(theirs);
    assert_int_equal(vit158_safetensors_header(ours)->tensor_count, header->tensor_count);
    unsigned matrices = 0;
    for (uint32_t i = 0; i < header->tensor_count; i++) {
        const vit158_tensor_entry *want = &header->tensors[i];
        const vit158_tensor_entry *got = vit158_safetensors_find(ours, want->name);
        assert_non_null(got);
        assert_int_equal(got->dtype, want->dtype);
        assert_int_equal(got->rank, want->rank);
        assert_memory_equal(got->shape, want->shape, sizeof want->shape);
        uint8_t *a = tensor_bytes(ours, got);
        uint8_t *b = tensor_bytes(theirs, want);
        if (memcmp(a, b, (size_t)(want->end - want->begin)) != 0)
            fail_msg("%s differs", want->name);
        free(a);
        free(b);
        matrices += want->dtype == VIT158_DTYPE_U8;
    }
    assert_int_equal(matrices, 8);
    vit158_safetensors_close(ours);
    vit158_safetensors_close(theirs);
    remove(OUT);
}

static void test_bootstrap_packs_as_by_numpy(void **state)
{
    (void)state;
    char path[1024];
    need_shared(path, "checkpoints/cifar10-bootstrap.safetensors");
    pack_or_fail(path, VIT158_PACK_TRAINED, VIT158_DTYPE_F16);
    vit158_safetensors *file = open_file(OUT);
    FILE *golden = fopen(VIT158_TEST_DATA "/pack/bootstrap_codes.txt", "r");
    assert_non_null(golden);
    char name[64], digest[65];
    unsigned scale_bits, matrices = 0;
    while (fscanf(golden, "%63s %x %64s", name, &scale_bits, digest) == 3) {
        const vit158_tensor_entry *entry = vit158_safetensors_find(file, name);
        assert_non_null(entry);
        uint8_t *codes = tensor_bytes(file, entry);
        char ours[65];
        vit158_sha256_hex(ours, codes, (size_t)(entry->end - entry->begin));
        assert_string_equal(ours, digest);
        free(codes);
        float scale;
        strcpy(strrchr(name, '.'), ".scale");
        assert_int_equal(vit158_safetensors_get_f32(file, name, &scale, 1, NULL), VIT158_OK);
        assert_int_equal(vit158_bits_from_float(scale), scale_bits);
        matrices++;
    }
    assert_int_equal(matrices, 24);
    fclose(golden);
    vit158_safetensors_close(file);
    remove(OUT);
}

/* ---- pack ---- */

static void test_f16_rest_is_the_nearest(void **state)
{
    (void)state;
    pack_or_fail(TINY "latent-6.safetensors", VIT158_PACK_TRAINED, VIT158_DTYPE_F16);
    vit158_safetensors *packed = open_file(OUT);
    vit158_safetensors *latent = open_file(TINY "latent-6.safetensors");
    const vit158_header *header = vit158_safetensors_header(packed);
    unsigned halves = 0;
    for (uint32_t i = 0; i < header->tensor_count; i++) {
        const vit158_tensor_entry *entry = &header->tensors[i];
        if (entry->dtype != VIT158_DTYPE_F16)
            continue;
        const size_t n = (size_t)entry->n_elements;
        float *values = malloc(n * sizeof *values);
        assert_non_null(values);
        uint16_t *stored = (uint16_t *)(void *)tensor_bytes(packed, entry);
        assert_int_equal(vit158_safetensors_get_f32(latent, entry->name, values, n, NULL), 0);
        for (size_t k = 0; k < n; k++) {
            uint16_t want;
            assert_true(vit158_f16_narrow(&want, values[k]));
            assert_int_equal(stored[k], want);
        }
        free(values);
        free(stored);
        halves++;
    }
    assert_int_equal(halves, 8 + 2 * 16);
    vit158_safetensors_close(packed);
    vit158_safetensors_close(latent);
    remove(OUT);
}

static void test_packing_is_deterministic(void **state)
{
    (void)state;
    size_t n_bytes[2];
    uint8_t *bytes[2];
    for (int i = 0; i < 2; i++) {
        pack_or_fail(TINY "latent-6.safetensors", VIT158_PACK_TRAINED, VIT158_DTYPE_F16);
        bytes[i] = read_all(OUT, &n_bytes[i]);
    }
    assert_int_equal(n_bytes[0], n_bytes[1]);
    assert_memory_equal(bytes[0], bytes[1], n_bytes[0]);
    free(bytes[0]);
    free(bytes[1]);
    remove(OUT);
}

static void write_file(const char *path, file_bytes file)
{
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(file.data, 1, file.n_bytes, out), file.n_bytes);
    fclose(out);
    free(file.data);
}

static file_parts *parts_of_file(const char *path)
{
    file_bytes file;
    file.data = read_all(path, &file.n_bytes);
    file_parts *parts = parts_of(file);
    free(file.data);
    return parts;
}

#define IN "test_model_pack.in.safetensors"

static void test_values_that_f16_cannot_hold_are_refused(void **state)
{
    (void)state;
    file_parts *parts = parts_of_file(TINY "latent-6.safetensors");
    const float large = 65520.0F;
    memcpy(parts_tensor(parts, "head.bias")->data + 8, &large, sizeof large);
    write_file(IN, parts_build(parts));
    parts_free(parts);
    refuse(IN, VIT158_PACK_TRAINED, VIT158_DTYPE_F16, NULL, VIT158_E_VALUE,
           "head.bias: value 2 does not fit F16");
    pack_or_fail(IN, VIT158_PACK_TRAINED, VIT158_DTYPE_F32);
    remove(OUT);
    remove(IN);
}

static void test_only_models_trained_to_be_ternary(void **state)
{
    (void)state;
    static const char plain[] = TINY "float-2.safetensors";
    static const char latent[] = TINY "latent-6.safetensors";
    refuse(plain, VIT158_PACK_TRAINED, VIT158_DTYPE_F16, NULL, VIT158_E_UNSUPPORTED, "--ternarize");
    refuse(TINY "float-6.safetensors", VIT158_PACK_TRAINED, VIT158_DTYPE_F16, NULL,
           VIT158_E_UNSUPPORTED, "--ternarize");
    refuse(TINY "ternary-6.safetensors", VIT158_PACK_TRAINED, VIT158_DTYPE_F16, NULL,
           VIT158_E_UNSUPPORTED, "packed already");
    refuse(latent, VIT158_PACK_FLOAT, VIT158_DTYPE_F16, NULL, VIT158_E_UNSUPPORTED, "latent");
    refuse("absent", VIT158_PACK_TRAINED, VIT158_DTYPE_F16, NULL, VIT158_E_IO,
           "there is no such file");
    vit158_pack_report report;
    vit158_error error;
    assert_int_equal(pack(plain, VIT158_PACK_TERNARIZE, VIT158_DTYPE_F16, NULL, &report, &error),
                     VIT158_OK);
    assert_true(report.untrained);
    assert_int_equal(report.info.ternary_parameters, 2 * (4 * 24 * 24 + 2 * 24 * 44));
    assert_true(report.zeros > 0 && report.zeros < report.info.ternary_parameters);
    assert_int_equal(pack(latent, VIT158_PACK_TERNARIZE, VIT158_DTYPE_F16, NULL, &report, &error),
                     VIT158_OK);
    assert_false(report.untrained);
    remove(OUT);
}

static void test_float_stays_float(void **state)
{
    (void)state;
    static const char plain[] = TINY "float-2.safetensors";
    pack_or_fail(plain, VIT158_PACK_FLOAT, VIT158_DTYPE_F32);
    vit158_safetensors *ours = open_file(OUT);
    vit158_safetensors *theirs = open_file(plain);
    const vit158_header *header = vit158_safetensors_header(theirs);
    for (uint32_t i = 0; i < header->tensor_count; i++) {
        const vit158_tensor_entry *got = vit158_safetensors_find(ours, header->tensors[i].name);
        assert_non_null(got);
        uint8_t *a = tensor_bytes(ours, got);
        uint8_t *b = tensor_bytes(theirs, &header->tensors[i]);
        assert_memory_equal(a, b, (size_t)(got->end - got->begin));
        free(a);
        free(b);
    }
    vit158_safetensors_close(ours);
    vit158_safetensors_close(theirs);
    pack_or_fail(plain, VIT158_PACK_FLOAT, VIT158_DTYPE_F16);
    remove(OUT);
}

static void test_additional_metadata(void **state)
{
    (void)state;
    file_parts *parts = parts_of_file(TINY "latent-6.safetensors");
    parts_set(parts, "heads", NULL);
    parts_set(parts, "mean", NULL);
    parts_set(parts, "format", "pt");
    write_file(IN, parts_build(parts));
    parts_free(parts);
    refuse(IN, VIT158_PACK_TRAINED, VIT158_DTYPE_F16, NULL, VIT158_E_METADATA, "heads");
    refuse(IN, VIT158_PACK_TRAINED, VIT158_DTYPE_F16, "{\"heads\":\"3\"}", VIT158_E_METADATA,
           "mean");
    refuse(IN, VIT158_PACK_TRAINED, VIT158_DTYPE_F16, "{\"heads\":3}", VIT158_E_JSON, "string");
    refuse(IN, VIT158_PACK_TRAINED, VIT158_DTYPE_F16, "heads=3", VIT158_E_JSON, "object");
    refuse(IN, VIT158_PACK_TRAINED, VIT158_DTYPE_F16,
           "{},\"x\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}", VIT158_E_JSON,
           "object of strings");
    vit158_error error;
    static const char both[] = "{\"heads\":\"3\",\"mean\":\"0.1,0.2,0.3\",\"source\":\"here\"}";
    if (pack(IN, VIT158_PACK_TRAINED, VIT158_DTYPE_F16, both, NULL, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    vit158_safetensors *file = open_file(OUT);
    const vit158_header *header = vit158_safetensors_header(file);
    static const char *const want[][2] = {{"format", "vit158"}, {"format_version", "1"},
                                          {"heads", "3"},       {"mean", "0.1,0.2,0.3"},
                                          {"source", "here"},   {"dim", "24"},
                                          {"license", "MIT"},   {"architecture", "vit-1.58b"},
                                          {"image_size", "20"}, {"inner_norm_eps", "1e-05"}};
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
        assert_string_equal(vit158_header_metadata(header, want[i][0]), want[i][1]);
    vit158_safetensors_close(file);
    remove(OUT);
    remove(IN);
}

static void test_untrained_ternarization(void **state)
{
    (void)state;
    /* mean |w| = 1, threshold 0.7: survivors 2, -0.9, 0.8, 0.71. */
    const float w[5] = {2.0F, -0.9F, 0.8F, 0.71F, -0.59F};
    const int8_t want[5] = {1, -1, 1, 1, 0};
    int8_t u[5];
    const float scale = vit158_ternarize_untrained(u, w, 1, 5);
    assert_memory_equal(u, want, sizeof want);
    assert_true(scale > 1.1024F && scale < 1.1026F);
    const float zeros[4] = {0};
    assert_true(vit158_ternarize_untrained(u, zeros, 2, 2) == 1e-5F);
    assert_int_equal(u[3], 0);
}

/* ---- Sizes ---- */

/* The facts of a model file. */
static vit158_facts facts_of(const char *path)
{
    vit158_model *const model = test_open_model(path);
    vit158_facts facts = {0};
    vit158_error error;
    if (vit158_facts_of_model(&facts, model, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    vit158_model_close(model);
    return facts;
}

static void check_formula(const char *path, uint64_t n_bytes)
{
    vit158_facts facts = facts_of(path);
    assert_int_equal(facts.formula_bytes, n_bytes);
    assert_int_equal(facts.info.file_bytes, n_bytes);
    assert_int_equal(
        facts.bytes.header + facts.bytes.matrices + facts.bytes.scales + facts.bytes.rest, n_bytes);
    vit158_facts_clear(&facts);
}

static void test_size_formula_on_real_files(void **state)
{
    (void)state;
    static const vit158_encoding encodings[] = {VIT158_ENCODING_TRIT, VIT158_ENCODING_F32,
                                                VIT158_ENCODING_I8};
    for (int form = 0; form < 72; form++) {
        vit158_synth_options options = synth_small();
        options.encoding = encodings[form % 3];
        options.outer_norms = form / 3 % 3 != 1;
        options.inner_norms = form / 3 % 3 != 2;
        options.rest = form / 9 % 2 == 0 ? VIT158_DTYPE_F32 : VIT158_DTYPE_F16;
        options.row_scales = form / 18 % 2 == 1;
        options.channels = form / 36 == 0 ? 1 : 3;
        options.classes = 1 + (uint32_t)form;
        vit158_model_info info;
        assert_int_equal(vit158_synth_file(OUT, &options, &info, NULL), VIT158_OK);
        check_formula(OUT, info.file_bytes);
    }
    vit158_pack_report report;
    vit158_error error;
    assert_int_equal(pack(TINY "latent-6.safetensors", VIT158_PACK_TRAINED, VIT158_DTYPE_F16, NULL,
                          &report, &error),
                     VIT158_OK);
    check_formula(OUT, report.info.file_bytes);
    remove(OUT);
}

/* FORMAT.md's example: ViT-L/16 at 224 pixels. */
static void test_size_formula_of_vit_l(void **state)
{
    (void)state;
    const vit158_model_info info = {.patch_size = 16,
                                    .channels = 3,
                                    .dim = 1024,
                                    .depth = 24,
                                    .mlp_dim = 4096,
                                    .classes = 1000,
                                    .tokens = 197};
    vit158_stored_form form = {.outer_norms = true,
                               .inner_norms = true,
                               .encoding = VIT158_ENCODING_TRIT,
                               .rest = VIT158_DTYPE_F16};
    const uint64_t codes = 24ULL * (205 * 8192 + 820 * 1024);
    assert_int_equal(codes, 60456960);
    const uint64_t floats = 319488 + 24 * 14 * 1024 + 2017256; /* METHODS.md 1.5 */
    assert_int_equal(vit158_file_size_formula(&info, &form, 0), codes + 4 * 96 + 2 * floats);
    form.encoding = VIT158_ENCODING_F32;
    form.rest = VIT158_DTYPE_F32;
    form.inner_norms = false;
    assert_int_equal(vit158_file_size_formula(&info, &form, 8), 8 + 4ULL * 304326632);
}

/* ---- Facts ---- */

static void test_facts(void **state)
{
    (void)state;
    vit158_safetensors *latent = open_file(TINY "latent-6.safetensors");
    vit158_facts stored = facts_of(TINY "ternary-6.safetensors"), foretold;
    bool is_latent = false;
    assert_int_equal(vit158_is_latent(&is_latent, latent, NULL), VIT158_OK);
    assert_true(is_latent);
    assert_int_equal(vit158_facts_of_latent(&foretold, latent, NULL), VIT158_OK);
    assert_int_equal(stored.kind, VIT158_FILE_TERNARY);
    assert_int_equal(foretold.kind, VIT158_FILE_LATENT);
    assert_int_equal(stored.info.parameters, foretold.info.parameters);
    assert_int_equal(stored.matrix_count, 8);
    assert_int_equal(foretold.matrix_count, 8);
    for (uint32_t i = 0; i < 8; i++) {
        assert_true(stored.matrices[i].ternary && foretold.matrices[i].ternary);
        assert_true(stored.matrices[i].zeros > 0 && stored.matrices[i].scale > 0.0F);
        assert_int_equal(stored.matrices[i].zeros, foretold.matrices[i].zeros);
        assert_true(stored.matrices[i].scale == foretold.matrices[i].scale);
    }
    vit158_facts_clear(&stored);
    vit158_facts_clear(&foretold);
    vit158_safetensors_close(latent);
    stored = facts_of(TINY "float-4.safetensors");
    assert_int_equal(stored.kind, VIT158_FILE_DENSE);
    assert_false(stored.form.outer_norms);
    assert_false(stored.matrices[0].ternary);
    vit158_facts_clear(&stored);
}

static void test_synth_is_seeded(void **state)
{
    (void)state;
    vit158_synth_options options = synth_small();
    file_bytes first = synth_bytes(&options);
    file_bytes again = synth_bytes(&options);
    assert_int_equal(first.n_bytes, again.n_bytes);
    assert_memory_equal(first.data, again.data, first.n_bytes);
    free(again.data);
    options.seed = 8;
    again = synth_bytes(&options);
    assert_int_equal(first.n_bytes, again.n_bytes);
    assert_memory_not_equal(first.data + 8 + header_length(first),
                            again.data + 8 + header_length(again), 64);
    free(first.data);
    free(again.data);
    options.image_size = 13;
    assert_int_equal(vit158_synth_file(OUT, &options, NULL, NULL), VIT158_E_ARGUMENT);
    options = synth_small();
    options.heads = 3;
    assert_int_equal(vit158_synth_file(OUT, &options, NULL, NULL), VIT158_E_METADATA);
    options = synth_small();
    options.dim = 0;
    assert_int_equal(vit158_synth_file(OUT, &options, NULL, NULL), VIT158_E_ARGUMENT);
    assert_null(fopen(OUT, "rb"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiny_model_packs_as_by_pytorch),
        cmocka_unit_test(test_bootstrap_packs_as_by_numpy),
        cmocka_unit_test(test_f16_rest_is_the_nearest),
        cmocka_unit_test(test_packing_is_deterministic),
        cmocka_unit_test(test_values_that_f16_cannot_hold_are_refused),
        cmocka_unit_test(test_only_models_trained_to_be_ternary),
        cmocka_unit_test(test_float_stays_float),
        cmocka_unit_test(test_additional_metadata),
        cmocka_unit_test(test_untrained_ternarization),
        cmocka_unit_test(test_size_formula_on_real_files),
        cmocka_unit_test(test_size_formula_of_vit_l),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_synth_is_seeded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
