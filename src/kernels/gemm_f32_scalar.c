/* SPDX-License-Identifier: MIT
 *
 * Dense float product: definition. One output at a time for a tile of tokens; each sum takes its
 * products in the order k = 0, 1, ...
 */
#include "kernels/ops_scalar.h"

enum { TILE = 8 };

static void row_tile(const vit158_gemm_f32 *p, uint32_t o, uint32_t t)
{
    float sum[TILE] = {0};
    const float *a = p->a + o * p->a_row;
    const float *b = p->b + t;
    for (uint32_t k = 0; k < p->n_in; k++) {
        const float weight = a[k * p->a_col];
        const float *b_row = b + k * p->ldb;
        for (uint32_t j = 0; j < TILE; j++)
            sum[j] = sum[j] + weight * b_row[j];
    }
    float *y = p->y + o * p->ldy + t;
    for (uint32_t j = 0; j < TILE; j++)
        vit158_finish(&y[j], p->bias != NULL ? sum[j] + p->bias[o] : sum[j], p->epilogue);
}

void vit158_gemm_f32_scalar(const vit158_gemm_f32 *p, uint32_t t0, uint32_t t1, uint32_t o0,
                            uint32_t o1, void *scratch)
{
    (void)scratch;
    for (uint32_t t = t0; t < t1; t += TILE)
        for (uint32_t o = o0; o < o1; o++)
            row_tile(p, o, t);
}
