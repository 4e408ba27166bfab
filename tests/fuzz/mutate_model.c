/* SPDX-License-Identifier: MIT
 *
 * Mutations that know the container, for fuzz_model under libFuzzer: most change the header's text
 * or a number in it and set the length to match, so that the fuzzer gets past the JSON.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t n_bytes, size_t max_bytes);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n_bytes, size_t max_bytes, unsigned seed);

#define PREFIX 8

/* The header's length if it lies within the input, else 0. */
static size_t header_length(const uint8_t *data, size_t n_bytes)
{
    uint64_t length = 0;
    if (n_bytes < PREFIX)
        return 0;
    for (int i = PREFIX - 1; i >= 0; i--)
        length = length << 8 | data[i];
    return length <= n_bytes - PREFIX ? (size_t)length : 0;
}

static void set_length(uint8_t *data, size_t length)
{
    for (int i = 0; i < PREFIX; i++)
        data[i] = (uint8_t)((uint64_t)length >> 8 * i);
}

/* Puts `n_new` bytes in place of n_old at `at`, within the header, if they fit. */
static size_t splice(uint8_t *data, size_t n_bytes, size_t max_bytes, size_t at, size_t n_old,
                     const void *bytes, size_t n_new)
{
    const size_t header = header_length(data, n_bytes);
    if (n_bytes - n_old + n_new > max_bytes)
        return n_bytes;
    memmove(data + at + n_new, data + at + n_old, n_bytes - at - n_old);
    memcpy(data + at, bytes, n_new);
    set_length(data, header - n_old + n_new);
    return n_bytes - n_old + n_new;
}

static size_t change_header(uint8_t *data, size_t n_bytes, size_t max_bytes)
{
    const size_t header = header_length(data, n_bytes);
    const size_t room = header + 64;
    uint8_t *text = malloc(room);
    if (text == NULL)
        return n_bytes;
    memcpy(text, data + PREFIX, header);
    const size_t changed = LLVMFuzzerMutate(text, header, room);
    const size_t result = splice(data, n_bytes, max_bytes, PREFIX, header, text, changed);
    free(text);
    return result;
}

static int is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Another value for a number of the header. */
static size_t change_number(uint8_t *data, size_t n_bytes, size_t max_bytes, vit158_rng *rng)
{
    static const char *const numbers[] = {
        "0",    "1",     "2",     "3",          "4",          "5",
        "10",   "16",    "255",   "256",        "4096",       "4097",
        "8192", "65536", "65537", "2147483648", "4294967296", "18446744073709551615"};
    const size_t header = header_length(data, n_bytes);
    size_t at = PREFIX + vit158_rng_below(rng, (uint32_t)header);
    while (at < PREFIX + header && !is_digit(data[at]))
        at++;
    size_t end = at;
    while (end < PREFIX + header && is_digit(data[end]))
        end++;
    if (end == at)
        return n_bytes;
    const char *number = numbers[vit158_rng_below(rng, sizeof numbers / sizeof numbers[0])];
    return splice(data, n_bytes, max_bytes, at, end - at, number, strlen(number));
}

/* A quoted string of the header repeated at another quoted string's place. */
static size_t change_string(uint8_t *data, size_t n_bytes, size_t max_bytes, vit158_rng *rng)
{
    const size_t header = header_length(data, n_bytes);
    size_t start[2], end[2];
    for (int i = 0; i < 2; i++) {
        start[i] = PREFIX + vit158_rng_below(rng, (uint32_t)header);
        while (start[i] < PREFIX + header && data[start[i]] != '"')
            start[i]++;
        end[i] = start[i] + 1;
        while (end[i] < PREFIX + header && data[end[i]] != '"')
            end[i]++;
        if (end[i] >= PREFIX + header)
            return n_bytes;
    }
    char text[256];
    const size_t length = end[0] - start[0];
    if (length > sizeof text)
        return n_bytes;
    memcpy(text, data + start[0], length);
    return splice(data, n_bytes, max_bytes, start[1], end[1] - start[1], text, length);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n_bytes, size_t max_bytes, unsigned seed)
{
    vit158_rng rng = vit158_rng_seed(seed);
    const size_t header = header_length(data, n_bytes);
    const uint32_t kind = header > 0 ? vit158_rng_below(&rng, 8) : 7;
    if (kind < 3)
        return change_number(data, n_bytes, max_bytes, &rng);
    if (kind < 5)
        return change_header(data, n_bytes, max_bytes);
    if (kind < 6)
        return change_string(data, n_bytes, max_bytes, &rng);
    if (kind < 7) { /* the data only */
        const size_t start = PREFIX + header;
        return start + LLVMFuzzerMutate(data + start, n_bytes - start, max_bytes - start);
    }
    return LLVMFuzzerMutate(data, n_bytes, max_bytes);
}
