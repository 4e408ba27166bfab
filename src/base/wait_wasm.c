/* SPDX-License-Identifier: MIT */
#include "base/wait.h"

void vit158_waiter_init(vit158_waiter *w)
{
    atomic_store(&w->sleepers, 0);
}

void vit158_waiter_end(vit158_waiter *w)
{
    (void)w;
}

void vit158_wait(vit158_waiter *w, _Atomic uint32_t *word, uint32_t seen, uint32_t milliseconds)
{
    atomic_fetch_add(&w->sleepers, 1);
    __builtin_wasm_memory_atomic_wait32((int *)word, (int)seen, (int64_t)milliseconds * 1000000);
    atomic_fetch_sub(&w->sleepers, 1);
}

void vit158_wake(vit158_waiter *w, _Atomic uint32_t *word)
{
    if (atomic_load(&w->sleepers) != 0)
        __builtin_wasm_memory_atomic_notify((int *)word, 0x7FFFFFFF);
}
