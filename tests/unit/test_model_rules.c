/* SPDX-License-Identifier: MIT
 *
 * Malformed model files, part two: tensors, geometry, metadata, encodings and values. Every rule of
 * FORMAT.md's later sections broken once, each with its exact error code.
 */
#include "unit/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/model_parts.h"

#define SHAPE(...)                                                                                 \
    (uint64_t[])                                                                                   \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

/* A valid file, of the small model or of another form of it, to be broken. */
static file_parts *fresh_of(vit158_encoding encoding, vit158_dtype rest)
{
    vit158_synth_options options = synth_small();
    options.encoding = encoding;
    options.rest = rest;
    const file_bytes file = synth_bytes(&options);
    file_parts *parts = parts_of(file);
    free(file.data);
    return parts;
}

static file_parts *fresh(void)
{
    return fresh_of(VIT158_ENCODING_TRIT, VIT158_DTYPE_F32);
}

/* Builds, expects, and ends the parts. */
static void test_unbroken_parts_open(void **state)
{
    (void)state;
    file_parts *parts = fresh();
    const file_bytes file = parts_build(parts);
    vit158_model *model = NULL;
    vit158_error error;
    if (vit158_model_open(&model, file.data, file.n_bytes, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    vit158_model_close(model);
    free(file.data);
    parts_free(parts);
}

/* ---- Tensors ---- */

static void test_every_missing_tensor(void **state)
{
    (void)state;
    file_parts *parts = fresh();
    const size_t count = parts->tensor_count;
    parts_free(parts);
    assert_int_equal(count, 8 + 2 * 24);
    for (size_t i = 0; i < count; i++) {
        parts = fresh();
        char name[PART_NAME_BYTES], text[PART_NAME_BYTES + 16];
        snprintf(name, sizeof name, "%s", parts->tensors[i].name);
        /* Without its matrix an encodings entry names nothing, which is found first. */
        const int coded = strcmp(parts->tensors[i].dtype, "U8") == 0;
        parts_remove(parts, name);
        snprintf(text, sizeof text, "%s is missing", name);
        refusal_label = name;
        parts_refused(parts, coded ? VIT158_E_METADATA : VIT158_E_TENSOR,
                      coded ? "not a matrix of this file" : text);
    }
    refusal_label = "";
}

static void test_every_misshapen_tensor(void **state)
{
    (void)state;
    file_parts *parts = fresh();
    const size_t count = parts->tensor_count;
    parts_free(parts);
    for (size_t i = 0; i < count; i++) {
        parts = fresh();
        file_tensor *tensor = &parts->tensors[i];
        refusal_label = tensor->name;
        uint64_t shape[PART_MAX_RANK];
        memcpy(shape, tensor->shape, sizeof shape);
        shape[tensor->rank - 1] += 1;
        parts_reshape(tensor, tensor->dtype, tensor->rank, shape, 0);
        /* Shapes that give the geometry contradict the metadata instead. */
        const int leads = strcmp(tensor->name, "head.bias") == 0 ||
                          strcmp(tensor->name, "blocks.0.mlp.fc1.bias") == 0;
        parts_refused(parts, leads ? VIT158_E_METADATA : VIT158_E_TENSOR,
                      leads ? "the tensors' shapes" : "shape");
    }
    refusal_label = "";
}

static void test_every_tensor_of_another_rank_or_type(void **state)
{
    (void)state;
    file_parts *parts = fresh();
    const size_t count = parts->tensor_count;
    parts_free(parts);
    for (size_t i = 0; i < count; i++) {
        parts = fresh();
        file_tensor *tensor = &parts->tensors[i];
        refusal_label = tensor->name;
        const int codes = strcmp(tensor->dtype, "U8") == 0;
        parts_reshape(tensor, codes ? "F16" : "I8", tensor->rank, tensor->shape, 0);
        parts_refused(parts, codes ? VIT158_E_METADATA : VIT158_E_TENSOR,
                      codes ? "trit needs" : "I8");
        parts = fresh();
        tensor = &parts->tensors[i];
        if (tensor->rank == VIT158_MAX_RANK) { /* the patch matrix, flattened */
            parts_reshape(tensor, "F32", 2, SHAPE(10, 48), 0);
        } else {
            tensor->shape[tensor->rank] = 1;
            parts_reshape(tensor, tensor->dtype, tensor->rank + 1, tensor->shape, 0);
        }
        parts_refused(parts, VIT158_E_TENSOR, "");
    }
    refusal_label = "";
}

static void refuse_added(const char *name, vit158_status status, const char *text)
{
    file_parts *parts = fresh();
    parts_add(parts, name, "F32", 1, SHAPE(10), 0);
    refusal_label = name;
    parts_refused(parts, status, text);
    refusal_label = "";
}

static void test_unknown_tensors(void **state)
{
    (void)state;
    static const char *const names[] = {"extra",
                                        "dist_token",
                                        "blocks.0.ls1.gamma",
                                        "blocks.0.attn.qkv",
                                        "blocks.",
                                        "blocks.0",
                                        "blocks.0.",
                                        "blocks.00.norm1.weight",
                                        "blocks.-1.x",
                                        "blocks.x.norm1.bias",
                                        "blocks.01.norm1.weight",
                                        "blocks.256.norm1.weight",
                                        "norm1.weight",
                                        "BLOCKS.0.norm1.bias",
                                        "blocks.0.norm1.weight.x",
                                        "blocks.99999999999.norm1.bias",
                                        "__metadata_",
                                        "cls_token.scale",
                                        "blocks.0.attn.qkv.scale.",
                                        "blocks.0.attn.q_norm.weight"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        refuse_added(names[i], VIT158_E_TENSOR, "unknown tensor");
}

static void test_gaps_between_blocks(void **state)
{
    (void)state;
    refuse_added("blocks.3.norm1.weight", VIT158_E_METADATA, "metadata depth");
    file_parts *parts = fresh();
    parts_set(parts, "depth", "4");
    parts_add(parts, "blocks.3.norm1.weight", "F32", 1, SHAPE(10), 0);
    parts_refused(parts, VIT158_E_TENSOR, "blocks.2.norm1.weight is missing");
}

static void remove_all(file_parts *parts, const char *pattern)
{
    for (size_t i = parts->tensor_count; i-- > 0;) {
        if (strstr(parts->tensors[i].name, pattern) != NULL)
            parts_remove(parts, parts->tensors[i].name);
    }
}

static void test_norms(void **state)
{
    (void)state;
    file_parts *parts = fresh();
    remove_all(parts, ".norm"); /* of the blocks: "norm.weight" has no dot before it */
    parts_refused(parts, VIT158_E_TENSOR, "no norms");
    parts = fresh();
    remove_all(parts, "norm1");
    parts_refused(parts, VIT158_E_TENSOR, "norm1.weight is missing");
    parts = fresh();
    remove_all(parts, "attn.qkv.norm");
    parts_refused(parts, VIT158_E_TENSOR, "qkv.norm.weight is missing");
    parts = fresh();
    remove_all(parts, "blocks.1.norm");
    parts_refused(parts, VIT158_E_TENSOR, "blocks.1.norm1.weight is missing");
}

/* ---- Geometry ---- */

/* Claims a shape without bringing the data: refused as soon as the header is there. */
static void refuse_shape(const char *name, uint32_t rank, const uint64_t *shape,
                         vit158_status status, const char *text)
{
    file_parts *parts = fresh();
    parts_reshape(parts_tensor(parts, name), "F32", rank, shape, 1);
    parts_refused(parts, status, text);
}

static void test_geometry(void **state)
{
    (void)state;
    static const char patch[] = "patch_embed.proj.weight";
    refuse_shape(patch, 4, SHAPE(4097, 3, 4, 4), VIT158_E_LIMIT, "dim: 4097");
    refuse_shape(patch, 4, SHAPE(10, 3, 129, 129), VIT158_E_LIMIT, "patch_size: 129");
    refuse_shape(patch, 4, SHAPE(10, 2, 4, 4), VIT158_E_UNSUPPORTED, "2 channels");
    refuse_shape(patch, 4, SHAPE(10, 3, 4, 5), VIT158_E_TENSOR, "patch_embed.proj.weight");
    refuse_shape(patch, 4, SHAPE(0, 3, 4, 4), VIT158_E_TENSOR, "dim is 0");
    refuse_shape(patch, 4, SHAPE(10, 3, 0, 4), VIT158_E_TENSOR, "patch_size is 0");
    refuse_shape(patch, 4, SHAPE(1ULL << 33, 3, 4, 4), VIT158_E_LIMIT, "dim: 8589934592");
    refuse_shape("pos_embed", 3, SHAPE(1, 4226, 10), VIT158_E_LIMIT, "tokens: 4226");
    refuse_shape("pos_embed", 3, SHAPE(1, 11, 10), VIT158_E_TENSOR, "square grid");
    refuse_shape("pos_embed", 3, SHAPE(1, 9, 10), VIT158_E_TENSOR, "square grid");
    refuse_shape("pos_embed", 3, SHAPE(1, 1, 10), VIT158_E_TENSOR, "square grid");
    refuse_shape("pos_embed", 3, SHAPE(1, 0, 10), VIT158_E_TENSOR, "tokens is 0");
    refuse_shape("pos_embed", 3, SHAPE(1, 17, 10), VIT158_E_METADATA, "image_size: 12");
    refuse_shape("head.bias", 1, SHAPE(65537), VIT158_E_LIMIT, "classes: 65537");
    refuse_shape("head.bias", 1, SHAPE(0), VIT158_E_TENSOR, "classes is 0");
    refuse_shape("blocks.0.mlp.fc1.bias", 1, SHAPE(16385), VIT158_E_LIMIT, "mlp_dim: 16385");
    file_parts *parts = fresh();
    parts_reshape(parts_tensor(parts, patch), "F32", 4, SHAPE(10, 3, 128, 128), 1);
    parts_reshape(parts_tensor(parts, "pos_embed"), "F32", 3, SHAPE(1, 290, 10), 1);
    parts_refused(parts, VIT158_E_LIMIT, "image_size: 2176");
}

/* ---- Metadata ---- */

typedef struct setting {
    const char *key;
    const char *value; /* NULL = removed */
    vit158_status status;
    const char *message;
} setting;

static void try_settings(const setting *settings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        file_parts *parts = fresh();
        parts_set(parts, settings[i].key, settings[i].value);
        refusal_label = settings[i].value != NULL ? settings[i].value : settings[i].key;
        parts_refused(parts, settings[i].status, settings[i].message);
    }
    refusal_label = "";
}
#define TRY(settings) try_settings(settings, sizeof(settings) / sizeof((settings)[0]))

static void test_format_and_geometry_metadata(void **state)
{
    (void)state;
    static const setting settings[] = {
        {"format_version", NULL, VIT158_E_METADATA, "format_version is missing"},
        {"format_version", "3", VIT158_E_UNSUPPORTED, "versions 1 and 2"},
        {"format_version", "", VIT158_E_UNSUPPORTED, "versions 1 and 2"},
        {"image_size", "16", VIT158_E_METADATA, "image_size: 16"},
        {"patch_size", "2", VIT158_E_METADATA, "patch_size: 2"},
        {"channels", "1", VIT158_E_METADATA, "channels: 1"},
        {"dim", "11", VIT158_E_METADATA, "dim: 11"},
        {"depth", "3", VIT158_E_METADATA, "depth: 3"},
        {"mlp_dim", "40", VIT158_E_METADATA, "mlp_dim: 40"},
        {"classes", "10", VIT158_E_METADATA, "classes: 10"},
        {"dim", "ten", VIT158_E_METADATA, "dim is not a positive whole number"},
        {"dim", "0", VIT158_E_METADATA, "dim is not"},
        {"dim", "-10", VIT158_E_METADATA, "dim is not"},
        {"dim", "10.0", VIT158_E_METADATA, "dim is not"},
        {"dim", " 10", VIT158_E_METADATA, "dim is not"},
        {"dim", "99999999999", VIT158_E_METADATA, "dim is not"},
        {"heads", NULL, VIT158_E_METADATA, "heads is missing"},
        {"heads", "3", VIT158_E_METADATA, "do not make up the width"},
        {"heads", "0", VIT158_E_METADATA, "heads is not"},
        {"heads", "20", VIT158_E_METADATA, "do not make up the width"},
        {"heads", "257", VIT158_E_LIMIT, "257"},
    };
    TRY(settings);
}

static void test_recipe_metadata(void **state)
{
    (void)state;
    static const setting settings[] = {
        {"mean", NULL, VIT158_E_METADATA, "mean is missing"},
        {"mean", "0.5,0.5", VIT158_E_METADATA, "mean is not"},
        {"mean", "0.5,0.5,0.5,0.5", VIT158_E_METADATA, "mean is not"},
        {"mean", "0.5,0.5,", VIT158_E_METADATA, "mean is not"},
        {"mean", "0.5;0.5;0.5", VIT158_E_METADATA, "mean is not"},
        {"mean", "nan,0.5,0.5", VIT158_E_METADATA, "mean is not"},
        {"mean", "101,0.5,0.5", VIT158_E_METADATA, "mean is not"},
        {"mean", "1e999,0.5,0.5", VIT158_E_METADATA, "mean is not"},
        {"mean", "", VIT158_E_METADATA, "mean is not"},
        {"std", NULL, VIT158_E_METADATA, "std is missing"},
        {"std", "0.5,0,0.5", VIT158_E_METADATA, "std is not"},
        {"std", "0.5,-0.5,0.5", VIT158_E_METADATA, "std is not"},
        {"std", "0.5,1e-7,0.5", VIT158_E_METADATA, "std is not"},
        {"crop_pct", "0", VIT158_E_METADATA, "crop_pct is not"},
        {"crop_pct", "1.01", VIT158_E_METADATA, "crop_pct is not"},
        {"crop_pct", "0.001", VIT158_E_LIMIT, "crop_pct"},
        {"resize", "11", VIT158_E_METADATA, "less than the image size"},
        {"resize", "4097", VIT158_E_LIMIT, "4097"},
        {"resize", "12.5", VIT158_E_METADATA, "resize is not"},
        {"interpolation", "nearest", VIT158_E_UNSUPPORTED, "nearest"},
        {"resize_mode", "stretch", VIT158_E_UNSUPPORTED, "stretch"},
        {"resize_mode", "squash", VIT158_E_METADATA, "needs version 2"},
        {"pooling", "max", VIT158_E_UNSUPPORTED, "pooling: cls, avg, not max"},
        {"norm_eps", "0", VIT158_E_METADATA, "norm_eps is not"},
        {"norm_eps", "-1e-6", VIT158_E_METADATA, "norm_eps is not"},
        {"norm_eps", "1e-40", VIT158_E_METADATA, "norm_eps is not"},
        {"norm_eps", "1.5", VIT158_E_METADATA, "norm_eps is not"},
        {"inner_norm_eps", "inf", VIT158_E_METADATA, "inner_norm_eps is not"},
        {"unsure", "1.01", VIT158_E_METADATA, "unsure is not"},
        {"unsure", "-0.1", VIT158_E_METADATA, "unsure is not"},
        {"unsure", "-1e-22", VIT158_E_METADATA, "unsure is not"},
        {"unsure", "often", VIT158_E_METADATA, "unsure is not"},
        {"unsure", "", VIT158_E_METADATA, "unsure is not"},
        {"labels", "[\"a\",\"b\"]", VIT158_E_METADATA, "2 labels for 3 classes"},
        {"labels", "[]", VIT158_E_METADATA, "0 labels"},
        {"labels", "[\"a\",\"b\",\"c\",\"d\"]", VIT158_E_METADATA, "4 labels"},
        {"labels", "[\"a\",\"b\",3]", VIT158_E_METADATA, "array of strings"},
        {"labels", "[\"a\",\"b\",\"c\"", VIT158_E_METADATA, "array of strings"},
        {"labels", "[\"a\",\"b\",\"c\"] x", VIT158_E_METADATA, "array of strings"},
        {"labels", "{\"0\":\"a\"}", VIT158_E_METADATA, "array of strings"},
        {"labels", "a,b,c", VIT158_E_METADATA, "array of strings"},
    };
    TRY(settings);
}

/* ---- Encodings ---- */

#define QKV "blocks.0.attn.qkv.weight"
#define ENTRY(type, n_in, n_out)                                                                   \
    "{\"" QKV "\":{\"type\":\"" type "\",\"n_in\":" n_in ",\"n_out\":" n_out "}}"

static void test_encodings(void **state)
{
    (void)state;
    static const setting settings[] = {
        {"encodings", NULL, VIT158_E_METADATA, "has no entry"},
        {"encodings", "{}", VIT158_E_METADATA, "has no entry"},
        {"encodings", ENTRY("trit", "10", "30"), VIT158_E_METADATA, "proj.weight, stored as U8"},
        {"encodings", "[]", VIT158_E_METADATA, "object"},
        {"encodings", "", VIT158_E_METADATA, "object"},
        {"encodings", "{} {}", VIT158_E_METADATA, "after the end"},
        {"encodings", "{\"" QKV "\":\"trit\"}", VIT158_E_METADATA, "object"},
        {"encodings", ENTRY("i4", "10", "30"), VIT158_E_UNSUPPORTED, "i4"},
        {"encodings", ENTRY("q8", "10", "30"), VIT158_E_METADATA, "unknown type q8"},
        {"encodings", ENTRY("f32", "10", "30"), VIT158_E_METADATA, "f32 needs elements of F32"},
        {"encodings", ENTRY("i8", "10", "30"), VIT158_E_METADATA, "i8 needs elements of I8"},
        {"encodings", ENTRY("trit", "11", "30"), VIT158_E_METADATA, "n_in 11"},
        {"encodings", ENTRY("trit", "10", "29"), VIT158_E_METADATA, "n_out 29"},
        {"encodings", ENTRY("trit", "\"10\"", "30"), VIT158_E_METADATA, "whole number"},
        {"encodings", ENTRY("trit", "10", "30,\"n_out\":30"), VIT158_E_METADATA, "repeated"},
        {"encodings", ENTRY("trit", "10", "30,\"group\":5"), VIT158_E_METADATA, "unknown member"},
        {"encodings", "{\"" QKV "\":{\"type\":\"trit\",\"n_in\":10}}", VIT158_E_METADATA, "lacks"},
        {"encodings", "{\"" QKV "\":{\"n_in\":10,\"n_out\":30}}", VIT158_E_METADATA, "lacks"},
        {"encodings", "{\"cls_token\":{\"type\":\"f32\",\"n_in\":10,\"n_out\":1}}",
         VIT158_E_METADATA, "not a matrix"},
        {"encodings", "{\"blocks.7.attn.qkv.weight\":{}}", VIT158_E_METADATA, "not a matrix"},
        {"encodings", "{\"blocks.0.attn.qkv.bias\":{}}", VIT158_E_METADATA, "not a matrix"},
        {"encodings", "{\"blocks.0.norm1.weight\":{}}", VIT158_E_METADATA, "not a matrix"},
    };
    TRY(settings);
    file_parts *parts = fresh();
    const char *all = parts_value(parts, "encodings");
    const size_t n_bytes = strlen(all) + 128;
    char *twice = malloc(n_bytes);
    assert_non_null(twice);
    snprintf(twice, n_bytes, "%.*s,%s", (int)strlen(all) - 1, all, &ENTRY("trit", "10", "30")[1]);
    parts_set(parts, "encodings", twice);
    free(twice);
    parts_refused(parts, VIT158_E_METADATA, QKV " occurs twice");
}

static void test_latent_weights(void **state)
{
    (void)state;
    file_parts *parts = fresh_of(VIT158_ENCODING_F32, VIT158_DTYPE_F32);
    parts_set(parts, "encodings", NULL);
    parts_refused(parts, VIT158_E_METADATA, "vit158 pack"); /* inner norms */
    parts = fresh_of(VIT158_ENCODING_F32, VIT158_DTYPE_F32);
    parts_set(parts, "encodings", NULL);
    for (int block = 0; block < 2; block++) {
        remove_all(parts, "qkv.norm");
        remove_all(parts, "proj.norm");
        remove_all(parts, "fc1.norm");
        remove_all(parts, "fc2.norm");
    }
    parts_set(parts, "architecture", "vit-1.58b");
    parts_refused(parts, VIT158_E_METADATA, "vit158 pack"); /* by name */
}

static void test_coded_matrices_and_scales(void **state)
{
    (void)state;
    file_parts *parts = fresh();
    /* As a matrix of groups instead of the flat code bytes. */
    parts_reshape(parts_tensor(parts, QKV), "U8", 2, SHAPE(30, 2), 0);
    parts_refused(parts, VIT158_E_TENSOR, QKV);
    parts = fresh();
    parts_reshape(parts_tensor(parts, "blocks.0.attn.qkv.scale"), "F32", 1, SHAPE(10), 0);
    parts_refused(parts, VIT158_E_TENSOR, "qkv.scale");
    parts = fresh();
    parts_reshape(parts_tensor(parts, "blocks.0.attn.qkv.scale"), "F16", 1, SHAPE(1), 0);
    parts_refused(parts, VIT158_E_METADATA, "qkv.scale needs version 2");
    parts = fresh_of(VIT158_ENCODING_F32, VIT158_DTYPE_F32);
    *(float *)(void *)parts_add(parts, "blocks.0.attn.qkv.scale", "F32", 1, SHAPE(1), 0)->data =
        1.0F;
    parts_refused(parts, VIT158_E_TENSOR, "needs no scale");
    parts = fresh_of(VIT158_ENCODING_I8, VIT158_DTYPE_F16);
    parts_reshape(parts_tensor(parts, QKV), "I8", 1, SHAPE(300), 0);
    parts_refused(parts, VIT158_E_TENSOR, QKV);
}

/* ---- Values ---- */

static void refuse_float(const char *name, size_t index, float value, const char *text)
{
    file_parts *parts = fresh();
    memcpy(parts_tensor(parts, name)->data + 4 * index, &value, sizeof value);
    parts_refused(parts, VIT158_E_VALUE, text);
}

static void refuse_half(vit158_dtype rest, const char *name, size_t index, uint16_t bits,
                        const char *text)
{
    file_parts *parts = fresh_of(VIT158_ENCODING_TRIT, VIT158_DTYPE_F16);
    if (rest == VIT158_DTYPE_BF16) { /* the same 16 bits read as another type */
        for (size_t i = 0; i < parts->tensor_count; i++) {
            if (strcmp(parts->tensors[i].dtype, "F16") == 0)
                snprintf(parts->tensors[i].dtype, sizeof parts->tensors[i].dtype, "BF16");
        }
    }
    memcpy(parts_tensor(parts, name)->data + 2 * index, &bits, sizeof bits);
    parts_refused(parts, VIT158_E_VALUE, text);
}

static void refuse_code(const char *name, size_t index, uint8_t code, const char *text)
{
    file_parts *parts = fresh();
    parts_tensor(parts, name)->data[index] = code;
    parts_refused(parts, VIT158_E_VALUE, text);
}

static void test_values(void **state)
{
    (void)state;
    refuse_float("cls_token", 0, NAN, "cls_token: value 0 is not finite");
    refuse_float("pos_embed", 99, INFINITY, "pos_embed: value 99");
    refuse_float("head.bias", 2, -INFINITY, "head.bias: value 2");
    refuse_float("blocks.1.mlp.fc2.norm.bias", 12, -NAN, "fc2.norm.bias: value 12");
    refuse_half(VIT158_DTYPE_F16, "patch_embed.proj.weight", 479, 0x7C00, "value 479");
    refuse_half(VIT158_DTYPE_F16, "norm.weight", 3, 0xFE01, "norm.weight: value 3");
    refuse_half(VIT158_DTYPE_BF16, "norm.bias", 9, 0x7F80, "norm.bias: value 9");
    refuse_half(VIT158_DTYPE_BF16, "cls_token", 1, 0xFFFF, "cls_token: value 1");
    refuse_code(QKV, 0, 243, QKV ": byte 0 is 243");
    refuse_code(QKV, 59, 255, QKV ": byte 59 is 255");
    refuse_code("blocks.1.mlp.fc2.weight", 29, 250, "fc2.weight: byte 29 is 250");
    refuse_float("blocks.0.mlp.fc1.scale", 0, 0.0F, "fc1.scale: value 0");
    refuse_float("blocks.0.mlp.fc1.scale", 0, -0.0F, "fc1.scale: value 0");
    refuse_float("blocks.0.mlp.fc1.scale", 0, -1.0F, "fc1.scale: value 0");
    refuse_float("blocks.0.mlp.fc1.scale", 0, NAN, "fc1.scale: value 0");
    refuse_float("blocks.0.mlp.fc1.scale", 0, INFINITY, "fc1.scale: value 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unbroken_parts_open),
        cmocka_unit_test(test_every_missing_tensor),
        cmocka_unit_test(test_every_misshapen_tensor),
        cmocka_unit_test(test_every_tensor_of_another_rank_or_type),
        cmocka_unit_test(test_unknown_tensors),
        cmocka_unit_test(test_gaps_between_blocks),
        cmocka_unit_test(test_norms),
        cmocka_unit_test(test_geometry),
        cmocka_unit_test(test_format_and_geometry_metadata),
        cmocka_unit_test(test_recipe_metadata),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_latent_weights),
        cmocka_unit_test(test_coded_matrices_and_scales),
        cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
