/* SPDX-License-Identifier: MIT
 *
 * What pack makes of float matrices: those that are ternary already keep their scales, int8 with a
 * scale an output, a BF16 rest; and how it names what is wrong with additional metadata.
 */
#include "unit/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/pack.h"
#include "model/ternary.h"
#include "unit/model_files.h"
#include "unit/model_parts.h"
#include "unit/open_model.h"

#define IN "test_pack_kinds_in.tmp.safetensors"
#define OUT "test_pack_kinds.tmp.safetensors"
#define QKV "blocks.0.attn.qkv"

/* A float model without inner norms, whose matrices `change` has changed. */
static void write_float(void (*change)(float *w, uint32_t n_out, uint32_t n_in))
{
    vit158_synth_options options = synth_small();
    options.encoding = VIT158_ENCODING_F32;
    options.inner_norms = false;
    const file_bytes file = synth_bytes(&options);
    file_parts *parts = parts_of(file);
    free(file.data);
    for (size_t i = 0; i < parts->tensor_count; i++) {
        file_tensor *t = &parts->tensors[i];
        if (change != NULL && t->rank == 2 && strncmp(t->name, "blocks.", 7) == 0)
            change((float *)(void *)t->data, (uint32_t)t->shape[0], (uint32_t)t->shape[1]);
    }
    const file_bytes changed = parts_build(parts);
    parts_free(parts);
    FILE *out = fopen(IN, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(changed.data, 1, changed.n_bytes, out), changed.n_bytes);
    assert_int_equal(fclose(out), 0);
    free(changed.data);
}

static vit158_status pack(vit158_pack_matrices matrices, vit158_dtype rest, const char *metadata,
                          vit158_pack_report *report, vit158_error *error)
{
    const vit158_pack_options options = {
        .matrices = matrices, .rest = rest, .metadata_json = metadata};
    return vit158_pack_file(IN, OUT, &options, report, error);
}

