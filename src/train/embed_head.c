/* SPDX-License-Identifier: MIT
 *
 * Ends of the network: patches to tokens (a float product, class token, positions), and the class
 * token's final norm and linear head (METHODS.md 1.1).
 */
#include <string.h>

#include "train/net.h"

void vit158_train_embed_forward(const vit158_train_pass *pass)
{
    const vit158_train_net *net = pass->net;
    vit158_train_work *w = pass->work;
    const float *parameters = pass->ready->parameters;
    const uint32_t d = net->config.dim, kept = w->tokens - 1;
    const float *pos = parameters + net->pos;
    for (uint32_t i = 0; i < w->images; i++) {
        float *x = w->blocks[0].x + (size_t)i * w->tokens * d;
        const float *cls = parameters + net->cls;
        for (uint32_t c = 0; c < d; c++)
            x[c] = cls[c] + pos[c];
        for (uint32_t t = 0; t < kept; t++)
            memcpy(x + (size_t)(t + 1) * d, pos + (size_t)(w->places[i * kept + t] + 1) * d,
                   d * sizeof *x);
        const vit158_train_product p = {.y = x + d,
                                        .ldy = d,
                                        .a = w->patches + i * kept * w->patch_ld,
                                        .a_row = w->patch_ld,
                                        .a_step = 1,
                                        .b = pass->ready->patch,
                                        .rows = kept,
                                        .cols = d,
                                        .depth = net->patch_inputs,
                                        .bias = parameters + net->patch_bias,
                                        .factor = 1.0F,
                                        .base = x + d,
                                        .base_ld = d};
        pass->compute->product(&p);
    }
}

void vit158_train_embed_backward(const vit158_train_pass *pass)
{
    const vit158_train_net *net = pass->net;
    vit158_train_work *w = pass->work;
    const uint32_t d = net->config.dim, kept = w->tokens - 1;
    float *dw = w->gradient + net->patch_weight, *pos = w->gradient + net->pos;
    for (uint32_t i = 0; i < w->images; i++) {
        const float *g = w->g + (size_t)i * w->tokens * d;
        pass->compute->combine(w->gradient + net->cls, g, d, 1.0F, 1.0F);
        pass->compute->combine(pos, g, d, 1.0F, 1.0F);
        for (uint32_t t = 0; t < kept; t++)
            pass->compute->combine(pos + (size_t)(w->places[i * kept + t] + 1) * d,
                                   g + (size_t)(t + 1) * d, d, 1.0F, 1.0F);
        pass->compute->column_sums(w->gradient + net->patch_bias, g + d, d, kept, d, 1.0F);
        const vit158_train_product p = {.y = dw,
                                        .ldy = net->patch_inputs,
                                        .a = g + d,
                                        .a_row = 1,
                                        .a_step = d,
                                        .b = w->patches + i * kept * w->patch_ld,
                                        .ldb = w->patch_ld,
                                        .rows = d,
                                        .cols = net->patch_inputs,
                                        .depth = kept,
                                        .factor = 1.0F,
                                        .base = dw,
                                        .base_ld = net->patch_inputs};
        pass->compute->product(&p);
    }
}

static vit158_train_norm_rows final_norm(const vit158_train_pass *pass)
{
    const vit158_train_net *net = pass->net;
    vit158_train_work *w = pass->work;
    return (vit158_train_norm_rows){.x = w->last,
                                    .ldx = net->config.dim,
                                    .rows = w->images,
                                    .n = net->config.dim,
                                    .outer_weight = pass->ready->parameters + net->norm_weight,
                                    .outer_bias = pass->ready->parameters + net->norm_bias,
                                    .outer_eps = net->config.norm_eps,
                                    .stats = w->last_stats,
                                    .y = w->features,
                                    .scratch = w->rows};
}

void vit158_train_head_forward(const vit158_train_pass *pass)
{
    const vit158_train_net *net = pass->net;
    vit158_train_work *w = pass->work;
    const vit158_train_norm_rows rows = final_norm(pass);
    pass->compute->norm_rows(&rows);
    const vit158_train_product p = {.y = w->logits,
                                    .ldy = w->logit_ld,
                                    .a = w->features,
                                    .a_row = net->config.dim,
                                    .a_step = 1,
                                    .b = pass->ready->head,
                                    .rows = w->images,
                                    .cols = net->config.classes,
                                    .depth = net->config.dim,
                                    .bias = pass->ready->parameters + net->head_bias,
                                    .factor = 1.0F};
    pass->compute->product(&p);
}

void vit158_train_head_backward(const vit158_train_pass *pass)
{
    const vit158_train_net *net = pass->net;
    vit158_train_work *w = pass->work;
    const uint32_t d = net->config.dim, classes = net->config.classes;
    float *dw = w->gradient + net->head_weight;
    vit158_train_product p = {.y = dw,
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
    p = (vit158_train_product){.y = w->g2,
                               .ldy = d,
                               .a = w->dlogits,
                               .a_row = w->logit_ld,
                               .a_step = 1,
                               .b = pass->ready->parameters + net->head_weight,
                               .ldb = d,
                               .rows = w->images,
                               .cols = d,
                               .depth = classes,
                               .factor = 1.0F};
    pass->compute->product(&p);
    const vit158_train_norm_rows rows = final_norm(pass);
    const vit158_train_norm_gradient n = {.forward = &rows,
                                          .dy = w->g2,
                                          .dx = w->g,
                                          .lddx = d,
                                          .d_outer_weight = w->gradient + net->norm_weight,
                                          .d_outer_bias = w->gradient + net->norm_bias};
    pass->compute->norm_gradient(&n);
}
