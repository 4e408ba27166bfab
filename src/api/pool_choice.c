/* SPDX-License-Identifier: MIT */
#include "api/pool_choice.h"

#include "base/error.h"

#define MAX_WORKERS 64U

vit158_status vit158_pool_choose(vit158_pool_choice *choice, uint32_t threads, vit158_error *error)
{
    if (threads > MAX_WORKERS)
        return vit158_fail(error, VIT158_E_ARGUMENT, "%u threads: at most %u are supported",
                           threads, MAX_WORKERS);
    *choice = (vit158_pool_choice){.serial = vit158_pool_serial()};
#if defined(VIT158_HAVE_THREADS)
    if (threads > 1)
        vit158_shared_pool_init(&choice->shared, threads);
#endif
    return VIT158_OK;
}

#if defined(VIT158_HAVE_THREADS)

vit158_pool *vit158_pool_of(vit158_pool_choice *choice)
{
    return choice->shared.pool.workers > 1 ? &choice->shared.pool : &choice->serial;
}

void vit158_pool_start(vit158_pool_choice *choice)
{
#if !defined(__wasm__)
    if (choice->shared.pool.workers > 1)
        vit158_threads_start(&choice->threads, &choice->shared);
#else
    (void)choice;
#endif
}

void vit158_pool_stop(vit158_pool_choice *choice)
{
    if (choice->shared.pool.workers <= 1)
        return;
#if !defined(__wasm__)
    vit158_threads_stop(&choice->threads, &choice->shared);
#else
    vit158_shared_pool_quit(&choice->shared);
#endif
}

vit158_status vit158_pool_check(vit158_pool_choice *choice, vit158_error *error)
{
    if (choice->shared.pool.workers > 1 && vit158_shared_pool_failed(&choice->shared))
        return vit158_fail(error, VIT158_E_THREAD, "a worker thread of the session has died");
    return VIT158_OK;
}

#else

vit158_pool *vit158_pool_of(vit158_pool_choice *choice)
{
    return &choice->serial;
}

void vit158_pool_start(vit158_pool_choice *choice)
{
    (void)choice;
}

void vit158_pool_stop(vit158_pool_choice *choice)
{
    (void)choice;
}

vit158_status vit158_pool_check(vit158_pool_choice *choice, vit158_error *error)
{
    (void)choice;
    (void)error;
    return VIT158_OK;
}

#endif
