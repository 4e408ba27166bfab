/* SPDX-License-Identifier: MIT
 *
 * What format version 2 adds: sums of ternary rows, stored steps, int8 patch, head and positions.
 * Every rule broken once; sessions against the naive forward pass, and the same bits everywhere.
 */
#include "unit/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "model/facts.h"
#include "model/names.h"
#include "unit/model_parts.h"
#include "unit/naive_forward.h"

#define QKV "blocks.0.attn.qkv"
#define FC2 "blocks.1.mlp.fc2"

static vit158_synth_options options_of(uint32_t rows, bool more)
{
    vit158_synth_options options = synth_small();
    options.rows = rows;
    options.parts = more ? 1U << VIT158_LINEAR_STEP : 0;
    options.int8_rest = more;
    options.rest = more ? VIT158_DTYPE_F16 : VIT158_DTYPE_F32;
    return options;
}

static file_parts *fresh(void)
{
    const vit158_synth_options options = options_of(VIT158_SYNTH_MIXED, true);
    const file_bytes file = synth_bytes(&options);
    file_parts *parts = parts_of(file);
    free(file.data);
    return parts;
}

/* ---- Rules ---- */

static void refuse_byte(const char *name, uint8_t byte, const char *text)
{
    file_parts *parts = fresh();
    parts_tensor(parts, name)->data[1] = byte;
    parts_refused(parts, VIT158_E_VALUE, text);
}

static void test_row_counts(void **state)
{
    (void)state;
    refuse_byte(QKV ".rows", 0, "byte 1 is 0, not a count of rows");
    refuse_byte(QKV ".rows", 5, "byte 1 is 5, not a count of rows");
    file_parts *parts = fresh();
    uint8_t *counts = parts_tensor(parts, FC2 ".rows")->data;
    counts[0] = counts[0] == 4 ? 1 : (uint8_t)(counts[0] + 1);
    parts_refused(parts, VIT158_E_VALUE, FC2 ".rows: counts of");
    parts = fresh(); /* one count for all, which gives another sum */
    parts_reshape(parts_tensor(parts, QKV ".rows"), "U8", 1, (uint64_t[]){1}, 0);
    parts_tensor(parts, QKV ".rows")->data[0] = 4;
    parts_refused(parts, VIT158_E_VALUE, "counts of 120 rows");
    parts = fresh(); /* found when the counts come, be it after the codes */
    file_tensor last = *parts_tensor(parts, QKV ".rows");
    last.data[0] = last.data[0] == 4 ? 1 : (uint8_t)(last.data[0] + 1);
    uint8_t *data = malloc(last.n_bytes);
    assert_non_null(data);
    memcpy(data, last.data, last.n_bytes);
    parts_remove(parts, QKV ".rows");
    file_tensor *moved = parts_add(parts, QKV ".rows", "U8", 1, last.shape, 0);
    memcpy(moved->data, data, last.n_bytes);
    free(data);
    parts_refused(parts, VIT158_E_VALUE, QKV ".rows: counts of");
}

