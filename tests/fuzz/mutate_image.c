/* SPDX-License-Identifier: MIT
 *
 * Mutations that know JPEG segments and PNG chunks, for fuzz_image under libFuzzer: pieces are
 * taken out, doubled, exchanged or changed inside, and bytes that decoders look past are put
 * between them, so that the repairs of jpeg_repair.c and the checks of chunks are reached, not only
 * the first wrong length.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t n_bytes, size_t max_bytes);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n_bytes, size_t max_bytes, unsigned seed);

#define MOST_PIECES 256U
#define PNG_SIGNATURE 8U

typedef struct piece {
    size_t at;
    size_t n_bytes;
} piece;

typedef struct pieces {
    piece list[MOST_PIECES];
    uint32_t count;
} pieces;

static void add(pieces *p, size_t at, size_t n_bytes)
{
    if (p->count < MOST_PIECES && n_bytes > 0)
        p->list[p->count++] = (piece){at, n_bytes};
}

static void split_png(pieces *p, const uint8_t *data, size_t n_bytes)
{
    for (size_t at = PNG_SIGNATURE; at + 12 <= n_bytes;) {
        const uint32_t length = (uint32_t)data[at] << 24 | (uint32_t)data[at + 1] << 16 |
                                (uint32_t)data[at + 2] << 8 | data[at + 3];
        const size_t whole = length > n_bytes - at - 12 ? n_bytes - at : (size_t)length + 12;
        add(p, at, whole);
        at += whole;
    }
}

/* Segments, and what lies between a scan's header and the next marker that is none of its own. */
static void split_jpeg(pieces *p, const uint8_t *data, size_t n_bytes)
{
    size_t start = 2;
    for (size_t at = 2; at + 4 <= n_bytes;) {
        const uint8_t marker = data[at + 1];
        const bool stays = data[at] != 0xFF || marker == 0 || (marker >= 0xD0 && marker <= 0xD7);
        if (stays) {
            at++;
            continue;
        }
        add(p, start, at - start);
        const size_t length = marker == 0xD9 ? 2 : 2U + ((size_t)data[at + 2] << 8 | data[at + 3]);
        const size_t whole = length > n_bytes - at ? n_bytes - at : length;
        add(p, at, whole);
        at += whole;
        start = at;
    }
    add(p, start, n_bytes > start ? n_bytes - start : 0);
}

/* Puts n_new bytes in place of n_old at `at`, if they fit. */
static size_t splice(uint8_t *data, size_t n_bytes, size_t max_bytes, piece old, const uint8_t *new,
                     size_t n_new)
{
    if (n_bytes - old.n_bytes + n_new > max_bytes)
        return n_bytes;
    uint8_t *copy = malloc(n_new + 1);
    if (copy == NULL)
        return n_bytes;
    memcpy(copy, new, n_new);
    memmove(data + old.at + n_new, data + old.at + old.n_bytes, n_bytes - old.at - old.n_bytes);
    memcpy(data + old.at, copy, n_new);
    free(copy);
    return n_bytes - old.n_bytes + n_new;
}

/* Changes a piece inside; its length field follows. */
static size_t change(uint8_t *data, size_t n_bytes, size_t max_bytes, piece p)
{
    const bool png = data[0] == 0x89;
    const size_t head = png ? 8 : 4;
    const size_t tail = png ? 4 : 0;
    const size_t room = p.n_bytes + 64;
    if (p.n_bytes <= head + tail)
        return n_bytes;
    uint8_t *bytes = calloc(room, 1);
    if (bytes == NULL)
        return n_bytes;
    memcpy(bytes, data + p.at, p.n_bytes);
    const size_t body = LLVMFuzzerMutate(bytes + head, p.n_bytes - head - tail, room - head - tail);
    const size_t whole = head + body + tail;
    if (png) {
        for (int i = 0; i < 4; i++)
            bytes[i] = (uint8_t)(body >> (24 - 8 * i));
    } else if (bytes[0] == 0xFF && bytes[1] != 0xD9) {
        bytes[2] = (uint8_t)((body + 2) >> 8);
        bytes[3] = (uint8_t)(body + 2);
    }
    const size_t result = splice(data, n_bytes, max_bytes, p, bytes, whole);
    free(bytes);
    return result;
}

static size_t insert_between(uint8_t *data, size_t n_bytes, size_t max_bytes, size_t at,
                             vit158_rng *rng)
{
    static const struct {
        uint8_t bytes[6];
        size_t n_bytes;
    } stray[] = {{{0xFF, 0x00}, 2}, {{0xFF, 0xD0}, 2},       {{0xFF, 0xD9}, 2},      {{0, 0, 0}, 3},
                 {{0xFF}, 1},       {{0xFF, 0xFF, 0xFF}, 3}, {{0xFF, 0xD8}, 2},      {{'x'}, 1},
                 {{0xFF, 0xE1}, 2}, {{0, 0, 0, 0}, 4},       {{0xFF, 0xFE, 0, 2}, 4}};
    const uint32_t which = vit158_rng_below(rng, sizeof stray / sizeof *stray);
    return splice(data, n_bytes, max_bytes, (piece){at, 0}, stray[which].bytes,
                  stray[which].n_bytes);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n_bytes, size_t max_bytes, unsigned seed)
{
    vit158_rng rng = vit158_rng_seed(seed);
    pieces p = {.count = 0};
    const bool png = n_bytes > PNG_SIGNATURE && data[0] == 0x89 && data[1] == 'P';
    const bool jpeg = n_bytes > 4 && data[0] == 0xFF && data[1] == 0xD8;
    if (png)
        split_png(&p, data, n_bytes);
    if (jpeg)
        split_jpeg(&p, data, n_bytes);
    if (p.count == 0 || vit158_rng_below(&rng, 4) == 0)
        return LLVMFuzzerMutate(data, n_bytes, max_bytes);
    const piece one = p.list[vit158_rng_below(&rng, p.count)];
    const piece other = p.list[vit158_rng_below(&rng, p.count)];
    switch (vit158_rng_below(&rng, 6)) {
    case 0: /* out */
        return splice(data, n_bytes, max_bytes, one, data, 0);
    case 1: /* one more of it, elsewhere */
        return splice(data, n_bytes, max_bytes, (piece){other.at, 0}, data + one.at, one.n_bytes);
    case 2: /* one in another's place */
        return splice(data, n_bytes, max_bytes, other, data + one.at, one.n_bytes);
    case 3:
        return insert_between(data, n_bytes, max_bytes, one.at, &rng);
    default:
        return change(data, n_bytes, max_bytes, one);
    }
}
