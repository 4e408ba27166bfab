/* SPDX-License-Identifier: MIT
 *
 * Memory of one worker, and the order of a pass.
 */
#include "train/conv_net.h"
#include "train/hints.h"

static size_t largest(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void plan_block(vit158_train_kept_block *kept, const vit158_train_net *net, uint32_t block,
                       uint32_t images, vit158_arena *arena)
{
    const vit158_train_net_config *c = &net->config;
    const size_t rows = (size_t)images * net->tokens;
    const uint32_t queries = block + 1 == c->depth ? 1 : net->tokens;
    const size_t rows2 = (size_t)images * queries;
    kept->x = vit158_train_take_rows(arena, rows, c->dim);
    kept->qkv = vit158_train_take_rows(arena, rows, (size_t)3 * c->dim);
    kept->p = vit158_train_take_rows(arena, (size_t)images * c->heads * queries,
                                     vit158_train_round_up(net->tokens, 16));
    kept->att = vit158_train_take_rows(arena, rows2, c->dim);
    kept->x2 = vit158_train_take_rows(arena, rows2, c->dim);
    kept->h = vit158_train_take_rows(arena, rows2, c->mlp_dim);
    for (int i = 0; i < VIT158_BLOCK_LINEARS; i++) {
        const uint32_t n = net->blocks[block].layers[i].n_in;
        const size_t n_rows = i == VIT158_QKV ? rows : rows2;
        vit158_train_kept_input in = {0};
        in.stats = vit158_train_take_rows(arena, n_rows, 4);
        if (c->ternary) {
            in.q.ldq = vit158_train_round_up(n, 64);
            in.q.q = vit158_arena_take(arena, n_rows + VIT158_TRAIN_TILE_ROWS, in.q.ldq);
            in.q.r = vit158_arena_take(arena, n_rows + 1, sizeof(float));
            in.q.sum = vit158_arena_take(arena, n_rows + 1, sizeof(int32_t));
        } else {
            in.y = vit158_train_take_rows(arena, n_rows, n);
        }
        kept->in[i] = in;
    }
}

/* Bytes that the block products of a pass over `rows` rows need. */
static size_t product_scratch(const vit158_train_net *net, size_t rows, bool with_gradient)
{
    size_t most = 0;
    for (int i = 0; i < VIT158_BLOCK_LINEARS; i++) {
        const vit158_train_layer *layer = &net->blocks[0].layers[i];
        const uint32_t n_in = layer->n_in, n_out = layer->n_out;
        if (!net->config.ternary)
            most = largest(most, vit158_train_half_scratch(rows, n_out, n_in));
        if (!with_gradient)
            continue;
        if (net->config.ternary) {
            most = largest(most, vit158_train_trit_gradient_scratch((uint32_t)rows, n_in, n_out));
        } else {
            most = largest(most, vit158_train_half_scratch(rows, n_in, n_out));
            most = largest(most, vit158_train_half_scratch(n_out, n_in, rows));
        }
    }
    return most;
}

static void plan_gradient(vit158_train_work *w, const vit158_train_net *net, size_t rows,
                          vit158_arena *arena)
{
    const vit158_train_net_config *c = &net->config;
    w->dlogits = vit158_train_take_rows(arena, w->max_images, w->logit_ld);
    w->gradient = vit158_arena_take(arena, net->parameters, sizeof(float));
    w->g2 = vit158_train_take_rows(arena, c->conv ? w->max_images : rows, c->dim);
    w->g = vit158_train_take_rows(arena, c->conv ? w->max_images : rows, c->dim);
    if (c->conv)
        return;
    w->wide = vit158_train_take_rows(arena, rows, largest((size_t)3 * c->dim, c->mlp_dim));
    w->narrow = vit158_train_take_rows(arena, rows, largest(c->dim, c->mlp_dim));
}

static void plan_blocks(vit158_train_work *work, const vit158_train_net *net, bool with_gradient,
                        vit158_arena *arena)
{
    const vit158_train_net_config *c = &net->config;
    vit158_train_kept_block *blocks = vit158_arena_take(arena, net->block_count, sizeof *blocks);
    vit158_train_kept_block first = {0};
    for (uint32_t b = 0; b < net->block_count; b++) {
        vit158_train_kept_block kept = {0};
        /* Without a backward pass all blocks share one set of buffers. */
        if (with_gradient || b == 0)
            plan_block(&kept, net, b, work->max_images, arena);
        else
            kept = first;
        if (b == 0)
            first = kept;
        if (blocks)
            blocks[b] = kept;
    }
    work->blocks = blocks;
    work->attention = vit158_arena_take(
        arena, vit158_train_attention_scratch(net->tokens, c->dim / c->heads), sizeof(float));
    work->products = vit158_arena_take(
        arena, product_scratch(net, (size_t)work->max_images * net->tokens, with_gradient), 1);
}

void vit158_train_work_plan(vit158_train_work *work, const vit158_train_net *net,
                            uint32_t max_images, bool with_gradient, vit158_arena *arena)
{
    const vit158_train_net_config *c = &net->config;
    const size_t rows = (size_t)max_images * net->tokens;
    *work = (vit158_train_work){.max_images = max_images,
                                .patch_ld = vit158_train_round_up(net->patch_inputs, 16),
                                .logit_ld = vit158_train_round_up(c->classes, 16)};
    work->patches = vit158_train_take_rows(arena, rows, work->patch_ld);
    work->places = vit158_arena_take(arena, rows, sizeof(uint32_t));
    if (c->conv)
        work->conv = vit158_train_conv_plan(net, max_images, with_gradient, arena);
    else
        plan_blocks(work, net, with_gradient, arena);
    work->last = vit158_train_take_rows(arena, max_images, c->dim);
    work->last_stats = vit158_train_take_rows(arena, max_images, 4);
    work->features = vit158_train_take_rows(arena, max_images, c->dim);
    work->logits = vit158_train_take_rows(arena, max_images, work->logit_ld);
    work->rows = vit158_arena_take(arena, 4 * largest(c->dim, c->mlp_dim), sizeof(float));
    if (with_gradient)
        plan_gradient(work, net, rows, arena);
}

void vit158_train_work_whole(vit158_train_work *work, const vit158_train_net *net, uint32_t images)
{
    work->images = images;
    work->tokens = net->tokens;
    for (uint32_t b = 0; b < net->block_count; b++)
        work->blocks[b].attn_factor = work->blocks[b].mlp_factor = 1.0F;
}

void vit158_train_forward(const vit158_train_pass *pass)
{
    if (pass->net->config.conv) {
        vit158_train_conv_forward(pass);
    } else {
        vit158_train_embed_forward(pass);
        for (uint32_t b = 0; b < pass->net->block_count; b++)
            vit158_train_block_forward(pass, b);
    }
    vit158_train_head_forward(pass);
}

static void backward_block(const vit158_train_pass *pass, uint32_t block)
{
    if (pass->hints != NULL) {
        pass->work->hint_loss += vit158_train_hint_tokens(pass, block);
        if (pass->hints->attention > 0.0F)
            pass->work->hint_loss += vit158_train_hint_divergence(pass, block);
    }
    vit158_train_block_backward(pass, block);
}

void vit158_train_backward(const vit158_train_pass *pass)
{
    vit158_train_head_backward(pass);
    if (pass->net->config.head_only)
        return;
    if (pass->net->config.conv) {
        vit158_train_conv_backward(pass);
        return;
    }
    for (uint32_t b = pass->net->block_count; b-- > 0;)
        backward_block(pass, b);
    vit158_train_embed_backward(pass);
}
