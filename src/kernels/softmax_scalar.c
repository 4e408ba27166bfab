/* SPDX-License-Identifier: MIT
 *
 * Softmax down each column: definition.
 */
#include "kernels/ops_scalar.h"

static void column_softmax(float *s, size_t ld, uint32_t n_rows, float factor)
{
    float max = s[0] * factor;
    for (uint32_t j = 0; j < n_rows; j++) {
        const float x = s[j * ld] * factor;
        s[j * ld] = x;
        max = x > max ? x : max;
    }
    float lanes[4] = {0};
    for (uint32_t j = 0; j < n_rows; j++) {
        const float e = vit158_exp(s[j * ld] - max);
        s[j * ld] = e;
        lanes[j % 4] = lanes[j % 4] + e;
    }
    const float inverse = 1.0F / vit158_striped_total(lanes);
    for (uint32_t j = 0; j < n_rows; j++)
        s[j * ld] = s[j * ld] * inverse;
}

void vit158_softmax_scalar(const vit158_softmax *p, uint32_t t0, uint32_t t1)
{
    if (p->n_rows == 0)
        return;
    for (uint32_t t = t0; t < t1; t++)
        column_softmax(p->s + t, p->ld, p->n_rows, p->factor);
}
