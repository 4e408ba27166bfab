/* SPDX-License-Identifier: MIT
 *
 * The definition of what resample.h describes.
 */
#include "image/resample.h"

static uint8_t round_to_byte(int32_t sum)
{
    /* Floor of sum / 2^22 after adding a half: an arithmetic shift. */
    const int32_t value = (sum + (1 << (VIT158_WEIGHT_BITS - 1))) >> VIT158_WEIGHT_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static void resample_row(uint8_t *out, const uint8_t *in, const vit158_taps *taps)
{
    for (uint32_t o = 0; o < taps->n_out; o++) {
        const uint8_t *from = in + taps->first[o];
        const int16_t *low = taps->weights + (size_t)o * taps->stride;
        int32_t sum = 0;
        for (uint32_t t = 0; t < taps->count[o]; t += VIT158_TAP_VECTOR) {
            const int16_t *high = low + VIT158_TAP_VECTOR;
            for (uint32_t i = 0; i < VIT158_TAP_VECTOR; i++) /* beyond count the weights are 0 */
                sum += from[t + i] * (high[i] * (1 << VIT158_TAP_SHIFT) + low[i]);
            low = high + VIT158_TAP_VECTOR;
        }
        out[o] = round_to_byte(sum);
    }
}

#define COLUMNS 16

static void resample_column(uint8_t *out, const vit158_ring *ring, uint32_t start, uint32_t count,
                            const int16_t *weights)
{
    for (uint32_t x = 0; x < ring->row_bytes; x += COLUMNS) {
        int32_t sums[COLUMNS] = {0};
        uint32_t slot = start;
        for (uint32_t t = 0; t < count; t++) {
            const uint8_t *row = ring->rows + (size_t)slot * ring->row_bytes + x;
            const int16_t *low = weights + (size_t)(t / VIT158_TAP_VECTOR) * 2 * VIT158_TAP_VECTOR +
                                 t % VIT158_TAP_VECTOR;
            const int32_t weight = low[VIT158_TAP_VECTOR] * (1 << VIT158_TAP_SHIFT) + low[0];
            for (uint32_t i = 0; i < COLUMNS; i++)
                sums[i] += row[i] * weight;
            slot = slot + 1 == ring->ring_rows ? 0 : slot + 1;
        }
        for (uint32_t i = 0; i < COLUMNS; i++)
            out[x + i] = round_to_byte(sums[i]);
    }
}

static void split_pixels(uint8_t *out, size_t plane_bytes, const uint8_t *in, uint32_t pixel_bytes,
                         uint32_t n)
{
    uint8_t *second = out + plane_bytes;
    uint8_t *third = second + plane_bytes;
    for (uint32_t x = 0; x < n; x++) {
        const uint8_t *pixel = in + (size_t)x * pixel_bytes;
        out[x] = pixel[0];
        second[x] = pixel[1];
        third[x] = pixel[2];
    }
}

const vit158_resample vit158_resample_scalar = {resample_row, resample_column, split_pixels};
