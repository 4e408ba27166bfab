/* SPDX-License-Identifier: MIT
 *
 * Huffman tables as a DHT segment holds them: how many codes there are of 1 to 16 bits, and their
 * values. The typical ones are those of ITU-T T.81, K.3.3 (tables K.3 to K.6), which cameras that
 * send motion JPEG leave out.
 */
#ifndef VIT158_IMAGE_JPEG_TABLES_H
#define VIT158_IMAGE_JPEG_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VIT158_JPEG_MOST_TABLE_BYTES (16 + 162)

/* ac: 0 or 1; number: 0 luminance, 1 chrominance. */
const uint8_t *vit158_jpeg_table(size_t *n_bytes, int ac, int number);

uint32_t vit158_jpeg_table_values(const uint8_t counts[16]);

/* Whether there are codes enough for so many. */
bool vit158_jpeg_codes_fit(const uint8_t counts[16]);

/* Values of DC tables are numbers of bits, at most 15. */
bool vit158_jpeg_values_fit(const uint8_t *values, uint32_t n_values);

#endif
