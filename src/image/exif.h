/* SPDX-License-Identifier: MIT
 *
 * EXIF orientation: reading it out of a TIFF block, and turning a picture upright.
 */
#ifndef VIT158_IMAGE_EXIF_H
#define VIT158_IMAGE_EXIF_H

#include <stddef.h>
#include <stdint.h>

/* Orientation (tag 0x0112 of IFD 0), 1 .. 8, of the TIFF block that a JPEG's APP1 segment holds
 * after "Exif\0\0" and a PNG's eXIf chunk holds by itself. 1 (upright) if the block is broken or
 * says nothing. */
uint32_t vit158_exif_orientation(const uint8_t *tiff, size_t n_bytes);

/* Whether upright pictures of this orientation have width and height exchanged. */
static inline int vit158_orientation_swaps(uint32_t orientation)
{
    return orientation >= 5;
}

/* Turns `in` [height][width][pixels] of the given orientation upright. Orientations 2 to 4 work in
 * place: out == in. Orientations 5 to 8 write [width][height][pixels] to another buffer. */
void vit158_orient(uint8_t *out, const uint8_t *in, uint32_t width, uint32_t height,
                   uint32_t pixels, uint32_t orientation);

#endif
