/* SPDX-License-Identifier: MIT
 *
 * The memory of a forward pass, planned once from the program and the model's encodings.
 */
#ifndef VIT158_ENGINE_PLAN_H
#define VIT158_ENGINE_PLAN_H

#include "base/arena.h"
#include "engine/context.h"

/* What a pass is made from; all of it is kept, not copied. */
typedef struct vit158_forward_setup {
    const vit158_model *model;
    vit158_program program;
    const vit158_kernels *kernels;
    vit158_pool *pool;
    vit158_gemm gemm;
    bool explain;
} vit158_forward_setup;

/* Fills the struct and takes its buffers from `arena` (which may be measuring). */
void vit158_forward_plan(vit158_forward *f, vit158_arena *arena, const vit158_forward_setup *setup);

#endif
