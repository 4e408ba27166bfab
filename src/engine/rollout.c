/* SPDX-License-Identifier: MIT */
#include "engine/rollout.h"

#include <string.h>
vit158_explain *vit158_explain_plan(vit158_arena *arena, const vit158_model *model)
{
    const vit158_model_info *info = &model->info;
    const size_t n = info->tokens;
    const size_t square = n * vit158_token_stride(info->tokens);
    vit158_explain *e = vit158_arena_take(arena, 1, sizeof *e);
    const vit158_explain planned = {
        .attention = vit158_arena_take(arena, (size_t)info->depth * info->heads * n, sizeof(float)),
        .rollout = vit158_arena_take(arena, n, sizeof(float)),
        .mixed = vit158_arena_take(arena, square, sizeof(float)),
        .previous = vit158_arena_take(arena, square, sizeof(float)),
        .product = vit158_arena_take(arena, square, sizeof(float)),
    };
    if (e != NULL)
        *e = planned;
    return e;
}

void vit158_explain_tile(vit158_forward *f, uint32_t block, const vit158_tile *tile)
{
    vit158_explain *e = f->explain;
    const vit158_model_info *info = &f->model->info;
    const uint32_t n = tile->n_keys;
    const uint32_t first = tile->first;
    if (first == 0) {
        float *kept = e->attention + ((size_t)block * info->heads + tile->head) * n;
        for (uint32_t j = 0; j < n; j++)
            kept[j] = tile->scores[j * tile->ld];
    }
    const float share = 0.5F / (float)info->heads;
    for (uint32_t j = 0; j < n; j++) {
        const float *p = tile->scores + j * tile->ld;
        float *m = e->mixed + (size_t)j * f->ld + first;
        for (uint32_t i = 0; i < tile->queries; i++) {
            const float before = tile->head > 0 ? m[i] : (j == first + i ? 0.5F : 0.0F);
            m[i] = before + share * p[i];
        }
    }
}

void vit158_explain_block(vit158_forward *f, const vit158_step *step)
{
    vit158_explain *e = f->explain;
    const uint32_t n = step->tokens_in;
    const bool last = step->block + 1 == f->model->info.depth;
    /* R^T[o][t] = sum over k of R_before^T[o][k] * mixed[k][t], of the tokens that are needed. */
    if (step->block == 0) {
        memcpy(e->product, e->mixed, (size_t)n * f->ld * sizeof(float));
    } else {
        const vit158_gemm_f32 p = {.y = e->product,
                                   .ldy = f->ld,
                                   .a = e->previous,
                                   .a_row = f->ld,
                                   .a_col = 1,
                                   .b = e->mixed,
                                   .ldb = f->ld,
                                   .n_in = n,
                                   .n_out = n,
                                   .epilogue = VIT158_STORE};
        f->kernels->f32.run(&p, 0, step->needed, 0, n, vit158_scratch(f, 0));
    }
    if (last)
        for (uint32_t j = 0; j < n; j++)
            e->rollout[j] = e->product[(size_t)j * f->ld];
    float *swap = e->previous;
    e->previous = e->product;
    e->product = swap;
}
