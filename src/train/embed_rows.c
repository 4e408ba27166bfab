/* SPDX-License-Identifier: MIT
 *
 * Patches to tokens: a float product, class token, positions (METHODS.md 1.1).
 */
#include <string.h>

#include "train/vit_net.h"

void vit158_train_embed_forward(const vit158_train_pass *pass)
{
    const vit158_train_net *net = pass->net;
    vit158_train_workspace *w = pass->workspace;
    const float *parameters = pass->packed->parameters;
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
                                        .b = pass->packed->patch,
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
    vit158_train_workspace *w = pass->workspace;
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
