/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <assert.h>

vit158_arena vit158_arena_over(void *block, size_t n_bytes)
{
    assert(((uintptr_t)block & (VIT158_ARENA_ALIGN - 1)) == 0);
    return (vit158_arena){.base = block, .capacity = n_bytes};
}

void *vit158_arena_take(vit158_arena *arena, size_t count, size_t size)
{
    const size_t slack = VIT158_ARENA_ALIGN - 1;
    if (size != 0 && count > (SIZE_MAX - slack) / size) {
        arena->overflow = true;
        return NULL;
    }
    const size_t n_bytes = (count * size + slack) & ~slack;
    if (n_bytes > SIZE_MAX - arena->used) {
        arena->overflow = true;
        return NULL;
    }
    const size_t start = arena->used;
    if (arena->base != NULL && n_bytes > arena->capacity - start) {
        arena->overflow = true;
        return NULL;
    }
    arena->used = start + n_bytes;
    return arena->base != NULL ? arena->base + start : NULL;
}

vit158_overlay vit158_overlay_begin(const vit158_arena *arena)
{
    return (vit158_overlay){.start = arena->used, .end = arena->used};
}

void vit158_overlay_next(vit158_overlay *overlay, vit158_arena *arena)
{
    if (arena->used > overlay->end)
        overlay->end = arena->used;
    arena->used = overlay->start;
}

void vit158_overlay_end(vit158_overlay *overlay, vit158_arena *arena)
{
    vit158_overlay_next(overlay, arena);
    arena->used = overlay->end;
}
