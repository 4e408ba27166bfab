/* SPDX-License-Identifier: MIT
 *
 * Products of int16 pair matrices.
 */
#include "kernels/ops_scalar.h"

void vit158_gemm_i16_scalar(const vit158_gemm_i16 *p, uint32_t t0, uint32_t t1)
{
    const uint32_t pairs = (p->n_in + 1) / 2;
    for (uint32_t o = 0; o < p->n_out; o++) {
        const float row_scale = p->row_scale[(size_t)o * p->row_step];
        for (uint32_t t = t0; t < t1; t++) {
            uint32_t sum = 0; /* of numbers that came from NaN it may leave int32: let it wrap */
            for (uint32_t k = 0; k < pairs; k++) {
                const int16_t *a = p->a + o * p->a_row + k * p->a_pair;
                const int16_t *b = p->b + (k * p->ldb + t) * 2;
                sum += (uint32_t)(a[0] * b[0]) + (uint32_t)(a[1] * b[1]);
            }
            p->y[o * p->ldy + t] =
                (float)(int32_t)sum * (row_scale * p->column_scale[(size_t)t * p->column_step]);
        }
    }
}
