/* SPDX-License-Identifier: MIT */
#include "wasm/threads_abi.h"

#include <stdlib.h>

/* A minute: a worker that its browser ended says nothing. */
#define PATIENCE_NAPS 1200U

vit158_shared_pool *vit158_wasm_pool_open(uint32_t workers)
{
    vit158_shared_pool *pool = malloc(sizeof *pool);
    if (pool != NULL) {
        vit158_shared_pool_init(pool, workers);
        pool->patience_naps = PATIENCE_NAPS;
    }
    return pool;
}

void vit158_wasm_pool_work(vit158_shared_pool *pool, uint32_t worker)
{
    vit158_shared_pool_work(pool, worker);
}

void vit158_wasm_pool_quit(vit158_shared_pool *pool)
{
    vit158_shared_pool_quit(pool);
}

void vit158_wasm_pool_fail(vit158_shared_pool *pool)
{
    vit158_shared_pool_fail(pool);
}
