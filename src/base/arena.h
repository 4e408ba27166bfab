/* SPDX-License-Identifier: MIT
 *
 * A bump allocator over one block, used twice: first with no block, to learn how many bytes a plan
 * needs, then with a block of that size, to hand out the same pieces.
 *
 *   vit158_arena arena = {0};
 *   plan(&session, &arena);                       // measures: every pointer is NULL
 *   arena = vit158_arena_over(malloc(arena.used), arena.used);
 *   plan(&session, &arena);                       // hands out
 */
#ifndef VIT158_BASE_ARENA_H
#define VIT158_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VIT158_ARENA_ALIGN 64 /* a cache line; any SIMD type */

typedef struct vit158_arena {
    uint8_t *base;   /* NULL while measuring; 64-byte aligned otherwise */
    size_t capacity; /* bytes at base */
    size_t used;     /* bytes handed out, a multiple of VIT158_ARENA_ALIGN */
    bool overflow;   /* a size did not fit in size_t or in the block */
} vit158_arena;

vit158_arena vit158_arena_over(void *block, size_t n_bytes);

/* count * size bytes, 64-byte aligned, not cleared. NULL while measuring or on overflow. */
void *vit158_arena_take(vit158_arena *arena, size_t count, size_t size);

/* Pieces that are never in use at the same time may lie in the same place: those taken between
 * begin and the first next, between two nexts, and between the last next and end are the
 * alternatives, of which the largest decides the size. */
typedef struct vit158_overlay {
    size_t start;
    size_t end;
} vit158_overlay;

vit158_overlay vit158_overlay_begin(const vit158_arena *arena);
void vit158_overlay_next(vit158_overlay *overlay, vit158_arena *arena);
void vit158_overlay_end(vit158_overlay *overlay, vit158_arena *arena);

#endif
