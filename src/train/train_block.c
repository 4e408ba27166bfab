/* SPDX-License-Identifier: MIT
 *
 * One transformer block: x2 = x + Attn(x), out = x2 + MLP(x2) (METHODS.md 1.1), each branch times a
 * factor that is 0 when the branch is left out (stochastic depth). In the last block only the class
 * token's row is used after attention, so queries, projection and MLP see one row an image.
 */
#include <string.h>

#include "train/hints.h"
#include "train/vit_net.h"

typedef struct block_view {
    const vit158_train_net_block *block;
    vit158_train_saved_block *saved;
    uint32_t index;
    uint32_t rows, rows2, queries;
    size_t from_ld; /* stride of the rows of x that continue into x2 */
    float *out;     /* [rows2][d] */
} block_view;

static block_view view(const vit158_train_pass *pass, uint32_t index)
{
    vit158_train_workspace *w = pass->workspace;
    const vit158_train_net_config *c = &pass->net->config;
    const bool end = index + 1 == c->depth, last = end && !c->whole_output;
    block_view v = {.block = &pass->net->blocks[index], .saved = &w->blocks[index], .index = index};
    v.queries = last ? 1 : w->tokens;
    v.rows = w->images * w->tokens;
    v.rows2 = w->images * v.queries;
    v.from_ld = last ? (size_t)w->tokens * c->dim : c->dim;
    v.out = end ? w->last : w->blocks[index + 1].x;
    return v;
}

static vit158_train_norm_rows input_rows(const vit158_train_pass *pass, const block_view *v,
                                         int kind)
{
    const vit158_train_net_config *c = &pass->net->config;
    const float *w = pass->packed->parameters;
    const vit158_train_layer *layer = &v->block->layers[kind];
    const vit158_train_saved_input *in = &v->saved->in[kind];
    const float *inputs[VIT158_BLOCK_LINEARS] = {v->saved->x, v->saved->att, v->saved->x2,
                                                 v->saved->h};
    vit158_train_norm_rows r = {.x = inputs[kind],
                                .ldx = layer->n_in,
                                .n = layer->n_in,
                                .rows = kind == VIT158_QKV ? v->rows : v->rows2,
                                .gelu = kind == VIT158_FC2,
                                .outer_eps = c->norm_eps,
                                .inner_eps = c->inner_norm_eps,
                                .stats = in->stats,
                                .out = in->q,
                                .y = in->y,
                                .scratch = pass->workspace->rows};
    if (c->outer_norms && (kind == VIT158_QKV || kind == VIT158_FC1)) {
        const bool first = kind == VIT158_QKV;
        r.outer_weight = w + (first ? v->block->norm1_weight : v->block->norm2_weight);
        r.outer_bias = w + (first ? v->block->norm1_bias : v->block->norm2_bias);
    }
    if (c->inner_norms) {
        r.inner_weight = w + layer->norm_weight;
        r.inner_bias = w + layer->norm_bias;
    }
    return r;
}

/* Inputs that were rounded, as the floats they stand for. */
static void restore_inputs(const vit158_train_norm_rows *rows)
{
    for (uint32_t t = 0; t < rows->rows; t++) {
        const int8_t *q = rows->out.q + t * rows->out.ldq;
        float *y = rows->y + (size_t)t * rows->n;
        for (uint32_t i = 0; i < rows->n; i++)
            y[i] = rows->out.r[t] * (float)q[i];
    }
}

/* b in panels unless ldb is given; its elements b(k, c) = weight[k * b_row + c * b_col]. */
static void product(const vit158_train_pass *pass, vit158_train_product *p, const float *elements,
                    size_t b_row, size_t b_col)
{
    if (!pass->half) {
        pass->compute->product(p);
        return;
    }
    p->b = elements;
    pass->compute->half_product(p, b_row, b_col, pass->workspace->products);
}

