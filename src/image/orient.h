/* SPDX-License-Identifier: MIT
 *
 * Turning images upright, by EXIF orientation (1 to 8).
 */
#ifndef VIT158_IMAGE_ORIENT_H
#define VIT158_IMAGE_ORIENT_H

#include <stdint.h>

/* Whether upright images of this orientation have width and height exchanged. */
static inline int vit158_orientation_swaps(uint32_t orientation)
{
    return orientation >= 5;
}

/* Turns `in` [height][width][pixels], pixels 1 or 3, of the given orientation upright. Orientations
 * 2 to 4 work in place: out == in. Orientations 5 to 8 write [width][height][pixels] to another
 * buffer. */
void vit158_orient(uint8_t *out, const uint8_t *in, uint32_t width, uint32_t height,
                   uint32_t pixels, uint32_t orientation);

#endif
