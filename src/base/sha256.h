/* SPDX-License-Identifier: MIT
 *
 * SHA-256 (FIPS 180-4), for logits hashes and file integrity.
 */
#ifndef VIT158_BASE_SHA256_H
#define VIT158_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct vit158_sha256 {
    uint32_t state[8];
    uint64_t n_bytes;
    uint8_t block[64];
} vit158_sha256;

vit158_sha256 vit158_sha256_start(void);
void vit158_sha256_add(vit158_sha256 *hash, const void *bytes, size_t n_bytes);
void vit158_sha256_end(vit158_sha256 *hash, uint8_t digest[32]);

/* Lower-case hexadecimal, NUL-terminated: the end of a hash, the digest of one buffer. */
void vit158_sha256_end_hex(vit158_sha256 *hash, char out[65]);
void vit158_sha256_hex(char out[65], const void *bytes, size_t n_bytes);

#endif
