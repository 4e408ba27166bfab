/* SPDX-License-Identifier: MIT
 *
 * Ternary product: the definition of both trit kernels, whose integer sums are exact and so the
 * same. One row at a time for a tile of tokens; a weight adds its input row, subtracts it, or
 * does nothing.
 */
#include "kernels/ops_scalar.h"

/* Tokens that share the decoding of a code; a multiple of VIT158_TOKEN_PAD. */
enum { TILE = 64 };

static void add_group(int32_t *sum, const int8_t *q, size_t ldq, uint32_t inputs, uint32_t code,
                      uint32_t count)
{
    for (uint32_t i = 0; i < inputs; i++, code /= 3, q += ldq) {
        if (code % 3 == 2)
            for (uint32_t j = 0; j < count; j++)
                sum[j] += q[j];
        else if (code % 3 == 0)
            for (uint32_t j = 0; j < count; j++)
                sum[j] -= q[j];
    }
}

static void row_sums(int32_t *sum, const vit158_gemm_q8 *p, uint32_t row, uint32_t t,
                     uint32_t count)
{
    const uint8_t *codes = p->w;
    for (uint32_t i = 0; i < p->n_in; i += VIT158_TRITS_PER_CODE) {
        uint32_t step;
        const size_t offset =
            vit158_trit_offset(p->n_in, vit158_q8_rows(p), i / VIT158_TRITS_PER_CODE, &step);
        const uint32_t inputs =
            p->n_in - i < VIT158_TRITS_PER_CODE ? p->n_in - i : VIT158_TRITS_PER_CODE;
        const int8_t *q = p->q + i * p->ldq + t;
        add_group(sum, q, p->ldq, inputs, codes[offset + (size_t)row * step], count);
    }
}

/* Adds up the rows of output o in the order of their planes. */
static void output_tile(const vit158_gemm_q8 *p, uint32_t o, uint32_t t, uint32_t count)
{
    float result[TILE];
    for (uint32_t plane = 0; plane < vit158_plane_count(&p->planes); plane++) {
        const uint32_t row = vit158_plane_row(&p->planes, p->n_out, plane, o);
        if (vit158_plane_row(&p->planes, p->n_out, plane, o + 1) == row)
            continue;
        int32_t sum[TILE] = {0};
        row_sums(sum, p, row, t, count);
        for (uint32_t j = 0; j < count; j++) {
            const float worth = vit158_dequantize(p, row, t + j, sum[j]);
            result[j] = plane == 0 ? worth : result[j] + worth;
        }
    }
    vit158_finish_row(p, o, t, result, count);
}

void vit158_gemm_trit_scalar(const vit158_gemm_q8 *p, uint32_t t0, uint32_t t1, uint32_t o0,
                             uint32_t o1, void *scratch)
{
    (void)scratch;
    const uint32_t end = vit158_token_stride(t1);
    for (uint32_t t = t0; t < t1; t += TILE)
        for (uint32_t o = o0; o < o1; o++)
            output_tile(p, o, t, end - t < TILE ? end - t : TILE);
}
