/* SPDX-License-Identifier: MIT
 *
 * Bounds-checked reading of a byte string. A read past the end sets `failed`, returns 0, and every
 * later read fails too, so a parser may read several fields and check once.
 */
#ifndef VIT158_BASE_BYTES_H
#define VIT158_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct vit158_bytes {
    const uint8_t *data;
    size_t n_bytes;
    size_t position; /* <= n_bytes */
    bool failed;
} vit158_bytes;

static inline vit158_bytes vit158_bytes_over(const void *data, size_t n_bytes)
{
    return (vit158_bytes){.data = data, .n_bytes = n_bytes};
}

static inline size_t vit158_bytes_left(const vit158_bytes *in)
{
    return in->n_bytes - in->position;
}

/* The next `n_bytes` bytes, or NULL. */
static inline const uint8_t *vit158_bytes_take(vit158_bytes *in, size_t n_bytes)
{
    if (in->failed || n_bytes > vit158_bytes_left(in)) {
        in->failed = true;
        return NULL;
    }
    const uint8_t *here = in->data + in->position;
    in->position += n_bytes;
    return here;
}

static inline uint8_t vit158_bytes_u8(vit158_bytes *in)
{
    const uint8_t *b = vit158_bytes_take(in, 1);
    return b != NULL ? b[0] : 0;
}

static inline uint16_t vit158_bytes_u16(vit158_bytes *in, bool big_endian)
{
    const uint8_t *b = vit158_bytes_take(in, 2);
    if (b == NULL)
        return 0;
    return (uint16_t)(big_endian ? b[0] << 8 | b[1] : b[1] << 8 | b[0]);
}

static inline uint32_t vit158_bytes_u32(vit158_bytes *in, bool big_endian)
{
    const uint32_t first = vit158_bytes_u16(in, big_endian);
    const uint32_t second = vit158_bytes_u16(in, big_endian);
    return big_endian ? first << 16 | second : second << 16 | first;
}

static inline uint64_t vit158_bytes_u64(vit158_bytes *in, bool big_endian)
{
    const uint64_t first = vit158_bytes_u32(in, big_endian);
    const uint64_t second = vit158_bytes_u32(in, big_endian);
    /* UNREACHABLE: no format here has such numbers big-endian. */
    return big_endian ? first << 32 | second : second << 32 | first;
}

#endif
