/* SPDX-License-Identifier: MIT
 *
 * Final norm and linear head of the class token, or of the mean over places (METHODS.md 1.1).
 */
#include "train/head_rows.h"

static vit158_train_norm_rows final_norm(const vit158_train_pass *pass)
{
    const vit158_train_net *net = pass->net;
    vit158_train_workspace *w = pass->workspace;
    return (vit158_train_norm_rows){.x = w->last,
                                    .ldx = net->config.dim,
                                    .rows = w->images,
                                    .n = net->config.dim,
                                    .outer_weight = pass->packed->parameters + net->norm_weight,
                                    .outer_bias = pass->packed->parameters + net->norm_bias,
                                    .outer_eps = net->config.norm_eps,
                                    .stats = w->last_stats,
                                    .y = w->features,
                                    .scratch = w->rows};
}

void vit158_train_head_forward(const vit158_train_pass *pass)
{
    const vit158_train_net *net = pass->net;
    vit158_train_workspace *w = pass->workspace;
    const vit158_train_norm_rows rows = final_norm(pass);
    pass->compute->norm_rows(&rows);
    const vit158_train_product p = {.y = w->logits,
                                    .ldy = w->logit_ld,
                                    .a = w->features,
                                    .a_row = net->config.dim,
                                    .a_step = 1,
                                    .b = pass->packed->head,
                                    .rows = w->images,
                                    .cols = net->config.classes,
                                    .depth = net->config.dim,
                                    .bias = pass->packed->parameters + net->head_bias,
                                    .factor = 1.0F};
    pass->compute->product(&p);
}

/* Adds the gradients of the head's weight and bias. */
static void add_head_gradient(const vit158_train_pass *pass)
{
    const vit158_train_net *net = pass->net;
    const vit158_train_workspace *w = pass->workspace;
    const uint32_t d = net->config.dim, classes = net->config.classes;
    float *dw = w->gradient + net->head_weight;
    const vit158_train_product p = {.y = dw,
                                    .ldy = d,
                                    .a = w->dlogits,
                                    .a_row = 1,
                                    .a_step = w->logit_ld,
                                    .b = w->features,
                                    .ldb = d,
                                    .rows = classes,
                                    .cols = d,
                                    .depth = w->images,
                                    .factor = 1.0F,
                                    .base = dw,
                                    .base_ld = d};
    pass->compute->product(&p);
    pass->compute->column_sums(w->gradient + net->head_bias, w->dlogits, w->logit_ld, w->images,
                               classes, 1.0F);
}

void vit158_train_head_backward(const vit158_train_pass *pass)
{
    const vit158_train_net *net = pass->net;
    vit158_train_workspace *w = pass->workspace;
    const uint32_t d = net->config.dim;
    if (w->gradient != NULL)
        add_head_gradient(pass);
    const vit158_train_product p = {.y = w->g2,
                                    .ldy = d,
                                    .a = w->dlogits,
                                    .a_row = w->logit_ld,
                                    .a_step = 1,
                                    .b = pass->packed->parameters + net->head_weight,
                                    .ldb = d,
                                    .rows = w->images,
                                    .cols = d,
                                    .depth = net->config.classes,
                                    .factor = 1.0F};
    pass->compute->product(&p);
    const vit158_train_norm_rows rows = final_norm(pass);
    const vit158_train_norm_gradient n = {
        .forward = &rows,
        .dy = w->g2,
        .dx = w->g,
        .lddx = d,
        .d_outer_weight = w->gradient != NULL ? w->gradient + net->norm_weight : NULL,
        .d_outer_bias = w->gradient != NULL ? w->gradient + net->norm_bias : NULL};
    pass->compute->norm_gradient(&n);
}
