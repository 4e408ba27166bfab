/* SPDX-License-Identifier: MIT
 *
 * Blocks with heads and hidden widths of their own (FORMAT.md 2.2): what they open as, what the
 * format refuses, and that sizes are those of the formula.
 */
#include "unit/model_parts.h"
#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "model/facts.h"
#include "model/layout.h"
#include "model/pack.h"
#include "vit158.h"

static vit158_synth_options uneven_options(vit158_encoding encoding)
{
    vit158_synth_options options = synth_small();
    options.dim = 12;
    options.heads = 3;
    options.depth = 4;
    options.uneven = true;
    options.inner_norms = encoding == VIT158_ENCODING_TRIT;
    options.encoding = encoding;
    options.seed = 3;
    return options;
}

static file_parts *uneven_parts(vit158_encoding encoding)
{
    const vit158_synth_options options = uneven_options(encoding);
    const file_bytes file = synth_bytes(&options);
    file_parts *const parts = parts_of(file);
    free(file.data);
    return parts;
}

static void test_opens(void **state)
{
    (void)state;
    static const vit158_encoding encodings[] = {VIT158_ENCODING_F32, VIT158_ENCODING_TRIT,
                                                VIT158_ENCODING_I8};
    for (size_t e = 0; e < sizeof encodings / sizeof *encodings; e++) {
        const vit158_synth_options options = uneven_options(encodings[e]);
        const file_bytes file = synth_bytes(&options);
        vit158_model *model;
        vit158_facts facts;
        vit158_error error;
        uint32_t most = 0, widest = 0, kinds = 0;
        if (vit158_model_open(&model, file.data, file.n_bytes, &error) != VIT158_OK)
            fail_msg("%s", error.message);
        assert_int_equal(vit158_facts_of_model(&facts, model, &error), VIT158_OK);
        assert_int_equal(facts.formula_bytes, file.n_bytes);
        assert_int_equal(model->info.head_dim, 4);
        for (uint32_t i = 0; i < model->info.depth; i++) {
            const vit158_block *const b = &model->blocks[i];
            assert_int_equal(b->qkv.n_out, 3 * b->proj.n_in);
            assert_int_equal(b->proj.n_in, 4 * b->heads);
            assert_int_equal(b->fc2.n_in, b->fc1.n_out);
            assert_int_equal(facts.matrices[4 * i + VIT158_PROJ].n_in, b->proj.n_in);
            most = b->heads > most ? b->heads : most;
            widest = b->fc1.n_out > widest ? b->fc1.n_out : widest;
            kinds |= 1U << b->heads;
        }
        assert_int_equal(model->info.heads, most);
        assert_int_equal(model->info.mlp_dim, widest);
        assert_true((kinds & (kinds - 1)) != 0); /* blocks do differ */
        assert_string_equal(vit158_model_metadata(model, "format_version"), "2");
        vit158_facts_clear(&facts);
        vit158_model_close(model);
        free(file.data);
    }
}

static void test_metadata(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value;
        vit158_status status;
        const char *text;
    } cases[] = {
        {"head_dim", "0", VIT158_E_METADATA, "head_dim is not a positive whole number"},
        {"head_dim", "x", VIT158_E_METADATA, "head_dim is not a positive whole number"},
        {"head_dim", "13", VIT158_E_LIMIT, "head_dim: 13 is above the limit of 12"},
        {"head_dim", "5", VIT158_E_METADATA, "heads of 5 do not make up the width"},
        {"head_dim", "2", VIT158_E_METADATA, "heads of 2 do not make up the width"},
        {"heads", "1", VIT158_E_METADATA, "1 heads of 4 do not make up the width"},
        {"heads", "5", VIT158_E_METADATA, "5 heads of 4 do not make up the width"},
        {"heads", "257", VIT158_E_LIMIT, "heads: 257 is above"},
        {"mlp_dim", "1", VIT158_E_METADATA, "mlp_dim: 1, but the tensors' shapes say"},
        {"format_version", "1", VIT158_E_METADATA, "mlp_dim: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        file_parts *const parts = uneven_parts(VIT158_ENCODING_F32);
        parts_set(parts, cases[i].key, cases[i].value);
        refusal_label = cases[i].key;
        parts_refused(parts, cases[i].status, cases[i].text);
    }
}

