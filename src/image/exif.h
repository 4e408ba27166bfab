/* SPDX-License-Identifier: MIT
 *
 * EXIF orientation: reading it out of a TIFF block.
 */
#ifndef VIT158_IMAGE_EXIF_H
#define VIT158_IMAGE_EXIF_H

#include <stddef.h>
#include <stdint.h>

/* Orientation (tag 0x0112 of IFD 0), 1 .. 8, of the TIFF block that a JPEG's APP1 segment holds
 * after "Exif\0\0" and a PNG's eXIf chunk holds by itself. 1 (upright) if the block is broken or
 * says nothing. */
uint32_t vit158_exif_orientation(const uint8_t *tiff, size_t n_bytes);

#endif