static void test_presence_and_shapes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *text;
    } needed[] = {{QKV ".rows", "is missing"},
                  {QKV ".scale", "is missing"},
                  {"head.scale", "is missing"},
                  {"pos_embed.scale", "is missing"},
                  {"patch_embed.proj.scale", "is missing"}};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        file_parts *parts = fresh();
        parts_remove(parts, needed[i].name);
        refusal_label = needed[i].name;
        parts_refused(parts, VIT158_E_TENSOR, needed[i].text);
        parts = fresh();
        file_tensor *tensor = parts_tensor(parts, needed[i].name);
        parts_reshape(tensor, tensor->dtype, 1, (uint64_t[]){tensor->shape[0] + 1}, 0);
        parts_refused(parts, VIT158_E_TENSOR, "shape");
    }
    refusal_label = "";
    file_parts *parts = fresh();
    parts_reshape(parts_tensor(parts, QKV ".scale"), "F16", 1, (uint64_t[]){1}, 0);
    parts_refused(parts, VIT158_E_TENSOR, "shape"); /* one scale is for one row an output */
    parts = fresh();
    parts_reshape(parts_tensor(parts, QKV ".step"), "F32", 1, (uint64_t[]){2}, 0);
    parts_refused(parts, VIT158_E_TENSOR, "shape");
    parts = fresh();
    parts_reshape(parts_tensor(parts, QKV ".step"), "F16", 1, (uint64_t[]){1}, 0);
    parts_refused(parts, VIT158_E_TENSOR, "F16");
    vit158_synth_options plain = synth_small();
    file_bytes file = synth_bytes(&plain);
    parts = parts_of(file);
    parts_add(parts, QKV ".rows", "U8", 1, (uint64_t[]){30}, 0);
    parts_refused(parts, VIT158_E_TENSOR, "says no rows");
    parts = parts_of(file);
    parts_add(parts, "head.scale", "F32", 1, (uint64_t[]){3}, 0);
    parts_refused(parts, VIT158_E_TENSOR, "needs no scale");
    free(file.data);
    plain.encoding = VIT158_ENCODING_F32;
    file = synth_bytes(&plain);
    parts = parts_of(file);
    parts_add(parts, QKV ".step", "F32", 1, (uint64_t[]){1}, 0);
    parts_refused(parts, VIT158_E_TENSOR, "not coded");
    free(file.data);
}

static void test_values(void **state)
{
    (void)state;
    refuse_byte("head.weight", 0x80, "not an int8 weight");
    refuse_byte("pos_embed", 0x80, "not an int8 weight");
    static const char *const scales[] = {QKV ".scale", "head.scale", "pos_embed.scale"};
    static const uint16_t bad[] = {0, 0x8000, 0xBC00, 0x7C00, 0x7E00}; /* 0, -0, -1, inf, NaN */
    for (size_t i = 0; i < sizeof scales / sizeof scales[0]; i++) {
        for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
            file_parts *parts = fresh();
            memcpy(parts_tensor(parts, scales[i])->data + 2, &bad[k], 2);
            parts_refused(parts, VIT158_E_VALUE, "value 1 is not a finite number above 0");
        }
    }
    const float steps[] = {0.0F, -1.0F, INFINITY, NAN};
    for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++) {
        file_parts *parts = fresh();
        memcpy(parts_tensor(parts, FC2 ".step")->data, &steps[k], 4);
        parts_refused(parts, VIT158_E_VALUE, "value 0 is not a finite number above 0");
    }
}

static void refuse_encodings(const char *encodings, const char *text)
{
    file_parts *parts = fresh();
    parts_set(parts, "encodings", encodings);
    parts_refused(parts, VIT158_E_METADATA, text);
}

static void test_metadata(void **state)
{
    (void)state;
    file_parts *parts = fresh();
    parts_set(parts, "format_version", "1");
    parts_refused(parts, VIT158_E_METADATA, "needs version 2, not 1");
#define ROWS(type, rows)                                                                           \
    "{\"" QKV ".weight\":{\"type\":\"" type "\",\"n_in\":10,\"n_out\":30,\"rows\":" rows "}}"
    refuse_encodings(ROWS("trit", "29"), "29 rows for 30 outputs");
    refuse_encodings(ROWS("trit", "121"), "121 rows for 30 outputs");
    refuse_encodings(ROWS("trit", "18446744073709551615"), "rows for 30 outputs");
    refuse_encodings(ROWS("trit", "40,\"rows\":40"), "repeated");
    refuse_encodings("{\"head.weight\":{\"type\":\"i8\",\"n_in\":10,\"n_out\":3,\"rows\":3}}",
                     "trit matrices only");
    refuse_encodings("{\"pos_embed\":{\"type\":\"i8\",\"n_in\":10,\"n_out\":9}}", "n_out 9");
    refuse_encodings("{\"head.weight\":{\"type\":\"f32\",\"n_in\":10,\"n_out\":3}}", "f32 needs");
}

/* ---- Results ---- */

