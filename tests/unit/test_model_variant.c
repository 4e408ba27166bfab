/* SPDX-License-Identifier: MIT
 *
 * Rules of FORMAT.md for what goes beyond the plain model: each key's values, the format version
 * that they need, and which tensors they ask for.
 */
#include "unit/model_parts.h"
#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/facts.h"
#include "vit158.h"

static const vit158_variant plain = {.prefix_tokens = 1,
                                     .head_tokens = 1,
                                     .final_norm = true,
                                     .inner_norms = VIT158_ALL_INNER_NORMS};

static file_parts *variant_parts(const vit158_variant *variant)
{
    vit158_synth_options options = synth_small();
    options.variant = variant;
    const file_bytes file = synth_bytes(&options);
    file_parts *const parts = parts_of(file);
    free(file.data);
    return parts;
}

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value;
        vit158_status status;
        const char *text;
    } cases[] = {
        {"pooling", "avg", VIT158_E_METADATA, "pooling needs version 2"},
        {"prefix_tokens", "0", VIT158_E_METADATA, "prefix_tokens needs version 2"},
        {"prefix_tokens", "2", VIT158_E_METADATA, "prefix_tokens needs version 2"},
        {"prefix_tokens", "65", VIT158_E_LIMIT, "prefix_tokens: 65 is above 64"},
        {"prefix_tokens", "one", VIT158_E_METADATA, "prefix_tokens is not"},
        {"prefix_tokens", "-1", VIT158_E_METADATA, "prefix_tokens is not"},
        {"head_tokens", "0", VIT158_E_METADATA, "head_tokens is not"},
        {"head_tokens", "2", VIT158_E_LIMIT, "head_tokens: 2 is above 1"},
        {"head", "none", VIT158_E_METADATA, "head needs version 2"},
        {"head", "mlp", VIT158_E_UNSUPPORTED, "head: linear, none, not mlp"},
        {"activation", "quick_gelu", VIT158_E_METADATA, "activation needs version 2"},
        {"activation", "relu", VIT158_E_UNSUPPORTED, "gelu, gelu_tanh, quick_gelu, not relu"},
        {"inner_norm", "rms", VIT158_E_METADATA, "inner_norm needs version 2"},
        {"inner_norm", "batch", VIT158_E_UNSUPPORTED, "inner_norm: layer, rms, not batch"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        file_parts *const parts = variant_parts(NULL);
        parts_set(parts, cases[i].key, cases[i].value);
        refusal_label = cases[i].key;
        parts_refused(parts, cases[i].status, cases[i].text);
    }
}