/* y = base + factor * layer(input). */
static void linear_forward(const vit158_train_pass *pass, const block_view *v, int kind, float *y,
                           const float *base, size_t base_ld, float factor)
{
    const vit158_train_norm_rows rows = input_rows(pass, v, kind);
    pass->compute->norm_rows(&rows);
    if (pass->net->config.rounds_inputs)
        restore_inputs(&rows);
    const vit158_train_layer *layer = &v->block->layers[kind];
    const vit158_train_packed_layer *packed =
        &pass->packed->layers[v->index * VIT158_BLOCK_LINEARS + (uint32_t)kind];
    const float *bias = pass->packed->parameters + layer->bias;
    if (pass->net->config.ternary) {
        const vit158_train_trit_product p = {.y = y,
                                             .ldy = layer->n_out,
                                             .x = &v->saved->in[kind].q,
                                             .w = &packed->trits,
                                             .bias = bias,
                                             .base = base,
                                             .base_ld = base_ld,
                                             .factor = factor,
                                             .rows = rows.rows};
        pass->compute->trit_product(&p);
    } else {
        vit158_train_product p = {.y = y,
                                  .ldy = layer->n_out,
                                  .a = rows.y,
                                  .a_row = layer->n_in,
                                  .a_step = 1,
                                  .b = packed->forward,
                                  .rows = rows.rows,
                                  .cols = layer->n_out,
                                  .depth = layer->n_in,
                                  .bias = bias,
                                  .factor = factor,
                                  .base = base,
                                  .base_ld = base_ld};
        product(pass, &p, pass->packed->parameters + layer->weight, 1, layer->n_in);
    }
}

/* Adds the gradients of a float layer's weight and bias, for its inputs [count][n_in]. */
static void add_linear_gradient(const vit158_train_pass *pass, const vit158_train_layer *layer,
                                const float *g, const float *inputs, uint32_t count, float factor)
{
    float *const gradient = pass->workspace->gradient, *const dw = gradient + layer->weight;
    const uint32_t n_in = layer->n_in, n_out = layer->n_out;
    vit158_train_product p = {.y = dw,
                              .ldy = n_in,
                              .a = g,
                              .a_row = 1,
                              .a_step = n_out,
                              .b = inputs,
                              .ldb = n_in,
                              .rows = n_out,
                              .cols = n_in,
                              .depth = count,
                              .factor = factor,
                              .base = dw,
                              .base_ld = n_in};
    product(pass, &p, inputs, n_in, 1);
    pass->compute->column_sums(gradient + layer->bias, g, n_out, count, n_out, factor);
}

/* From g = gradient of the layer's output (to be scaled by factor) to the gradient of its input,
 * which is stored to dx or added to it. `middle`: [rows][n_in]. */
static void linear_backward(const vit158_train_pass *pass, const block_view *v, int kind, float *dx,
                            bool add, const float *g, float factor, float *middle)
{
    const vit158_train_norm_rows rows = input_rows(pass, v, kind);
    const vit158_train_layer *layer = &v->block->layers[kind];
    const vit158_train_packed_layer *packed =
        &pass->packed->layers[v->index * VIT158_BLOCK_LINEARS + (uint32_t)kind];
    float *gradient = pass->workspace->gradient;
    const uint32_t n_in = layer->n_in, n_out = layer->n_out;
    if (pass->net->config.ternary) {
        const vit158_train_trit_gradient p = {.g = g,
                                              .ldg = n_out,
                                              .x = &v->saved->in[kind].q,
                                              .w = &packed->trits,
                                              .factor = factor,
                                              .rows = rows.rows,
                                              .dx = middle,
                                              .dw = gradient + layer->weight,
                                              .dbias = gradient + layer->bias,
                                              .scratch = pass->workspace->products};
        pass->compute->trit_gradient(&p);
    } else {
        vit158_train_product p = {.y = middle,
                                  .ldy = n_in,
                                  .a = g,
                                  .a_row = n_out,
                                  .a_step = 1,
                                  .b = packed->backward,
                                  .rows = rows.rows,
                                  .cols = n_in,
                                  .depth = n_out,
                                  .factor = factor};
        product(pass, &p, pass->packed->parameters + layer->weight, n_in, 1);
        if (gradient != NULL)
            add_linear_gradient(pass, layer, g, rows.y, rows.rows, factor);
    }
    const vit158_train_net_block *b = v->block;
    const size_t outer_weight = kind == VIT158_QKV ? b->norm1_weight : b->norm2_weight;
    const size_t outer_bias = kind == VIT158_QKV ? b->norm1_bias : b->norm2_bias;
    const bool of_outer = gradient != NULL && rows.outer_weight != NULL;
    const bool of_inner = gradient != NULL && rows.inner_weight != NULL;
    const vit158_train_norm_gradient n = {
        .forward = &rows,
        .dy = middle,
        .dx = dx,
        .lddx = n_in,
        .add = add,
        .d_outer_weight = of_outer ? gradient + outer_weight : NULL,
        .d_outer_bias = of_outer ? gradient + outer_bias : NULL,
        .d_inner_weight = of_inner ? gradient + layer->norm_weight : NULL,
        .d_inner_bias = of_inner ? gradient + layer->norm_bias : NULL};
    pass->compute->norm_gradient(&n);
}

