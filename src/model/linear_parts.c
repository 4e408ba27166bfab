/* SPDX-License-Identifier: MIT */
#include "model/linear_parts.h"

static uint32_t n_out_of(const vit158_layout *layout, uint32_t block, uint32_t linear)
{
    return vit158_linear_n_out(&layout->shapes[block], linear);
}

/* ---- Weight and bias ---- */

static vit158_expectation expect_weight(const vit158_layout *layout, uint32_t block,
                                        uint32_t linear)
{
    const vit158_stored_type *type = layout->types[block][linear];
    const uint32_t n_in = vit158_linear_n_in(&layout->shapes[block], linear);
    vit158_expectation result = {.needed = true,
                                 .dtypes = 1U << type->dtype,
                                 .rank = type->rank,
                                 .is_parameter = true,
                                 .type = type,
                                 .weights = (uint64_t)n_out_of(layout, block, linear) * n_in};
    type->shape(result.shape, vit158_layout_rows(layout, block, linear), n_in);
    return result;
}

static void set_weight(vit158_linear *linear, const void *data, const vit158_tensor_entry *tensor)
{
    (void)tensor;
    linear->weight = data;
}

static vit158_expectation expect_bias(const vit158_layout *layout, uint32_t block, uint32_t linear)
{
    return vit158_expect_vector(n_out_of(layout, block, linear));
}

static void set_bias(vit158_linear *linear, const void *data, const vit158_tensor_entry *tensor)
{
    (void)tensor;
    linear->bias = data;
}

/* ---- Inner norm ---- */

static vit158_expectation expect_norm_weight(const vit158_layout *layout, uint32_t block,
                                             uint32_t linear)
{
    vit158_expectation result =
        vit158_expect_vector(vit158_linear_n_in(&layout->shapes[block], linear));
    result.needed = (layout->variant.inner_norms >> linear & 1U) != 0;
    return result;
}

static void set_norm_weight(vit158_linear *linear, const void *data,
                            const vit158_tensor_entry *tensor)
{
    (void)tensor;
    linear->norm.weight = data;
}

static vit158_expectation expect_norm_bias(const vit158_layout *layout, uint32_t block,
                                           uint32_t linear)
{
    vit158_expectation result = expect_norm_weight(layout, block, linear);
    if (layout->variant.inner_rms) {
        result.needed = false;
        result.unasked = "an RMSNorm (metadata inner_norm) has none";
    }
    return result;
}

static void set_norm_bias(vit158_linear *linear, const void *data,
                          const vit158_tensor_entry *tensor)
{
    (void)tensor;
    linear->norm.bias = data;
}

/* ---- Scales and counts of rows ---- */

static vit158_expectation expect_scale(const vit158_layout *layout, uint32_t block, uint32_t linear)
{
    const uint32_t rows = vit158_layout_rows(layout, block, linear);
    vit158_expectation result = vit158_expect_scales(layout->types[block][linear], rows);
    result.or_one = rows == n_out_of(layout, block, linear);
    return result;
}

static void set_scale(vit158_linear *linear, const void *data, const vit158_tensor_entry *tensor)
{
    linear->scale = data;
    linear->scale_count = (uint32_t)tensor->n_elements;
}

static vit158_expectation expect_rows(const vit158_layout *layout, uint32_t block, uint32_t linear)
{
    return (vit158_expectation){.needed = layout->rows[block][linear] != 0,
                                .unasked = "`encodings` says no rows for its matrix",
                                .dtypes = VIT158_AS_COUNT,
                                .rank = 1,
                                .shape = {n_out_of(layout, block, linear)},
                                .or_one = true};
}

/* ---- The stored step of the inputs ---- */

static vit158_expectation expect_step(const vit158_layout *layout, uint32_t block, uint32_t linear)
{
    return (vit158_expectation){.allowed = layout->types[block][linear]->coded,
                                .unasked = "its matrix is not coded, so nothing is quantized",
                                .dtypes = VIT158_AS_F32,
                                .rank = 1,
                                .shape = {1}};
}

static void set_step(vit158_linear *linear, const void *data, const vit158_tensor_entry *tensor)
{
    (void)tensor;
    linear->inputs.step = *(const float *)data;
}

/* ---- The table ---- */

const vit158_linear_part vit158_linear_parts[VIT158_LINEAR_PARTS] = {
    [VIT158_LINEAR_WEIGHT] = {.name = "weight", .expect = expect_weight, .set = set_weight},
    [VIT158_LINEAR_BIAS] = {.name = "bias", .expect = expect_bias, .set = set_bias},
    [VIT158_LINEAR_NORM_WEIGHT] = {.name = "norm.weight",
                                   .expect = expect_norm_weight,
                                   .set = set_norm_weight},
    [VIT158_LINEAR_NORM_BIAS] = {.name = "norm.bias",
                                 .expect = expect_norm_bias,
                                 .set = set_norm_bias},
    [VIT158_LINEAR_SCALE] = {.name = "scale",
                             .positive = true,
                             .of_scales = true,
                             .expect = expect_scale,
                             .set = set_scale},
    [VIT158_LINEAR_ROWS] = {.name = "rows",
                            .of_scales = true,
                            .is_newer = true,
                            .expect = expect_rows},
    [VIT158_LINEAR_STEP] = {.name = "step",
                            .positive = true,
                            .of_scales = true,
                            .is_newer = true,
                            .random = {0.02F, 0.03F},
                            .expect = expect_step,
                            .set = set_step},
};
