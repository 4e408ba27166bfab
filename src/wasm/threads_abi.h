/* SPDX-License-Identifier: MIT
 *
 * Exports that only vit158-threads.wasm has: a pool whose helpers are JavaScript workers. Each
 * worker instantiates the module on the same shared memory, sets its own stack pointer, and calls
 * vit158_wasm_pool_work, which returns after vit158_wasm_pool_quit.
 */
#ifndef VIT158_WASM_THREADS_ABI_H
#define VIT158_WASM_THREADS_ABI_H

#include "base/pool.h"

/* A pool for `workers` threads, the caller counted in; NULL without memory. It lives as long as the
 * instance: helpers may still be on their way out when it is no longer used. */
vit158_shared_pool *vit158_wasm_pool_open(uint32_t workers);

/* The body of helper `worker` (1 .. workers - 1). */
void vit158_wasm_pool_work(vit158_shared_pool *pool, uint32_t worker);
void vit158_wasm_pool_quit(vit158_shared_pool *pool);

/* A worker has died: sessions on the pool fail from now on (VIT158_E_THREAD). */
void vit158_wasm_pool_fail(vit158_shared_pool *pool);

#endif