/* A tensor of block 1 whose first dimension says something else than the biases do. */
static void test_shapes(void **state)
{
    (void)state;
    static const char *const names[] = {"attn.qkv.bias",  "attn.qkv.weight", "attn.proj.weight",
                                        "mlp.fc1.bias",   "mlp.fc1.weight",  "mlp.fc2.weight",
                                        "attn.proj.bias", "mlp.fc2.bias",    "norm1.weight"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        for (uint32_t more = 0; more <= 1; more++) {
            char name[64];
            file_parts *const parts = uneven_parts(VIT158_ENCODING_F32);
            snprintf(name, sizeof name, "blocks.1.%s", names[i]);
            file_tensor *const tensor = parts_tensor(parts, name);
            const uint64_t row = tensor->n_bytes / tensor->shape[0];
            tensor->shape[0] += more == 1 ? 1 : (uint64_t)-1;
            tensor->n_bytes = row * tensor->shape[0];
            free(tensor->data);
            tensor->data = calloc(1, tensor->n_bytes);
            refusal_label = name;
            vit158_model *model;
            vit158_error error;
            const file_bytes file = parts_build(parts);
            const vit158_status status = vit158_model_open(&model, file.data, file.n_bytes, &error);
            if (status != VIT158_E_TENSOR && status != VIT158_E_METADATA)
                fail_msg("%s: status %d", name, (int)status);
            free(file.data);
            parts_free(parts);
        }
}

/* Widths that no block has: the bias of block 1 alone says so. */
static void test_widths_out_of_range(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t length;
        vit158_status status;
        const char *text;
    } biases[] = {
        {"blocks.1.attn.qkv.bias", 3 * 13, VIT158_E_METADATA, "heads of 4"},
        {"blocks.1.mlp.fc1.bias", VIT158_MAX_MLP_DIM + 1, VIT158_E_TENSOR, "blocks.1.mlp.fc1"}};
    for (size_t i = 0; i < sizeof biases / sizeof biases[0]; i++) {
        file_parts *const parts = uneven_parts(VIT158_ENCODING_F32);
        parts_reshape(parts_tensor(parts, biases[i].name), "F32", 1, &biases[i].length, 0);
        refusal_label = biases[i].name;
        parts_refused(parts, biases[i].status, biases[i].text);
    }
}

#define MADE "test_model_uneven.tmp.safetensors"
#define PACKED "test_model_uneven.packed.safetensors"

/* Packs the model of these parts, which are given back, and opens what came of it. */
static vit158_model *pack_parts(file_parts *parts, file_bytes *packed)
{
    const vit158_pack_options how = {.matrices = VIT158_PACK_FLOAT, .rest = VIT158_DTYPE_F32};
    const file_bytes made = parts_build(parts);
    FILE *const out = fopen(MADE, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(made.data, 1, made.n_bytes, out), made.n_bytes);
    assert_int_equal(fclose(out), 0);
    vit158_error error;
    vit158_model *model = NULL;
    if (vit158_pack_file(MADE, PACKED, &how, NULL, &error) != VIT158_OK ||
        vit158_file_read(&packed->data, &packed->n_bytes, PACKED, 1 << 20, &error) != VIT158_OK ||
        vit158_model_open(&model, packed->data, packed->n_bytes, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    remove(MADE);
    remove(PACKED);
    free(made.data);
    parts_free(parts);
    return model;
}

/* Of a version 2 model packing makes one, also where only the MLPs or the activation differ. */
static void test_packs_version_2(void **state)
{
    (void)state;
    static const uint64_t fc1[] = {12, 10}, fc2[] = {10, 12};
    vit158_synth_options options = synth_small();
    options.encoding = VIT158_ENCODING_F32;
    options.inner_norms = false;
    const file_bytes file = synth_bytes(&options);
    file_parts *const parts = parts_of(file);
    parts_set(parts, "format_version", "2");
    parts_reshape(parts_tensor(parts, "blocks.1.mlp.fc1.weight"), "F32", 2, fc1, 0);
    parts_reshape(parts_tensor(parts, "blocks.1.mlp.fc1.bias"), "F32", 1, fc1, 0);
    parts_reshape(parts_tensor(parts, "blocks.1.mlp.fc2.weight"), "F32", 2, fc2, 0);
    file_bytes packed;
    vit158_model *model = pack_parts(parts, &packed);
    assert_string_equal(vit158_model_metadata(model, "format_version"), "2");
    assert_int_equal(model->blocks[0].fc1.n_out, 13);
    assert_int_equal(model->blocks[1].fc1.n_out, 12);
    vit158_model_close(model);
    free(packed.data);

    file_parts *const other = parts_of(file); /* even, but not plain */
    parts_set(other, "format_version", "2");
    parts_set(other, "activation", "gelu_tanh");
    model = pack_parts(other, &packed);
    assert_string_equal(vit158_model_metadata(model, "format_version"), "2");
    vit158_model_close(model);
    free(packed.data);
    free(file.data);

    model = pack_parts(uneven_parts(VIT158_ENCODING_F32), &packed);
    assert_string_equal(vit158_model_metadata(model, "format_version"), "2");
    assert_string_equal(vit158_model_metadata(model, "head_dim"), "4");
    vit158_model_close(model);
    free(packed.data);
}

/* A plain model without the key is one with it. */
static void test_head_dim_of_even_blocks(void **state)
{
    (void)state;
    vit158_synth_options options = synth_small();
    const file_bytes file = synth_bytes(&options);
    file_parts *const parts = parts_of(file);
    vit158_model *model;
    parts_set(parts, "head_dim", "7"); /* of version 1: ignored, as ever */
    file_bytes other = parts_build(parts);
    assert_int_equal(vit158_model_open(&model, other.data, other.n_bytes, NULL), VIT158_OK);
    assert_int_equal(model->info.head_dim, 5);
    vit158_model_close(model);
    free(other.data);
    parts_set(parts, "format_version", "2");
    refusal_label = "head_dim 7";
    parts_refused(parts, VIT158_E_METADATA, "2 heads of 7 do not make up the width");
    free(file.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens),           cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_shapes),          cmocka_unit_test(test_widths_out_of_range),
        cmocka_unit_test(test_packs_version_2), cmocka_unit_test(test_head_dim_of_even_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