static vit158_model *packed(vit158_pack_matrices matrices, vit158_pack_report *report)
{
    vit158_error error;
    if (pack(matrices, VIT158_DTYPE_F32, NULL, report, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    vit158_model *const model = test_open_model(OUT);
    remove(OUT);
    return model;
}

/* ---- Ternary already ---- */

static void one_scale(float *w, uint32_t n_out, uint32_t n_in)
{
    for (size_t i = 0; i < (size_t)n_out * n_in; i++)
        w[i] = w[i] > 0.05F ? 0.37F : w[i] < -0.05F ? -0.37F : 0.0F;
}

static void row_scales(float *w, uint32_t n_out, uint32_t n_in)
{
    one_scale(w, n_out, n_in);
    for (uint32_t o = 0; o < n_out; o++)
        for (uint32_t i = 0; i < n_in; i++)
            w[(size_t)o * n_in + i] *= o == 1 ? 0.0F : 1.0F + (float)o;
}

/* Row o of the packed qkv matrix is the float one. */
static void check_rows(const vit158_model *model, void (*change)(float *, uint32_t, uint32_t))
{
    const vit158_linear *qkv = &model->blocks[0].qkv;
    vit158_synth_options options = synth_small();
    options.encoding = VIT158_ENCODING_F32;
    options.inner_norms = false;
    const file_bytes file = synth_bytes(&options);
    file_parts *parts = parts_of(file);
    float *w = (float *)(void *)parts_tensor(parts, QKV ".weight")->data;
    change(w, qkv->n_out, qkv->n_in);
    int8_t *u = malloc((size_t)qkv->n_out * qkv->n_in);
    assert_non_null(u);
    vit158_unpack_trits(u, qkv->weight, qkv->n_out, qkv->n_in);
    for (uint32_t o = 0; o < qkv->n_out; o++) {
        const float scale = qkv->scale[qkv->scale_count > 1 ? o : 0];
        for (uint32_t i = 0; i < qkv->n_in; i++)
            assert_true((float)u[o * qkv->n_in + i] * scale == w[o * qkv->n_in + i]);
    }
    free(u);
    free(file.data);
    parts_free(parts);
}

static void test_ternary_matrices_keep_their_scales(void **state)
{
    (void)state;
    vit158_pack_report report;
    write_float(one_scale);
    vit158_model *model = packed(VIT158_PACK_TRAINED, &report);
    assert_int_equal(report.kept, 8);
    assert_false(report.untrained);
    assert_int_equal(model->blocks[0].qkv.scale_count, 1);
    check_rows(model, one_scale);
    vit158_model_close(model);
    write_float(row_scales);
    model = packed(VIT158_PACK_TERNARIZE, &report);
    assert_int_equal(report.kept, 8);
    assert_int_equal(model->blocks[0].qkv.scale_count, 30);
    check_rows(model, row_scales);
    vit158_model_close(model);
    write_float(NULL);
    vit158_error error;
    assert_int_equal(pack(VIT158_PACK_TRAINED, VIT158_DTYPE_F16, NULL, NULL, &error),
                     VIT158_E_UNSUPPORTED);
    assert_non_null(strstr(error.message, "--ternarize"));
    remove(IN);
}

/* ---- Int8 and BF16 ---- */

static void test_int8(void **state)
{
    (void)state;
    vit158_pack_report report;
    write_float(NULL);
    vit158_model *exact = packed(VIT158_PACK_FLOAT, NULL);
    vit158_model *model = packed(VIT158_PACK_INT8, &report);
    const vit158_linear *qkv = &model->blocks[0].qkv;
    const float *w = exact->blocks[0].qkv.weight;
    const int8_t *q = qkv->weight;
    assert_int_equal(qkv->encoding, VIT158_ENCODING_I8);
    assert_int_equal(qkv->scale_count, qkv->n_out);
    assert_int_equal(report.info.int8_parameters, 2 * (4 * 100 + 2 * 130));
    for (uint32_t o = 0; o < qkv->n_out; o++) {
        int largest = 0;
        for (uint32_t i = 0; i < qkv->n_in; i++) {
            const float error = (float)q[o * qkv->n_in + i] * qkv->scale[o] - w[o * qkv->n_in + i];
            assert_true(fabsf(error) <= 0.5001F * qkv->scale[o]);
            largest = abs(q[o * qkv->n_in + i]) > largest ? abs(q[o * qkv->n_in + i]) : largest;
        }
        assert_int_equal(largest, 127);
    }
    vit158_model_close(model);
    vit158_model_close(exact);
    remove(IN);
}

static void test_bf16_rest(void **state)
{
    (void)state;
    write_float(NULL);
    vit158_model *exact = packed(VIT158_PACK_FLOAT, NULL);
    vit158_error error;
    if (pack(VIT158_PACK_FLOAT, VIT158_DTYPE_BF16, NULL, NULL, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    vit158_model *const model = test_open_model(OUT);
    size_t different = 0;
    for (size_t i = 0; i < (size_t)10 * 10; i++) {
        assert_true(fabsf(model->pos[i] - exact->pos[i]) <= fabsf(exact->pos[i]) / 256.0F);
        different += model->pos[i] != exact->pos[i];
    }
    assert_true(different > 50);
    vit158_model_close(model);
    vit158_model_close(exact);
    remove(OUT);
    remove(IN);
}

/* ---- Additional metadata ---- */

static void test_metadata_errors_name_the_key(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"source\":\"x\",\"heads\":3}", "the value of heads is not a string"},
        {"{\"labels\":[\"a\"]}", "the value of labels is not a string"},
        {"{\"heads\":\"2\" \"mean\":\"0\"}", "at byte 13, after heads"},
        {"{\"heads\":\"2\",\"heads\":\"3\"}", "heads occurs twice"},
        {"[]", "byte 0"}};
    write_float(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        vit158_error error;
        assert_int_equal(pack(VIT158_PACK_FLOAT, VIT158_DTYPE_F32, cases[i][0], NULL, &error),
                         VIT158_E_JSON);
        if (strstr(error.message, cases[i][1]) == NULL)
            fail_msg("\"%s\" lacks \"%s\"", error.message, cases[i][1]);
    }
    remove(IN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ternary_matrices_keep_their_scales),
        cmocka_unit_test(test_int8),
        cmocka_unit_test(test_bf16_rest),
        cmocka_unit_test(test_metadata_errors_name_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
