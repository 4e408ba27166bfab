/* SPDX-License-Identifier: MIT */
#include "train/packed.h"

#include "model/ternary.h"

void vit158_train_ternarize(int8_t *u, float *scales, const float *w,
                            const vit158_train_layer *layer, bool row_scales)
{
    const uint32_t n_out = layer->n_out, n_in = layer->n_in;
    const uint32_t rows = row_scales ? 1 : n_out; /* that share a scale */
    for (uint32_t o = 0; o < n_out; o += rows) {
        const size_t at = (size_t)o * n_in;
        const float scale = vit158_absmean(w + at, rows, n_in);
        vit158_ternarize(u + at, w + at, (size_t)rows * n_in, scale);
        for (uint32_t i = 0; i < rows; i++)
            scales[o + i] = scale;
    }
}

void vit158_train_packed_plan(vit158_train_packed *packed, const vit158_train_net *net,
                              uint32_t gradient_bits, vit158_arena *arena)
{
    const vit158_train_net_config *c = &net->config;
    const uint32_t count = net->block_count * VIT158_BLOCK_LINEARS;
    vit158_train_packed_layer *layers = vit158_arena_take(arena, count, sizeof *layers);
    int8_t **codes = vit158_arena_take(arena, count, sizeof *codes);
    for (uint32_t i = 0; i < count; i++) {
        const vit158_train_layer *layer =
            &net->blocks[i / VIT158_BLOCK_LINEARS].layers[i % VIT158_BLOCK_LINEARS];
        const uint32_t n_in = layer->n_in, n_out = layer->n_out;
        vit158_train_packed_layer r = {
            .trits = {.n_in = n_in, .n_out = n_out, .gradient_bits = gradient_bits}};
        int8_t *u = NULL;
        if (c->ternary) {
            u = vit158_arena_take(arena, n_out, n_in);
            r.trits.scales = vit158_arena_take(arena, n_out, sizeof(float));
            r.trits.forward =
                vit158_arena_take(arena, vit158_train_panel_words((n_in + 3) / 4, n_out), 4);
            r.trits.backward =
                vit158_arena_take(arena, vit158_train_panel_words((n_out + 1) / 2, n_in), 4);
        } else {
            r.forward =
                vit158_arena_take(arena, vit158_train_panel_words(n_in, n_out), sizeof(float));
            r.backward =
                vit158_arena_take(arena, vit158_train_panel_words(n_out, n_in), sizeof(float));
        }
        if (layers != NULL) {
            layers[i] = r;
            codes[i] = u;
        }
    }
    packed->layers = layers;
    packed->codes = codes;
    packed->patch = vit158_arena_take(
        arena, vit158_train_panel_words(net->patch_inputs, net->stem_width), sizeof(float));
    packed->head =
        vit158_arena_take(arena, vit158_train_panel_words(c->dim, c->classes), sizeof(float));
}

uint32_t vit158_train_packed_tasks(const vit158_train_net *net)
{
    return net->block_count * VIT158_BLOCK_LINEARS + 1;
}

void vit158_train_packed_make(vit158_train_packed *packed, const vit158_train_net *net,
                              const vit158_train_compute *compute, uint32_t index)
{
    const vit158_train_net_config *c = &net->config;
    const float *parameters = packed->parameters;
    if (index == net->block_count * VIT158_BLOCK_LINEARS) {
        compute->pack(packed->patch, parameters + net->patch_weight, 1, net->patch_inputs,
                      net->patch_inputs, net->stem_width);
        compute->pack(packed->head, parameters + net->head_weight, 1, c->dim, c->dim, c->classes);
        return;
    }
    const vit158_train_layer *layer =
        &net->blocks[index / VIT158_BLOCK_LINEARS].layers[index % VIT158_BLOCK_LINEARS];
    const float *w = parameters + layer->weight;
    vit158_train_packed_layer *r = &packed->layers[index];
    if (c->ternary) {
        vit158_train_ternarize(packed->codes[index], r->trits.scales, w, layer, c->row_scales);
        compute->pack_trits(&r->trits, packed->codes[index]);
    } else {
        compute->pack(r->forward, w, 1, layer->n_in, layer->n_in, layer->n_out);
        compute->pack(r->backward, w, layer->n_in, 1, layer->n_out, layer->n_in);
    }
}