/* Plain values may stand in a file of version 1. */
static void test_plain_values(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"pooling", "cls"},     {"prefix_tokens", "1"},
                                           {"head_tokens", "1"},   {"head", "linear"},
                                           {"activation", "gelu"}, {"inner_norm", "layer"}};
    file_parts *const parts = variant_parts(NULL);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        parts_set(parts, pairs[i][0], pairs[i][1]);
    assert_string_equal(parts_value(parts, "format_version"), "1");
    const file_bytes file = parts_build(parts);
    vit158_model *model;
    vit158_error error;
    if (vit158_model_open(&model, file.data, file.n_bytes, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    vit158_model_close(model);
    free(file.data);
    parts_free(parts);
}

/* ---- Tensors ---- */

typedef struct variant_case {
    const char *name;
    vit158_variant variant;
    const char *tensor;  /* that it needs */
    const char *foreign; /* that it must not have, of d values; NULL */
    const char *why;
} variant_case;

static vit158_variant with(vit158_pooling pooling, uint32_t prefix, uint32_t head_tokens)
{
    vit158_variant v = plain;
    v.pooling = pooling;
    v.prefix_tokens = prefix;
    v.head_tokens = head_tokens;
    return v;
}

static size_t make_cases(variant_case cases[8])
{
    const vit158_variant average = with(VIT158_POOLING_AVG, 0, 1);
    vit158_variant fc_norm = with(VIT158_POOLING_AVG, 1, 1);
    fc_norm.fc_norm = true;
    fc_norm.final_norm = false;
    vit158_variant norm_pre = plain, headless = plain, rms = plain, some = plain;
    norm_pre.norm_pre = true;
    headless.headless = true;
    rms.inner_rms = true;
    some.inner_norms = 1U << VIT158_PROJ | 1U << VIT158_FC2;
    const variant_case list[] = {
        {"average", average, "norm.bias", "cls_token", "prefix_tokens is 0"},
        {"fc_norm", fc_norm, "fc_norm.bias", NULL, NULL},
        {"registers", with(VIT158_POOLING_CLS, 5, 1), "cls_token", "fc_norm.weight", "pooling avg"},
        {"two tokens", with(VIT158_POOLING_CLS, 2, 2), "head.weight", NULL, NULL},
        {"norm_pre", norm_pre, "norm_pre.weight", NULL, NULL},
        {"headless", headless, "norm.weight", "head.bias", "head is none"},
        {"rms", rms, "blocks.1.mlp.fc2.norm.weight", "blocks.0.attn.qkv.norm.bias", "RMSNorm"},
        {"some inner norms", some, "blocks.1.attn.proj.norm.bias", NULL, NULL},
    };
    memcpy(cases, list, sizeof list);
    return sizeof list / sizeof list[0];
}

/* The size formula knows the model's variant. */
static void check_size(const char *name, const vit158_model *model)
{
    vit158_facts facts;
    vit158_error error;
    if (vit158_facts_of_model(&facts, model, &error) != VIT158_OK)
        fail_msg("%s: %s", name, error.message);
    if (facts.formula_bytes != facts.info.file_bytes)
        fail_msg("%s: the formula gives %llu bytes, the file has %llu", name,
                 (unsigned long long)facts.formula_bytes,
                 (unsigned long long)facts.info.file_bytes);
    vit158_facts_clear(&facts);
}

static void check_opens(const variant_case *c)
{
    vit158_synth_options options = synth_small();
    options.variant = &c->variant;
    const file_bytes file = synth_bytes(&options);
    vit158_model *model;
    vit158_model_info info;
    vit158_error error;
    if (vit158_model_open(&model, file.data, file.n_bytes, &error) != VIT158_OK)
        fail_msg("%s: %s", c->name, error.message);
    vit158_model_get_info(model, &info);
    assert_string_equal(vit158_model_metadata(model, "format_version"), "2");
    assert_int_equal(info.prefix_tokens, c->variant.prefix_tokens);
    assert_int_equal(info.tokens, 9 + c->variant.prefix_tokens);
    assert_int_equal(info.embedding, 10 * c->variant.head_tokens);
    assert_int_equal(info.classes, c->variant.headless ? 0 : 3);
    assert_int_equal(info.file_bytes, file.n_bytes);
    check_size(c->name, model);
    vit158_model_close(model);
    free(file.data);
}

static void test_tensors(void **state)
{
    (void)state;
    variant_case cases[8];
    const size_t count = make_cases(cases);
    for (size_t i = 0; i < count; i++) {
        const variant_case *const c = &cases[i];
        char text[96];
        refusal_label = c->name;
        check_opens(c);
        file_parts *parts = variant_parts(&c->variant);
        parts_remove(parts, c->tensor);
        snprintf(text, sizeof text, "%s is missing", c->tensor);
        parts_refused(parts, VIT158_E_TENSOR, text);
        parts = variant_parts(&c->variant);
        parts_set(parts, "format_version", "1");
        const bool by_tensors = c->variant.inner_norms != VIT158_ALL_INNER_NORMS;
        parts_refused(parts, by_tensors ? VIT158_E_TENSOR : VIT158_E_METADATA,
                      by_tensors ? "is missing" : "version 2, not 1");
        if (c->foreign == NULL)
            continue;
        parts = variant_parts(&c->variant);
        parts_add(parts, c->foreign, "F32", 1, (const uint64_t[]){10}, 0);
        parts_refused(parts, VIT158_E_TENSOR, c->why);
    }
}

static void test_contradictions(void **state)
{
    (void)state;
    const vit158_variant registers = with(VIT158_POOLING_CLS, 5, 1);
    file_parts *parts = variant_parts(&registers);
    parts_set(parts, "prefix_tokens", NULL);
    parts_refused(parts, VIT158_E_TENSOR, "14 tokens are not a square grid and 1 before it");
    parts = variant_parts(&registers);
    parts_set(parts, "prefix_tokens", "0");
    parts_refused(parts, VIT158_E_METADATA, "pooling: cls takes the first token");
    parts = variant_parts(&registers);
    parts_set(parts, "head_tokens", "2");
    parts_refused(parts, VIT158_E_TENSOR, "head.weight: its shape");
    parts = variant_parts(&registers);
    parts_set(parts, "head_tokens", "6");
    parts_refused(parts, VIT158_E_LIMIT, "head_tokens: 6 is above 5");
    parts = variant_parts(&registers);
    parts_set(parts, "pooling", "avg");
    parts_set(parts, "head_tokens", "2");
    parts_refused(parts, VIT158_E_LIMIT, "head_tokens: 2 is above 1");
    parts = variant_parts(&registers);
    parts_remove(parts, "norm.weight");
    parts_remove(parts, "norm.bias");
    parts_refused(parts, VIT158_E_TENSOR, "norm.weight is missing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_plain_values),
        cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_contradictions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
