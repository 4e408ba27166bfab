/* SPDX-License-Identifier: MIT
 *
 * Merging the tokens of every row: gathers and scatters of single values, the same for all
 * variants.
 */
#include <string.h>

#include "kernels/ops_scalar.h"

static void merge_row(const vit158_merge_rows *p, float *y, const float *x)
{
    for (uint32_t i = 0; i < p->n_out; i++)
        y[i] = x[p->kept[i]];
    for (uint32_t j = 0; j < p->grow_count; j++)
        y[p->grow[j]] *= p->size[p->kept[p->grow[j]]];
    for (uint32_t j = 0; j < p->move_count; j++) {
        const vit158_merge_move move = p->moves[j];
        y[move.into] += p->size[move.from] * x[move.from];
    }
    for (uint32_t j = 0; j < p->grow_count; j++)
        y[p->grow[j]] /= p->total[p->grow[j]];
}

void vit158_merge_rows_scalar(const vit158_merge_rows *p, uint32_t row0, uint32_t row1,
                              void *scratch)
{
    float *before = scratch;
    for (uint32_t row = row0; row < row1; row++) {
        float *y = p->x + row * p->ld;
        memcpy(before, y, p->n_in * sizeof *y);
        merge_row(p, y, before);
    }
}
