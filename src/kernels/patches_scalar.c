/* SPDX-License-Identifier: MIT
 *
 * Columns for the patch embedding: definition. It only copies, so every variant uses it.
 */
#include <string.h>

#include "kernels/ops_scalar.h"

/* One row of `columns`: pixel (y, x) of every patch of one channel plane. */
static void fill_row(float *row, const float *plane, const vit158_patches *p, uint32_t y,
                     uint32_t x)
{
    const uint32_t grid = p->side / p->patch;
    memset(row, 0, p->ld * sizeof(float));
    float *out = row + p->first;
    for (uint32_t gy = 0; gy < grid; gy++) {
        const float *line = plane + (size_t)(gy * p->patch + y) * p->side + x;
        for (uint32_t gx = 0; gx < grid; gx++)
            *out++ = line[(size_t)gx * p->patch];
    }
}

void vit158_patches_scalar(const vit158_patches *p, uint32_t line0, uint32_t line1)
{
    float *row = p->columns + (size_t)line0 * p->patch * p->ld;
    for (uint32_t line = line0; line < line1; line++) {
        const float *plane = p->image + (size_t)(line / p->patch) * p->side * p->side;
        for (uint32_t x = 0; x < p->patch; x++) {
            fill_row(row, plane, p, line % p->patch, x);
            row += p->ld;
        }
    }
}
