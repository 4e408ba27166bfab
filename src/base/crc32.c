/* SPDX-License-Identifier: MIT */
#include "base/crc32.h"

void vit158_crc32_table(uint32_t table[256])
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? 0xEDB88320U ^ c >> 1 : c >> 1;
        table[i] = c;
    }
}

uint32_t vit158_crc32(const uint32_t table[256], const uint8_t *bytes, size_t n_bytes)
{
    uint32_t c = 0xFFFFFFFFU;
    for (size_t i = 0; i < n_bytes; i++)
        c = table[(c ^ bytes[i]) & 255] ^ c >> 8;
    return ~c;
}
