/* SPDX-License-Identifier: MIT
 *
 * Operands for GEMM checks. Packing of trits is written out here again, so that a mistake in
 * kernels.h shows.
 */
#include "kernels/gemm_cases.h"

#include <string.h>

float *gemm_result_case(check_rng *rng, gemm_shape shape)
{
    return check_floats(rng, (size_t)shape.n_out * vit158_token_stride(shape.n_tokens), -1, 1);
}

vit158_gemm_f32 gemm_f32_case(check_rng *rng, gemm_shape shape, gemm_strides strides,
                              vit158_epilogue epilogue, bool bias)
{
    const size_t ld = vit158_token_stride(shape.n_tokens);
    const size_t a_row[] = {shape.n_in, 1, (size_t)3 * shape.n_in + 1};
    const size_t a_col[] = {1, (size_t)shape.n_out + 3, 3};
    const size_t last = shape.n_out && shape.n_in ? (shape.n_out - 1) * a_row[strides] +
                                                        (shape.n_in - 1) * a_col[strides] + 1
                                                  : 0;
    vit158_gemm_f32 p = {
        .ldy = ld,
        .a = check_floats(rng, last, -1, 1),
        .a_row = a_row[strides],
        .a_col = a_col[strides],
        .b = check_floats(rng, shape.n_in * ld, -2, 2),
        .ldb = ld,
        .n_in = shape.n_in,
        .n_out = shape.n_out,
        .epilogue = epilogue,
    };
    if (bias)
        p.bias = check_floats(rng, shape.n_out, -1, 1);
    return p;
}

/* FORMAT.md: blocks of four groups, [n_out][groups in the block] bytes each. */
static uint8_t *pack_trits(const int8_t *w, gemm_shape shape)
{
    const uint32_t groups = (shape.n_in + 4) / 5;
    uint8_t *codes = check_alloc((size_t)groups * shape.n_out);
    for (uint32_t o = 0; codes && o < shape.n_out; o++) {
        for (uint32_t g = 0; g < groups; g++) {
            uint32_t code = 0;
            for (uint32_t i = 5; i-- > 0;) {
                const uint32_t k = 5 * g + i;
                code = 3 * code + (uint32_t)((k < shape.n_in ? w[o * shape.n_in + k] : 0) + 1);
            }
            const uint32_t block = g / 4;
            const uint32_t width = groups - 4 * block < 4 ? groups - 4 * block : 4;
            codes[(size_t)4 * block * shape.n_out + (size_t)o * width + g % 4] = (uint8_t)code;
        }
    }
    return codes;
}

static int8_t *weight_values(check_rng *rng, gemm_shape shape, gemm_weights weights,
                             gemm_values values)
{
    const size_t count = (size_t)shape.n_out * shape.n_in;
    const int32_t range = weights == GEMM_I8 ? 127 : 1;
    int8_t *w = check_alloc(count);
    for (size_t i = 0; w && i < count; i++)
        w[i] = (int8_t)(values == GEMM_RANDOM || values == GEMM_NORMAL
                            ? (int32_t)check_below(rng, 2 * (uint32_t)range + 1) - range
                            : range);
    return w;
}

static int32_t activation(check_rng *rng, gemm_values values)
{
    switch (values) {
    case GEMM_LARGEST:
        return 127;
    case GEMM_SMALLEST:
        return -127;
    case GEMM_NORMAL: { /* six dice: standard deviation 37, largest 126 */
        int32_t sum = 0;
        for (int i = 0; i < 6; i++)
            sum += (int32_t)check_below(rng, 43) - 21;
        return sum;
    }
    default:
        return (int32_t)check_below(rng, 255) - 127;
    }
}

static int8_t *activations(check_rng *rng, size_t count, gemm_values values)
{
    int8_t *q = check_alloc(count);
    for (size_t i = 0; q && i < count; i++)
        q[i] = (int8_t)activation(rng, values);
    return q;
}

uint8_t gemm_row_count(gemm_shape shape, uint32_t o)
{
    const uint32_t seed = shape.n_in + shape.n_out;
    const uint32_t at = shape.n_tokens % 4 == 0 ? 0 : o;
    return (uint8_t)(1 + (seed + at * 7 + at / 3) % VIT158_MAX_PLANES);
}

/* Planes by the counts; *shape gets as many outputs as there are rows. */
static vit158_planes planes_case(gemm_shape *shape)
{
    const uint32_t n_out = shape->n_out;
    uint8_t *counts = check_alloc(n_out);
    uint32_t rows = 0;
    for (uint32_t o = 0; counts && o < n_out; o++) {
        counts[o] = gemm_row_count(*shape, o);
        rows += counts[o];
    }
    uint16_t *before = check_alloc(vit158_planes_before(counts, n_out, n_out) * sizeof *before);
    shape->n_out = rows;
    return vit158_planes_of(counts, n_out, n_out, before);
}

vit158_gemm_q8 gemm_q8_case(check_rng *rng, gemm_shape shape, gemm_weights weights,
                            gemm_values values, vit158_epilogue epilogue, bool bias,
                            uint32_t scale_step, int8_t **plain)
{
    const size_t ld = vit158_token_stride(shape.n_tokens);
    gemm_shape rows = shape;
    const bool sums = weights == GEMM_SUMS;
    const vit158_planes planes = sums ? planes_case(&rows) : (vit158_planes){0};
    int8_t *w = weight_values(rng, rows, weights, values);
    scale_step = sums ? 1 : scale_step;
    vit158_gemm_q8 p = {
        .ldy = ld,
        .q = activations(rng, shape.n_in * ld, values),
        .ldq = ld,
        .r = check_floats(rng, ld, 0.001F, 0.02F),
        .w = weights == GEMM_I8 ? w : (const void *)pack_trits(w, rows),
        .scale = check_floats(rng, scale_step ? rows.n_out : 1, 0.01F, 0.1F),
        .scale_step = scale_step,
        .n_in = shape.n_in,
        .n_out = shape.n_out,
        .planes = planes,
        .epilogue = epilogue,
    };
    if (bias)
        p.bias = check_floats(rng, shape.n_out, -1, 1);
    if (plain)
        *plain = w;
    return p;
}
