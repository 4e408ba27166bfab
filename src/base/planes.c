/* SPDX-License-Identifier: MIT */
#include "base/planes.h"

static uint32_t most_rows(const uint8_t *counts, uint32_t n_counts)
{
    uint32_t most = 1;
    for (uint32_t i = 0; i < n_counts; i++)
        most = counts[i] > most ? counts[i] : most;
    return most;
}

size_t vit158_planes_before(const uint8_t *counts, uint32_t n_counts, uint32_t n_out)
{
    uint32_t i = 0;
    while (i < n_counts && counts[i] == counts[0])
        i++;
    return i == n_counts ? 0 : (size_t)(most_rows(counts, n_counts) - 1) * (n_out + 1);
}

vit158_planes vit158_planes_of(const uint8_t *counts, uint32_t n_counts, uint32_t n_out,
                               uint16_t *before)
{
    vit158_planes planes = {.count = most_rows(counts, n_counts)};
    const size_t mixed = vit158_planes_before(counts, n_counts, n_out);
    for (uint32_t plane = 1; plane < planes.count; plane++) {
        planes.first[plane] = planes.first[plane - 1] + n_out;
        if (mixed == 0)
            continue;
        if (plane > 1)
            planes.first[plane] = planes.first[plane - 1] + before[-1];
        uint16_t rows = 0;
        for (uint32_t o = 0; o < n_out; o++) {
            *before++ = rows;
            rows = (uint16_t)(rows + (counts[o] > plane));
        }
        *before++ = rows;
    }
    if (mixed > 0)
        planes.before = before - mixed;
    return planes;
}