static vit158_train_attention attention_of(const vit158_train_pass *pass, const block_view *v,
                                           uint32_t image)
{
    const vit158_train_workspace *w = pass->workspace;
    const uint32_t width = v->block->layers[VIT158_PROJ].n_in;
    const uint32_t heads = width / vit158_train_head_dim(&pass->net->config);
    const size_t first = (size_t)image * w->tokens, first2 = (size_t)image * v->queries;
    const size_t per_image = (size_t)heads * v->queries * vit158_train_round_up(w->tokens, 16);
    return (vit158_train_attention){.qkv = v->saved->qkv + first * 3 * width,
                                    .p = v->saved->p + image * per_image,
                                    .out = v->saved->att + first2 * width,
                                    .n_tokens = w->tokens,
                                    .n_queries = v->queries,
                                    .heads = heads,
                                    .dim = width,
                                    .scratch = w->attention};
}

static void copy_rows(float *y, size_t ldy, const float *x, size_t ldx, uint32_t rows, uint32_t n)
{
    for (uint32_t t = 0; t < rows; t++)
        memcpy(y + t * ldy, x + t * ldx, n * sizeof *y);
}

void vit158_train_block_forward(const vit158_train_pass *pass, uint32_t block)
{
    const block_view v = view(pass, block);
    const uint32_t d = pass->net->config.dim;
    vit158_train_saved_block *k = v.saved;
    if (k->attn_factor != 0.0F) {
        linear_forward(pass, &v, VIT158_QKV, k->qkv, NULL, 0, 1.0F);
        for (uint32_t i = 0; i < pass->workspace->images; i++) {
            const vit158_train_attention a = attention_of(pass, &v, i);
            pass->compute->attention(&a);
        }
        linear_forward(pass, &v, VIT158_PROJ, k->x2, k->x, v.from_ld, k->attn_factor);
    } else {
        copy_rows(k->x2, d, k->x, v.from_ld, v.rows2, d);
    }
    if (k->mlp_factor != 0.0F) {
        linear_forward(pass, &v, VIT158_FC1, k->h, NULL, 0, 1.0F);
        linear_forward(pass, &v, VIT158_FC2, v.out, k->x2, d, k->mlp_factor);
    } else {
        copy_rows(v.out, d, k->x2, d, v.rows2, d);
    }
}

void vit158_train_block_backward(const vit158_train_pass *pass, uint32_t block)
{
    const block_view v = view(pass, block);
    vit158_train_workspace *w = pass->workspace;
    vit158_train_saved_block *k = v.saved;
    const uint32_t d = pass->net->config.dim;
    if (k->mlp_factor != 0.0F) {
        linear_backward(pass, &v, VIT158_FC2, w->wide, false, w->g, k->mlp_factor, w->narrow);
        linear_backward(pass, &v, VIT158_FC1, w->g, true, w->wide, 1.0F, w->narrow);
    }
    if (k->attn_factor != 0.0F) {
        linear_backward(pass, &v, VIT158_PROJ, w->g2, false, w->g, k->attn_factor, w->narrow);
        for (uint32_t i = 0; i < w->images; i++) {
            vit158_train_attention a = attention_of(pass, &v, i);
            a.dout = w->g2 + (size_t)i * v.queries * a.dim;
            a.dqkv = w->wide + (size_t)i * w->tokens * 3 * a.dim;
            if (pass->hints != NULL && pass->hints->attention > 0.0F) {
                a.taught = pass->hints->teacher->blocks[block].p + (a.p - k->p);
                a.taught_factor = vit158_train_hint_attention(pass, v.queries);
            }
            pass->compute->attention_gradient(&a);
        }
    }
    if (v.queries != w->tokens) {
        /* Spread the class rows over all tokens. */
        memcpy(w->g2, w->g, (size_t)v.rows2 * d * sizeof *w->g);
        memset(w->g, 0, (size_t)v.rows * d * sizeof *w->g);
        copy_rows(w->g, v.from_ld, w->g2, d, v.rows2, d);
    }
    if (k->attn_factor != 0.0F)
        linear_backward(pass, &v, VIT158_QKV, w->g, true, w->wide, 1.0F, w->narrow);
}
