/* SPDX-License-Identifier: MIT
 *
 * Mending JPEG files that vit158_jpeg_check refuses although libjpeg and browsers open them: bytes
 * that belong to no segment, lengths and scan parameters that decoders ignore, Huffman tables and
 * colour markers left out, misleading names of components, a trailer before the end marker. The
 * result is a copy of the bytes that has them right; whether it now is an image is for
 * vit158_jpeg_check to say.
 */
#ifndef VIT158_IMAGE_JPEG_REPAIR_H
#define VIT158_IMAGE_JPEG_REPAIR_H

#include <stddef.h>
#include <stdint.h>

#define VIT158_JPEG_REPAIR_BYTES 512 /* a copy is at most so much longer */

/* Writes the copy to out[n_bytes + VIT158_JPEG_REPAIR_BYTES]; `bytes` starts with FF D8 FF. Returns
 * its length, 0 if the walk through the segments does not reach an end marker. */
size_t vit158_jpeg_repair(uint8_t *out, const uint8_t *bytes, size_t n_bytes);

#endif
