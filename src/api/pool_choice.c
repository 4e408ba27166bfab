/* SPDX-License-Identifier: MIT */
#include "api/pool_choice.h"

#include <assert.h>

#if defined(VIT158_HAVE_THREADS)

static_assert(VIT158_MAX_SESSION_THREADS <= VIT158_MAX_THREADS, "a thread for every worker");

static bool is_shared(const vit158_pool_choice *choice)
{
    return choice->shared.pool.workers > 1;
}

void vit158_pool_choose(vit158_pool_choice *choice, uint32_t threads)
{
    *choice = (vit158_pool_choice){.serial = vit158_pool_serial()};
    if (threads > 1)
        vit158_shared_pool_init(&choice->shared, threads);
}

vit158_pool *vit158_pool_of(vit158_pool_choice *choice)
{
    return is_shared(choice) ? &choice->shared.pool : &choice->serial;
}

void vit158_pool_start(vit158_pool_choice *choice)
{
    if (is_shared(choice))
        vit158_threads_start(&choice->threads, &choice->shared);
}

void vit158_pool_stop(vit158_pool_choice *choice)
{
    if (is_shared(choice))
        vit158_threads_stop(&choice->threads, &choice->shared);
}

#else

void vit158_pool_choose(vit158_pool_choice *choice, uint32_t threads)
{
    (void)threads;
    choice->serial = vit158_pool_serial();
}

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

#endif
