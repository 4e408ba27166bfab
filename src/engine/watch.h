/* SPDX-License-Identifier: MIT
 *
 * The engine's side of vit158_observe.h: an observer and the buffers that hold what it sees where
 * an unobserved pass keeps no such matrix. A pass asks vit158_watches before it leaves its usual
 * way, so that without an observer it costs one comparison a layer.
 */
#ifndef VIT158_ENGINE_WATCH_H
#define VIT158_ENGINE_WATCH_H

#include "base/arena.h"
#include "engine/context.h"
#include "vit158_observe.h"

struct vit158_watch {
    vit158_observer observer;
    float *input;   /* [max(d, F)][ld] of a linear layer, after its norms */
    float *output;  /* [max(d, F)][ld] of a linear layer, before its epilogue */
    float *scores;  /* [N][ld] of a head, then its probabilities */
    int16_t *pairs; /* [ceil(N / 2)][ld][2] int16 probabilities */
    float *steps;   /* [ld] what they count by */
};

/* Takes the buffers that the observer's sites need; `arena` may be measuring. */
void vit158_watch_plan(vit158_watch *watch, vit158_arena *arena, const vit158_forward *f);

/* Builds with VIT158_NO_OBSERVER (the wasm modules, which offer none to JavaScript) leave out
 * everything that depends on it. */
static inline bool vit158_watches(const vit158_forward *f, uint32_t sites)
{
#if defined(VIT158_NO_OBSERVER)
    (void)f;
    (void)sites;
    return false;
#else
    return f->watch != NULL && (f->watch->observer.sites & sites) != 0;
#endif
}

/* Shows a sight, to which the index of the running step is added. */
void vit158_watch_show(const vit158_forward *f, vit158_sight sight);

/* Shows `values` [rows][ld], input or output of a layer, if the observer wants to see them. */
void vit158_watch_layer(const vit158_forward *f, vit158_site site, const vit158_linear *layer,
                        float *values, uint32_t tokens, size_t ld);

#endif