static vit158_model *open_model(const vit158_synth_options *options)
{
    const file_bytes file = synth_bytes(options);
    vit158_model *model = NULL;
    vit158_error error;
    if (vit158_model_open(&model, file.data, file.n_bytes, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    /* In pieces, without its length, it is the same model. */
    vit158_loader *loader = NULL;
    vit158_model *again = NULL;
    assert_int_equal(vit158_loader_create(&loader, 0, NULL), VIT158_OK);
    for (size_t at = 0; at < file.n_bytes; at += 13)
        assert_int_equal(vit158_loader_push(loader, file.data + at,
                                            file.n_bytes - at < 13 ? file.n_bytes - at : 13, NULL),
                         VIT158_OK);
    assert_int_equal(vit158_loader_finish(loader, &again, NULL), VIT158_OK);
    vit158_loader_close(loader);
    const vit158_model_info *info = &model->info;
    assert_memory_equal(model->pos, again->pos, (size_t)info->tokens * info->dim * sizeof(float));
    assert_memory_equal(model->head.weight, again->head.weight,
                        (size_t)info->classes * info->dim * sizeof(float));
    assert_int_equal(info->weight_bytes, again->info.weight_bytes);
    vit158_model_close(again);
    free(file.data);
    return model;
}

static void logits_of(float *out, const vit158_model *model, vit158_options options)
{
    const vit158_model_info *info = &model->info;
    const size_t count = (size_t)info->channels * info->image_size * info->image_size;
    float *tensor = malloc(count * sizeof *tensor);
    assert_non_null(tensor);
    vit158_rng rng = vit158_rng_seed(3);
    for (size_t i = 0; i < count; i++)
        tensor[i] = vit158_rng_normal(&rng);
    vit158_session *session = NULL;
    vit158_error error;
    vit158_status status = vit158_session_create(&session, model, &options, &error);
    if (status == VIT158_OK)
        status = vit158_session_set_tensor(session, tensor, count, &error);
    if (status == VIT158_OK)
        status = vit158_session_run(session, NULL, NULL, &error);
    if (status != VIT158_OK)
        fail_msg("%s", error.message);
    memcpy(out, vit158_session_logits(session), info->classes * sizeof *out);
    vit158_session_close(session);
    if (options.explain == 0) {
        free(tensor);
        return;
    }
    double *memory =
        calloc(info->classes + info->dim + ((size_t)info->depth * info->heads + 1) * info->tokens,
               sizeof *memory);
    assert_non_null(memory);
    naive_result naive = {.logits = memory, .embedding = memory + info->classes};
    naive.attention = naive.embedding + info->dim;
    naive.rollout = naive.attention + (size_t)info->depth * info->heads * info->tokens;
    naive_forward(model, tensor, &naive);
    for (uint32_t i = 0; i < info->classes; i++)
        if (!(fabs((double)out[i] - naive.logits[i]) <= 1e-3))
            fail_msg("logit %u is %.9g, expected %.9g", i, (double)out[i], naive.logits[i]);
    free(memory);
    free(tensor);
}

static void test_naive_and_everywhere_the_same(void **state)
{
    (void)state;
    for (uint32_t rows = 1; rows <= VIT158_SYNTH_MIXED; rows++) {
        for (int more = 0; more < 2; more++) {
            vit158_synth_options synth = options_of(rows, more != 0);
            synth.dim = rows == 3 ? 50 : 10; /* the table kernel from 48 rows on */
            synth.mlp_dim = rows == 3 ? 131 : 13;
            vit158_model *model = open_model(&synth);
            assert_int_equal(model->blocks[0].qkv.planes.count > 1, rows > 1);
            assert_int_equal(model->blocks[0].qkv.inputs.step > 0.0F, more);
            float first[3], other[3];
            logits_of(first, model, (vit158_options){.explain = 1, .engine = 1});
            for (uint32_t gemm = 0; gemm < 3; gemm++) {
                for (uint32_t threads = 1; threads < 5; threads++) {
                    logits_of(other, model,
                              (vit158_options){.gemm = (vit158_gemm)gemm, .threads = threads});
                    assert_memory_equal(other, first, sizeof first);
                }
            }
            vit158_model_close(model);
        }
    }
}

/* Parts: many inputs, workers that share them, sums of several rows from all of them. */
static void test_products_in_parts(void **state)
{
    (void)state;
    vit158_synth_options synth = options_of(VIT158_SYNTH_MIXED, true);
    synth.image_size = 32;
    synth.dim = 504;
    synth.heads = 6;
    synth.mlp_dim = 511;
    vit158_model *model = open_model(&synth);
    float first[3], other[3];
    logits_of(first, model, (vit158_options){.engine = 1});
    for (uint32_t threads = 2; threads < 5; threads++) {
        logits_of(other, model, (vit158_options){.gemm = VIT158_GEMM_TABLE, .threads = threads});
        assert_memory_equal(other, first, sizeof first);
    }
    vit158_model_close(model);
}

/* fc1 of a block as int8 weights of 1. */
static void make_fc1_int8(file_parts *parts, uint32_t block, uint32_t n_out, uint32_t n_in)
{
    char fc1[PART_NAME_BYTES], name[PART_NAME_BYTES + 8], encodings[4096];
    snprintf(fc1, sizeof fc1, "blocks.%u.mlp.fc1", block);
    snprintf(name, sizeof name, "%s.rows", fc1);
    parts_remove(parts, name);
    snprintf(name, sizeof name, "%s.scale", fc1);
    const float scale = 0.001F;
    file_tensor *tensor = parts_tensor(parts, name);
    parts_reshape(tensor, "F32", 1, (uint64_t[]){1}, 0);
    memcpy(tensor->data, &scale, sizeof scale);
    snprintf(name, sizeof name, "%s.weight", fc1);
    tensor = parts_tensor(parts, name);
    parts_reshape(tensor, "I8", 2, (uint64_t[]){n_out, n_in}, 0);
    memset(tensor->data, 1, (size_t)n_out * n_in);
    const char *old = parts_value(parts, "encodings"), *entry = strstr(old, name);
    assert_non_null(entry);
    snprintf(encodings, sizeof encodings, "%.*s%s\":{\"type\":\"i8\",\"n_in\":%u,\"n_out\":%u%s",
             (int)(entry - old), old, name, n_in, n_out, strchr(entry, '}'));
    parts_set(parts, "encodings", encodings);
}

/* A layer of few outputs, many rows and very many inputs, beside layers that need little scratch
 * memory: what its own kernel needs is by far the most. (Planned for the table kernel, by rows, and
 * run by the dot kernel, by outputs, scratch was written past its end.) */
static void test_scratch_of_few_outputs(void **state)
{
    (void)state;
    enum { D = 40, F = 16384, ROWS_EACH = 4 };
    vit158_synth_options options = options_of(ROWS_EACH, false);
    options.image_size = 24;
    options.dim = D;
    options.mlp_dim = F;
    const file_bytes file = synth_bytes(&options);
    file_parts *parts = parts_of(file);
    free(file.data);
    for (uint32_t block = 0; block < options.depth; block++)
        make_fc1_int8(parts, block, F, D);
    const file_bytes mixed = parts_build(parts);
    parts_free(parts);
    vit158_model *model = NULL;
    vit158_error error;
    if (vit158_model_open(&model, mixed.data, mixed.n_bytes, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    free(mixed.data);
    assert_int_equal(vit158_plane_rows(&model->blocks[0].fc2.planes, D, 0, D), ROWS_EACH * D);
    vit158_facts facts; /* the formula of a file's size holds for mixed ones, too */
    assert_int_equal(vit158_facts_of_model(&facts, model, NULL), VIT158_OK);
    assert_int_equal(facts.formula_bytes, model->info.file_bytes);
    vit158_facts_clear(&facts);
    float first[3], other[3];
    logits_of(first, model, (vit158_options){.engine = VIT158_ENGINE_SCALAR});
    for (uint32_t threads = 1; threads < 5; threads++) {
        logits_of(other, model, (vit158_options){.threads = threads});
        assert_memory_equal(other, first, sizeof first);
    }
    vit158_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_row_counts),
        cmocka_unit_test(test_presence_and_shapes),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_naive_and_everywhere_the_same),
        cmocka_unit_test(test_products_in_parts),
        cmocka_unit_test(test_scratch_of_few_outputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
