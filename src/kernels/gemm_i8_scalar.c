/* SPDX-License-Identifier: MIT
 *
 * int8 x int8 product: definition. One output at a time for a tile of tokens.
 */
#include "kernels/ops_scalar.h"

enum { TILE = 8 };

static void row_tile(const vit158_gemm_q8 *p, uint32_t o, uint32_t t)
{
    int32_t sum[TILE] = {0};
    const int8_t *w = (const int8_t *)p->w + (size_t)o * p->n_in;
    const int8_t *q = p->q + t;
    for (uint32_t i = 0; i < p->n_in; i++) {
        const int32_t weight = w[i];
        const int8_t *q_row = q + i * p->ldq;
        for (uint32_t j = 0; j < TILE; j++)
            sum[j] += weight * q_row[j];
    }
    float result[TILE];
    for (uint32_t j = 0; j < TILE; j++)
        result[j] = vit158_dequantize(p, o, t + j, sum[j]);
    vit158_finish_row(p, o, t, result, TILE);
}

void vit158_gemm_i8_scalar(const vit158_gemm_q8 *p, uint32_t t0, uint32_t t1, uint32_t o0,
                           uint32_t o1, void *scratch)
{
    (void)scratch;
    for (uint32_t t = t0; t < t1; t += TILE)
        for (uint32_t o = o0; o < o1; o++)
            row_tile(p, o, t);
}
