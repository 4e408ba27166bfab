/* SPDX-License-Identifier: MIT
 *
 * Damaging PNG and JPEG files in a stated way: a table entry names a place (a chunk or a marker and
 * an offset from it) and what to do there.
 */
#ifndef VIT158_TESTS_MUTATE_H
#define VIT158_TESTS_MUTATE_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef enum test_operation {
    TEST_SET,    /* overwrite with the bytes */
    TEST_INSERT, /* insert the bytes */
    TEST_CUT,    /* remove `count` bytes */
    TEST_END     /* end the file here */
} test_operation;

typedef struct test_mutation {
    test_operation operation;
    const char *place; /* chunk type ("IDAT": its length field) or marker ("DA": its FF) */
    int offset;        /* from there */
    const char *bytes; /* TEST_SET, TEST_INSERT */
    size_t count;
} test_mutation;

static inline uint32_t test_u32(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static inline void test_put_u32(uint8_t *b, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        b[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* CRC-32 bit by bit: slow, and unlike the code under test. */
static inline uint32_t test_crc(const uint8_t *bytes, size_t n_bytes)
{
    uint32_t c = ~0U;
    for (size_t i = 0; i < n_bytes; i++) {
        c ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? c >> 1 ^ 0xEDB88320U : c >> 1;
    }
    return ~c;
}

/* Makes every checksum right, as far as the chunks can be walked. */
static inline void test_fix_crcs(uint8_t *png, size_t n_bytes)
{
    for (size_t at = 8; at + 12 <= n_bytes;) {
        const uint32_t length = test_u32(png + at);
        if (length > n_bytes - at - 12)
            return;
        test_put_u32(png + at + 8 + length, test_crc(png + at + 4, (size_t)length + 4));
        at += 12 + (size_t)length;
    }
}

/* Offset of the place, or n_bytes if the file has none. */
static inline size_t test_find(const uint8_t *file, size_t n_bytes, const char *place)
{
    if (strlen(place) == 4) {
        for (size_t at = 8; at + 12 <= n_bytes; at += 12 + (size_t)test_u32(file + at))
            if (memcmp(file + at + 4, place, 4) == 0)
                return at;
        return n_bytes;
    }
    const unsigned marker = (unsigned)strtoul(place, NULL, 16);
    size_t at = 2;
    while (at + 4 <= n_bytes && file[at + 1] != marker) {
        const size_t scan = file[at + 1] == 0xDA;
        at += 2 + ((size_t)file[at + 2] << 8 | file[at + 3]);
        if (scan) /* the entropy-coded data after it */
            while (at + 1 < n_bytes && (file[at] != 0xFF || file[at + 1] == 0 ||
                                        (file[at + 1] >= 0xD0 && file[at + 1] <= 0xD7)))
                at++;
    }
    return at < n_bytes ? at : n_bytes;
}

/* A damaged copy, of exactly *n_bytes bytes; free() it. NULL if the place does not exist. */
static inline uint8_t *test_mutate(const uint8_t *file, size_t *n_bytes, const test_mutation *m)
{
    const size_t found = test_find(file, *n_bytes, m->place);
    const size_t at = found + (size_t)m->offset;
    if (found == *n_bytes || at > *n_bytes)
        return NULL;
    const size_t removed = m->operation == TEST_END      ? *n_bytes - at
                           : m->operation == TEST_INSERT ? 0
                                                         : m->count;
    const size_t added = m->operation == TEST_SET || m->operation == TEST_INSERT ? m->count : 0;
    if (removed > *n_bytes - at)
        return NULL;
    const size_t after = *n_bytes - at - removed;
    uint8_t *copy = malloc(at + added + after + (at + added + after == 0));
    if (copy == NULL)
        return NULL;
    memcpy(copy, file, at);
    if (added > 0)
        memcpy(copy + at, m->bytes, added);
    memcpy(copy + at + added, file + at + removed, after);
    *n_bytes = at + added + after;
    return copy;
}

#endif
