/* SPDX-License-Identifier: MIT
 *
 * Queries, keys and values to int16.
 */
#include "kernels/ops_scalar.h"

void vit158_quantize_tokens_scalar(const vit158_quantize_tokens *p, uint32_t t0, uint32_t t1)
{
    for (uint32_t t = t0; t < t1; t++) {
        float largest = VIT158_I16_FLOOR;
        for (uint32_t c = 0; c < p->n; c++)
            largest = vit158_larger_magnitude(largest, p->x[c * p->ld + t]);
        const float s = VIT158_I16_TOKEN_LEVELS / largest;
        p->r[t] = 1.0F / s;
        for (uint32_t c = 0; c < p->n; c++)
            p->y[(c / 2 * p->ld + t) * 2 + c % 2] = vit158_quantize_i16(p->x[c * p->ld + t], s);
        if (p->n % 2 == 1)
            p->y[(p->n / 2 * p->ld + t) * 2 + 1] = 0;
    }
}

void vit158_quantize_channels_scalar(const vit158_quantize_channels *p)
{
    for (uint32_t c = 0; c < p->n; c++) {
        const float *x = p->x + c * p->ld;
        int16_t *y = p->y + c * p->ld;
        float largest = VIT158_I16_FLOOR;
        for (uint32_t t = 0; t < p->n_tokens; t++)
            largest = vit158_larger_magnitude(largest, x[t]);
        const float s = VIT158_I16_LEVELS / largest;
        p->r[c] = 1.0F / s;
        for (uint32_t t = 0; t < p->ld; t++)
            y[t] = t < p->n_tokens ? vit158_quantize_i16(x[t], s) : 0;
    }
}
