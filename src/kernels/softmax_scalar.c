/* SPDX-License-Identifier: MIT
 *
 * Softmax down each column, to float and to int16: definitions.
 */
#include <math.h>

#include "kernels/ops_scalar.h"

/* s[j] = vit158_exp(s[j] * factor + bias[j] - max); returns the total and the doubt: 0, or NaN if a
 * score is not finite. */
static float column_exp(float *s, size_t ld, uint32_t n_rows, float factor, const float *bias,
                        float *doubt)
{
    float max = -INFINITY;
    *doubt = 0.0F;
    for (uint32_t j = 0; j < n_rows; j++) {
        const float scaled = s[j * ld] * factor;
        const float x = bias != NULL ? scaled + bias[j] : scaled;
        s[j * ld] = x;
        max = x > max ? x : max;
        *doubt = *doubt + (x - x);
    }
    float lanes[4] = {0};
    for (uint32_t j = 0; j < n_rows; j++) {
        const float e = vit158_exp(s[j * ld] - max);
        s[j * ld] = e;
        lanes[j % 4] = lanes[j % 4] + e;
    }
    return vit158_striped_total(lanes);
}

void vit158_softmax_scalar(const vit158_softmax *p, uint32_t t0, uint32_t t1)
{
    if (p->n_rows == 0)
        return;
    for (uint32_t t = t0; t < t1; t++) {
        float *s = p->s + t;
        float doubt;
        const float total = column_exp(s, p->ld, p->n_rows, p->factor, p->bias, &doubt);
        const float inverse = 1.0F / (total + doubt);
        for (uint32_t j = 0; j < p->n_rows; j++)
            s[j * p->ld] = s[j * p->ld] * inverse;
    }
}

void vit158_softmax_i16_scalar(const vit158_softmax_i16 *p, uint32_t t0, uint32_t t1)
{
    if (p->n_rows == 0)
        return;
    for (uint32_t t = t0; t < t1; t++) {
        float *s = p->s + t;
        float doubt;
        const float scale =
            VIT158_I16_LEVELS / column_exp(s, p->ld, p->n_rows, p->factor, p->bias, &doubt);
        p->r[t] = 1.0F / VIT158_I16_LEVELS + doubt;
        for (uint32_t j = 0; j < p->n_rows; j++)
            p->p[(j / 2 * p->ld + t) * 2 + j % 2] = vit158_quantize_i16(s[j * p->ld], scale);
        if (p->n_rows % 2 == 1)
            p->p[(p->n_rows / 2 * p->ld + t) * 2 + 1] = 0;
    }
}
