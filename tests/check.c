/* SPDX-License-Identifier: MIT
 *
 * The checks' own library: failure messages, guarded memory by check_pages, numbers, hashes.
 */
#include "check.h"

#include <stdarg.h>
#include <string.h>

#include "base/text.h"
#include "check_pages.h"

enum { MAX_BUFFERS = 512, ALIGNMENT = 64, CANARY = 0xA5 };

typedef struct buffer {
    uint8_t *data; /* usable bytes, then canary bytes up to a multiple of ALIGNMENT */
    size_t bytes;
} buffer;

static struct {
    buffer buffers[MAX_BUFFERS];
    uint32_t buffer_count;
    bool failed;
    char message[512];
} state;

void check_fail(const char *file, int line, const char *format, ...)
{
    if (state.failed)
        return;
    state.failed = true;
    const char *slash = strrchr(file, '/');
    const size_t used = vit158_format(state.message, sizeof state.message,
                                      "%s:%d: ", slash ? slash + 1 : file, line);
    va_list arguments;
    va_start(arguments, format);
    vit158_format_list(state.message + used, sizeof state.message - used, format, arguments);
    va_end(arguments);
}

bool check_failed(void)
{
    return state.failed;
}

static size_t padded(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void *check_alloc(size_t bytes)
{
    const size_t whole = padded(bytes);
    uint8_t *data = state.buffer_count < MAX_BUFFERS ? check_map(whole) : NULL;
    if (!data) {
        check_fail(__FILE__, __LINE__, "no memory for %zu bytes", bytes);
        return NULL;
    }
    memset(data, 0xFF, bytes);
    memset(data + bytes, CANARY, whole - bytes);
    state.buffers[state.buffer_count++] = (buffer){data, bytes};
    return data;
}

static void release(const buffer *b)
{
    const size_t whole = padded(b->bytes);
    bool intact = true;
    for (size_t i = b->bytes; i < whole; i++)
        intact = intact && b->data[i] == CANARY;
    intact = check_unmap(b->data, whole) && intact;
    CHECK(intact, "bytes next to a buffer of %zu bytes were written", b->bytes);
}

void check_free_all(void)
{
    while (state.buffer_count > 0)
        release(&state.buffers[--state.buffer_count]);
}

const char *check_run_case(const check_case *test)
{
    state.failed = false;
    state.message[0] = '\0';
    test->run();
    check_free_all();
    return state.failed ? state.message : NULL;
}

check_rng check_seed(uint64_t seed)
{
    return (check_rng){seed * 2 + 1};
}

/* PCG-XSH-RR, O'Neill 2014. */
uint32_t check_bits(check_rng *rng)
{
    const uint64_t old = rng->state;
    rng->state = old * 6364136223846793005ULL + 1442695040888963407ULL;
    const uint32_t mixed = (uint32_t)(((old >> 18) ^ old) >> 27);
    const uint32_t turn = (uint32_t)(old >> 59);
    return (mixed >> turn) | (mixed << ((32 - turn) & 31));
}

uint32_t check_below(check_rng *rng, uint32_t bound)
{
    return (uint32_t)(((uint64_t)check_bits(rng) * bound) >> 32);
}

float check_float(check_rng *rng, float low, float high)
{
    return low + (high - low) * ((float)(check_bits(rng) >> 16) / 65536.0F);
}

float *check_floats(check_rng *rng, size_t count, float low, float high)
{
    float *x = check_alloc(count * sizeof *x);
    for (size_t i = 0; x != NULL && i < count; i++)
        x[i] = check_float(rng, low, high);
    return x;
}

uint64_t check_hash(uint64_t hash, const void *data, size_t bytes)
{
    const uint8_t *at = data;
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ at[i]) * 1099511628211ULL;
    return hash;
}
