/* SPDX-License-Identifier: MIT */
#include "unit/refused_memory.h"

#include <stddef.h>

static long calls;
static long fail_at;
static bool fail_on;
static long held;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);

void refuse_memory(long at, bool on)
{
    calls = 0;
    fail_at = at;
    fail_on = on;
}

long refuse_memory_calls(void)
{
    return calls;
}

long refuse_memory_held(void)
{
    return held;
}

static bool refused(void)
{
    calls++;
    return fail_at > 0 && (calls == fail_at || (fail_on && calls > fail_at));
}

static void *counted(void *block)
{
    held += block != NULL;
    return block;
}

void *__wrap_malloc(size_t size)
{
    return refused() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return refused() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size)
{
    if (refused())
        return NULL;
    void *grown = __real_realloc(block, size);
    held += block == NULL && grown != NULL;
    return grown;
}

void __wrap_free(void *block)
{
    held -= block != NULL;
    __real_free(block);
}
