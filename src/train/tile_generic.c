/* SPDX-License-Identifier: MIT
 *
 * Integer product tiles in plain C: the definition that the fast ones are checked against.
 */
#include <string.h>

#include "train/isa.h"

void ISA(tile_u8s8)(int32_t *c, const void *a, size_t a_row, size_t a_step, const uint32_t *b,
                    size_t steps)
{
    memset(c, 0, sizeof *c * VIT158_TRAIN_TILE_ROWS * VIT158_TRAIN_TILE_COLS);
    for (size_t s = 0; s < steps; s++) {
        const uint8_t *w = (const uint8_t *)(b + s * VIT158_TRAIN_TILE_COLS);
        for (size_t r = 0; r < VIT158_TRAIN_TILE_ROWS; r++) {
            const int8_t *q = (const int8_t *)a + 4 * (r * a_row + s * a_step);
            int32_t *out = c + r * VIT158_TRAIN_TILE_COLS;
            for (size_t i = 0; i < VIT158_TRAIN_TILE_COLS; i++)
                for (size_t j = 0; j < 4; j++)
                    out[i] += (int32_t)w[4 * i + j] * q[j];
        }
    }
}

void ISA(tile_s16)(int32_t *c, const void *a, size_t a_row, size_t a_step, const uint32_t *b,
                   size_t steps)
{
    memset(c, 0, sizeof *c * VIT158_TRAIN_TILE_ROWS * VIT158_TRAIN_TILE_COLS);
    for (size_t s = 0; s < steps; s++) {
        const int16_t *w = (const int16_t *)(const void *)(b + s * VIT158_TRAIN_TILE_COLS);
        for (size_t r = 0; r < VIT158_TRAIN_TILE_ROWS; r++) {
            const int16_t *q = (const int16_t *)a + 2 * (r * a_row + s * a_step);
            int32_t *out = c + r * VIT158_TRAIN_TILE_COLS;
            for (size_t i = 0; i < VIT158_TRAIN_TILE_COLS; i++)
                out[i] += (int32_t)w[2 * i] * q[0] + (int32_t)w[2 * i + 1] * q[1];
        }
    }
}
