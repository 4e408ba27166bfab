/* SPDX-License-Identifier: MIT
 *
 * Guarded memory for wasm: known bytes on both sides, compared when the memory is given back; and
 * the exports through which tests/node/wasm_checks.test.mjs runs the cases.
 */
#include "check_pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { GUARD = 4096, CANARY = 0x5A };

void *check_map(size_t bytes)
{
    uint8_t *base = aligned_alloc(64, bytes + 2 * GUARD);
    if (!base)
        return NULL;
    memset(base, CANARY, GUARD);
    memset(base + GUARD + bytes, CANARY, GUARD);
    return base + GUARD;
}

bool check_unmap(void *data, size_t bytes)
{
    uint8_t *base = (uint8_t *)data - GUARD;
    bool intact = true;
    for (size_t i = 0; i < GUARD; i++)
        intact = intact && base[i] == CANARY && base[GUARD + bytes + i] == CANARY;
    free(base);
    return intact;
}

static const char *message;

uint32_t check_count(void);
const char *check_name(uint32_t index);
uint32_t check_run(uint32_t index);
const char *check_message(void);

uint32_t check_count(void)
{
    return check_case_count;
}

const char *check_name(uint32_t index)
{
    return check_cases[index].name;
}

/* 1 = passed; else check_message says why. */
uint32_t check_run(uint32_t index)
{
    message = check_run_case(&check_cases[index]);
    return message == NULL;
}

const char *check_message(void)
{
    return message ? message : "";
}
