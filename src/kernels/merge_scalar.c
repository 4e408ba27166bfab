/* SPDX-License-Identifier: MIT
 *
 * What tells which tokens are alike: definitions.
 */
#include <math.h>

#include "base/numerics.h"
#include "kernels/ops_scalar.h"

void vit158_merge_metric_scalar(const vit158_merge_metric *p, uint32_t t0, uint32_t t1)
{
    for (uint32_t t = t0; t < t1; t++) {
        float *metric = (t % 2 == 0 ? p->even : p->odd) + t / 2;
        float lanes[4] = {0};
        for (uint32_t c = 0; c < p->n; c++) {
            float sum = p->x[c * p->ld + t];
            for (size_t head = 1; head < p->heads; head++)
                sum = sum + p->x[(head * p->n + c) * p->ld + t];
            metric[c * p->ld] = sum;
            lanes[c % 4] = lanes[c % 4] + sum * sum;
        }
        const float squares = vit158_striped_total(lanes);
        const float length = sqrtf(squares);
        const float floor = VIT158_MERGE_FLOOR;
        const float divisor = (length > floor ? length : floor) + (squares - squares);
        for (uint32_t c = 0; c < p->n; c++)
            metric[c * p->ld] = metric[c * p->ld] / divisor;
    }
}

void vit158_best_row_scalar(const vit158_best_row *p, uint32_t t0, uint32_t t1)
{
    for (uint32_t t = t0; t < t1; t++) {
        float best = p->s[t], doubt = 0.0F;
        uint32_t row = 0;
        for (uint32_t j = 0; j < p->n_rows; j++) {
            const float s = p->s[j * p->ld + t];
            row = s > best ? j : row;
            best = s > best ? s : best;
            doubt = doubt + (s - s);
        }
        p->best[t] = best + doubt;
        p->row[t] = row;
    }
}
