/* SPDX-License-Identifier: MIT
 *
 * The CRC-32 of PNG and ZIP (ISO 3309; polynomial 0xEDB88320, low bit first).
 */
#ifndef VIT158_BASE_CRC32_H
#define VIT158_BASE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* What vit158_crc32 looks up, for each byte. */
void vit158_crc32_table(uint32_t table[256]);

uint32_t vit158_crc32(const uint32_t table[256], const uint8_t *bytes, size_t n_bytes);

#endif
