/* SPDX-License-Identifier: MIT
 *
 * The transformer as a row of the table of networks: its check, tensors, memory and passes.
 */
#include "train/vit_net.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/text.h"
#include "train/hints.h"
#include "train/network.h"

/* ---- Geometry and tensors ---- */

static vit158_status check_shapes(const vit158_train_net_config *c, vit158_error *error)
{
    const uint32_t head_dim = vit158_train_head_dim(c);
    if (head_dim % 16 || c->heads * head_dim > c->dim)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "heads of %u must be multiples of 16 and fit into dim %u", head_dim,
                           c->dim);
    for (uint32_t i = 0; i < c->depth; i++) {
        const vit158_train_block_shape shape = vit158_train_shape(c, i);
        if (shape.heads > c->heads || shape.mlp_dim > c->mlp_dim || shape.mlp_dim % 16)
            return vit158_fail(error, VIT158_E_ARGUMENT,
                               "block %u: %u heads of %u, mlp_dim %u of %u in multiples of 16", i,
                               shape.heads, c->heads, shape.mlp_dim, c->mlp_dim);
    }
    return VIT158_OK;
}

static vit158_status check(const vit158_train_net_config *c, vit158_error *error)
{
    if (c->dim == 0 || c->heads == 0 ||
        (c->head_dim == 0 && (c->dim % c->heads || c->dim / c->heads % 16)) ||
        c->dim > VIT158_TRAIN_MAX_WIDTH)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "dim %u / heads %u must be a multiple of 16 and dim at most %u", c->dim,
                           c->heads, VIT158_TRAIN_MAX_WIDTH);
    if (c->mlp_dim == 0 || c->mlp_dim % 16 || c->mlp_dim > VIT158_TRAIN_MAX_WIDTH)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "mlp_dim %u must be a multiple of 16 and at most %u", c->mlp_dim,
                           VIT158_TRAIN_MAX_WIDTH);
    const uint32_t side = c->image_size / c->patch_size;
    if (side * side >= VIT158_TRAIN_MAX_ROWS)
        return vit158_fail(error, VIT158_E_LIMIT, "%u patches an image, at most %u can be trained",
                           side * side, VIT158_TRAIN_MAX_ROWS - 1);
    if (c->ternary && !c->inner_norms && !c->outer_norms)
        return vit158_fail(error, VIT158_E_ARGUMENT, "ternary weights need norms before them");
    return check_shapes(c, error);
}

static void place_layer(vit158_train_layout *l, vit158_train_layer *layer, uint32_t block,
                        const char *kind, uint32_t n_out, uint32_t n_in)
{
    char name[VIT158_TRAIN_MAX_NAME];
    layer->n_in = n_in;
    layer->n_out = n_out;
    vit158_format(name, sizeof name, "blocks.%u.%s.weight", block, kind);
    layer->weight = vit158_train_place_matrix(l, name, n_out, n_in, n_out == 3 * n_in ? 3 : 1);
    vit158_format(name, sizeof name, "blocks.%u.%s.bias", block, kind);
    layer->bias = vit158_train_place_tensor(l, name, 1, n_out);
    vit158_format(name, sizeof name, "blocks.%u.%s.norm", block, kind);
    vit158_train_place_norm(l, name, n_in, l->net->config.inner_norms, &layer->norm_weight,
                            &layer->norm_bias);
}

static void place_blocks(vit158_train_layout *l)
{
    vit158_train_net *net = l->net;
    const vit158_train_net_config *c = &net->config;
    net->cls = vit158_train_place_tensor(l, "cls_token", 1, c->dim);
    net->pos = vit158_train_place_tensor(l, "pos_embed", net->tokens, c->dim);
    for (uint32_t b = 0; b < net->block_count; b++) {
        vit158_train_net_block *block = &net->blocks[b];
        const vit158_train_block_shape shape = vit158_train_shape(c, b);
        const uint32_t attention = shape.heads * vit158_train_head_dim(c);
        char name[VIT158_TRAIN_MAX_NAME];
        vit158_format(name, sizeof name, "blocks.%u.norm1", b);
        vit158_train_place_norm(l, name, c->dim, c->outer_norms, &block->norm1_weight,
                                &block->norm1_bias);
        place_layer(l, &block->layers[VIT158_QKV], b, "attn.qkv", 3 * attention, c->dim);
        place_layer(l, &block->layers[VIT158_PROJ], b, "attn.proj", c->dim, attention);
        vit158_format(name, sizeof name, "blocks.%u.norm2", b);
        vit158_train_place_norm(l, name, c->dim, c->outer_norms, &block->norm2_weight,
                                &block->norm2_bias);
        place_layer(l, &block->layers[VIT158_FC1], b, "mlp.fc1", shape.mlp_dim, c->dim);
        place_layer(l, &block->layers[VIT158_FC2], b, "mlp.fc2", c->dim, shape.mlp_dim);
    }
}

static bool describe(vit158_train_layout *l)
{
    vit158_train_net *net = l->net;
    net->block_count = net->config.depth;
    net->blocks = calloc(net->block_count, sizeof *net->blocks);
    if (net->blocks == NULL)
        return false;
    vit158_train_place_stem(l, net->config.dim);
    place_blocks(l);
    vit158_train_place_head(l);
    return true;
}

/* ---- Memory ---- */

