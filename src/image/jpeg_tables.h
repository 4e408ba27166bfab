/* SPDX-License-Identifier: MIT
 *
 * The typical Huffman tables of ITU-T T.81, K.3.3: tables K.3 to K.6 as a DHT segment holds them,
 * 16 counts and the values. Cameras that send motion JPEG leave them out.
 */
#ifndef VIT158_IMAGE_JPEG_TABLES_H
#define VIT158_IMAGE_JPEG_TABLES_H

#include <stddef.h>
#include <stdint.h>

#define VIT158_JPEG_MOST_TABLE_BYTES (16 + 162)

/* ac: 0 or 1; number: 0 luminance, 1 chrominance. */
const uint8_t *vit158_jpeg_table(size_t *n_bytes, int ac, int number);

#endif
