/* SPDX-License-Identifier: MIT */
#include "wasm/threads_abi.h"

#include <stdlib.h>

vit158_shared_pool *vit158_wasm_pool_open(uint32_t workers)
{
    vit158_shared_pool *pool = malloc(sizeof *pool);
    if (pool != NULL) {
        vit158_shared_pool_init(pool, workers);
        pool->patience_naps = VIT158_POOL_PATIENCE_NAPS; /* an ended worker says nothing */
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