static size_t largest(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Of a block with these heads and this hidden width. */
static void plan_block(vit158_train_saved_block *saved, const vit158_train_net *net, uint32_t block,
                       vit158_train_block_shape shape, uint32_t images, vit158_arena *arena)
{
    const vit158_train_net_config *c = &net->config;
    const size_t rows = (size_t)images * net->tokens;
    const bool class_only = block + 1 == c->depth && !c->whole_output;
    const uint32_t queries = class_only ? 1 : net->tokens;
    const size_t rows2 = (size_t)images * queries;
    const uint32_t attention = shape.heads * vit158_train_head_dim(c);
    const uint32_t n_in[VIT158_BLOCK_LINEARS] = {c->dim, attention, c->dim, shape.mlp_dim};
    saved->x = vit158_train_take_rows(arena, rows, c->dim);
    saved->qkv = vit158_train_take_rows(arena, rows, (size_t)3 * attention);
    saved->p = vit158_train_take_rows(arena, (size_t)images * shape.heads * queries,
                                      vit158_train_round_up(net->tokens, 16));
    saved->att = vit158_train_take_rows(arena, rows2, attention);
    saved->x2 = vit158_train_take_rows(arena, rows2, c->dim);
    saved->h = vit158_train_take_rows(arena, rows2, shape.mlp_dim);
    for (int i = 0; i < VIT158_BLOCK_LINEARS; i++) {
        const uint32_t n = n_in[i];
        const size_t n_rows = i == VIT158_QKV ? rows : rows2;
        vit158_train_saved_input in = {0};
        in.stats = vit158_train_take_rows(arena, n_rows, 4);
        if (c->ternary || c->rounds_inputs) {
            in.q.ldq = vit158_train_round_up(n, 64);
            in.q.q = vit158_arena_take(arena, n_rows + VIT158_TRAIN_TILE_ROWS, in.q.ldq);
            in.q.r = vit158_arena_take(arena, n_rows + 1, sizeof(float));
            in.q.sum = vit158_arena_take(arena, n_rows + 1, sizeof(int32_t));
        }
        if (!c->ternary) {
            in.y = vit158_train_take_rows(arena, n_rows, n);
        }
        saved->in[i] = in;
    }
}

/* Bytes that the block products of a pass over `rows` rows need. */
static size_t product_scratch(const vit158_train_net *net, size_t rows, bool with_gradient)
{
    size_t most = 0;
    for (uint32_t i = 0; i < net->block_count * VIT158_BLOCK_LINEARS; i++) {
        const vit158_train_layer *layer =
            &net->blocks[i / VIT158_BLOCK_LINEARS].layers[i % VIT158_BLOCK_LINEARS];
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

static void plan(vit158_train_workspace *workspace, const vit158_train_net *net, bool with_gradient,
                 vit158_arena *arena)
{
    const vit158_train_net_config *c = &net->config;
    vit158_train_saved_block *blocks = vit158_arena_take(arena, net->block_count, sizeof *blocks);
    const vit158_train_block_shape largest_shape = {c->heads, c->mlp_dim};
    vit158_train_saved_block first = {0};
    for (uint32_t b = 0; b < net->block_count; b++) {
        vit158_train_saved_block saved = {0};
        /* Without a backward pass all blocks share one set of buffers. */
        if (with_gradient)
            plan_block(&saved, net, b, vit158_train_shape(c, b), workspace->max_images, arena);
        else if (b == 0)
            plan_block(&saved, net, b, largest_shape, workspace->max_images, arena);
        else
            saved = first;
        if (b == 0)
            first = saved;
        for (int i = 0; i < VIT158_BLOCK_LINEARS; i++)
            if (saved.in[i].q.ldq > 0)
                saved.in[i].q.ldq = vit158_train_round_up(net->blocks[b].layers[i].n_in, 64);
        if (blocks != NULL)
            blocks[b] = saved;
    }
    workspace->blocks = blocks;
    workspace->attention = vit158_arena_take(
        arena, vit158_train_attention_scratch(net->tokens, vit158_train_head_dim(c)),
        sizeof(float));
    workspace->products = vit158_arena_take(
        arena, product_scratch(net, (size_t)workspace->max_images * net->tokens, with_gradient), 1);
    if (!with_gradient)
        return;
    const size_t rows = (size_t)workspace->max_images * net->tokens;
    workspace->g = vit158_train_take_rows(arena, rows, c->dim);
    workspace->g2 = vit158_train_take_rows(arena, rows, c->dim);
    workspace->wide = vit158_train_take_rows(arena, rows, largest((size_t)3 * c->dim, c->mlp_dim));
    workspace->narrow = vit158_train_take_rows(arena, rows, largest(c->dim, c->mlp_dim));
}

/* ---- Passes ---- */

static void forward(const vit158_train_pass *pass)
{
    vit158_train_embed_forward(pass);
    for (uint32_t b = 0; b < pass->net->block_count; b++)
        vit158_train_block_forward(pass, b);
}

static void backward(const vit158_train_pass *pass)
{
    for (uint32_t b = pass->net->block_count; b-- > 0;) {
        if (pass->hints != NULL)
            pass->workspace->hint_loss += vit158_train_hint(pass, b);
        vit158_train_block_backward(pass, b);
    }
    vit158_train_embed_backward(pass);
}

const vit158_train_network vit158_train_vit = {.name = "vit",
                                               .is_model = true,
                                               .takes_any_patches = true,
                                               .most_rows = VIT158_TRAIN_MAX_ROWS,
                                               .check = check,
                                               .describe = describe,
                                               .plan = plan,
                                               .forward = forward,
                                               .backward = backward};
