/* SPDX-License-Identifier: MIT
 *
 * Checks that run natively (ctest, also under ASan and UBSan) and, the same files, as wasm modules
 * under Node: no stdio, no cmocka. A check file includes this header, writes functions
 * `static void name(void)` that use CHECK, and ends with one CHECK_CASES(name, ...) list:
 *
 *     static void adds(void) { CHECK(1 + 1 == 2, "1 + 1 is %d", 1 + 1); }
 *     CHECK_CASES({"adds", adds})
 *
 * Register it with one line in tests/checks.cmake: vit158_add_check(NAME FILE...). That makes the
 * ctest test check_NAME, and for each wasm variant a module build/wasm/check_NAME[-scalar].wasm
 * that tests/node/wasm_checks.test.mjs runs. The modules import nothing; they contain base,
 * kernels, image and model, and the scalar one has no SIMD code (VIT158_HAVE_SIMD128 tells).
 *
 * Memory comes from check_alloc and is given back after each case; nothing else allocates.
 */
#ifndef VIT158_TESTS_CHECK_H
#define VIT158_TESTS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct check_case {
    const char *name;
    void (*run)(void);
} check_case;

extern const check_case check_cases[];
extern const uint32_t check_case_count;

#define CHECK_CASES(...)                                                                           \
    const check_case check_cases[] = {__VA_ARGS__};                                                \
    const uint32_t check_case_count = sizeof check_cases / sizeof check_cases[0];

/* Records a failure (the first of a case is kept) with a message in vit158_format's notation. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
void check_fail(const char *file, int line, const char *format, ...);

/* Whether the running case has failed; a loop may stop then. */
bool check_failed(void);

/* Fails the case with a message that says for which input it failed; goes on. */
#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition))                                                                          \
            check_fail(__FILE__, __LINE__, #condition ": " __VA_ARGS__);                           \
    } while (0)

/* Runs a case: NULL if it passed, else its message (valid until the next run). Also fails if bytes
 * next to a guarded buffer have changed. */
const char *check_run_case(const check_case *test);

/* `bytes` bytes, 64-byte aligned, filled with a NaN pattern (0xFF). Natively an unreadable page
 * lies before it and one right after its end, rounded up to 64; in wasm and within the rounding,
 * canary bytes are compared when the case ends. */
void *check_alloc(size_t bytes);

/* Gives all memory back and compares the canaries: after each input of a long case. */
void check_free_all(void);

/* Numbers that are the same on every machine. */
typedef struct check_rng {
    uint64_t state;
} check_rng;

check_rng check_seed(uint64_t seed);
uint32_t check_bits(check_rng *rng);                      /* uniform, 32 bits */
uint32_t check_below(check_rng *rng, uint32_t bound);     /* 0 .. bound - 1 */
float check_float(check_rng *rng, float low, float high); /* exact steps of 2^-16 of the range */
/* [count] of them, from check_alloc; NULL without memory. */
float *check_floats(check_rng *rng, size_t count, float low, float high);

/* FNV-1a over bytes; start with CHECK_HASH. A hash of results, compared with a constant in the
 * test, shows that they are the same bits in every build. */
#define CHECK_HASH 14695981039346656037ULL
uint64_t check_hash(uint64_t hash, const void *data, size_t bytes);

#endif
