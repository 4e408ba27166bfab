/* SPDX-License-Identifier: MIT
 *
 * The two halves of a block (METHODS.md 1.1): x += proj(attention(qkv(norm1 x))) and
 * x += fc2(gelu(fc1(norm2 x))), each layer with its own inner norm if it has one. Keys and values
 * are made of all tokens; queries, proj, fc1 and fc2 only of those that the step is to leave.
 */
#include "engine/attention.h"
#include "engine/linear.h"
#include "engine/steps.h"

static const vit158_norm no_norm = {NULL, NULL};

void vit158_attention_half(vit158_forward *f, const vit158_step *step)
{
    const vit158_block *b = &f->model->blocks[step->block];
    const uint32_t d = f->model->info.dim;
    const uint32_t n = step->tokens_in;
    const uint32_t needed = step->needed;

    vit158_prepared input = vit158_linear_prepare(f, &b->qkv, b->norm1, f->x, n);
    if (needed == n) {
        vit158_linear_apply(f, &b->qkv, input, f->wide, VIT158_STORE, (vit158_part){n, 0, 3 * d});
    } else {
        vit158_linear_apply(f, &b->qkv, input, f->wide, VIT158_STORE, (vit158_part){needed, 0, d});
        vit158_linear_apply(f, &b->qkv, input, f->wide, VIT158_STORE, (vit158_part){n, d, 3 * d});
    }
    vit158_attend(f, step);
    input = vit158_linear_prepare(f, &b->proj, no_norm, f->attended, needed);
    vit158_linear_apply(f, &b->proj, input, f->x, VIT158_ADD, (vit158_part){needed, 0, d});
}

void vit158_mlp_half(vit158_forward *f, const vit158_step *step)
{
    const vit158_block *b = &f->model->blocks[step->block];
    const uint32_t needed = step->needed;
    vit158_prepared input = vit158_linear_prepare(f, &b->fc1, b->norm2, f->x, needed);
    vit158_linear_apply(f, &b->fc1, input, f->wide, VIT158_GELU,
                        (vit158_part){needed, 0, b->fc1.n_out});
    input = vit158_linear_prepare(f, &b->fc2, no_norm, f->wide, needed);
    vit158_linear_apply(f, &b->fc2, input, f->x, VIT158_ADD,
                        (vit158_part){needed, 0, b->fc2.n_out});
}
