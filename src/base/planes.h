/* SPDX-License-Identifier: MIT
 *
 * Sums of ternary rows: which rows of a matrix add up to which output. The first n_out rows are the
 * outputs in order; the second rows of those outputs that have one follow in order, then the third,
 * then the fourth: each a plane. FORMAT.md section 3 has it in words.
 */
#ifndef VIT158_BASE_PLANES_H
#define VIT158_BASE_PLANES_H

#include <stddef.h>
#include <stdint.h>

#define VIT158_MAX_PLANES 4U

/* All zero: every output has one row. */
typedef struct vit158_planes {
    uint32_t count;                    /* planes, 0 as good as 1 */
    uint32_t first[VIT158_MAX_PLANES]; /* row that a plane begins with */
    /* [count - 1][n_out + 1]: rows of the second, third, fourth plane that belong to outputs below;
     * NULL: every output has `count` rows. */
    const uint16_t *before;
} vit158_planes;

/* The counts' elements of `before`; 0 if every output has the same count. Counts are 1 to 4 for
 * each of the outputs, or one for all of them. */
size_t vit158_planes_before(const uint8_t *counts, uint32_t n_counts, uint32_t n_out);

/* Fills `before`, of that many elements, and the planes that use it. n_out < 2^16. */
vit158_planes vit158_planes_of(const uint8_t *counts, uint32_t n_counts, uint32_t n_out,
                               uint16_t *before);

static inline uint32_t vit158_plane_count(const vit158_planes *planes)
{
    return planes->count > 1 ? planes->count : 1;
}

/* The first row of a plane that belongs to output o or a later one; so output o has a row in the
 * plane if that of o + 1 is larger. o <= n_out. */
static inline uint32_t vit158_plane_row(const vit158_planes *planes, uint32_t n_out, uint32_t plane,
                                        uint32_t o)
{
    if (plane == 0)
        return o;
    if (planes->before == NULL)
        return planes->first[plane] + o;
    return planes->first[plane] + planes->before[(size_t)(plane - 1) * (n_out + 1) + o];
}

/* Rows of outputs o0 .. o1 - 1. */
static inline uint32_t vit158_plane_rows(const vit158_planes *planes, uint32_t n_out, uint32_t o0,
                                         uint32_t o1)
{
    uint32_t rows = o1 - o0;
    for (uint32_t plane = 1; plane < planes->count; plane++)
        rows +=
            vit158_plane_row(planes, n_out, plane, o1) - vit158_plane_row(planes, n_out, plane, o0);
    return rows;
}

#endif
