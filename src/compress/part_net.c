/* SPDX-License-Identifier: MIT */
#include "compress/part_net.h"

#include <string.h>

vit158_train_net_config vit158_part_config(const vit158_model *model, uint32_t first, uint32_t end)
{
    const vit158_model_info *const info = &model->info;
    const vit158_block *const block = &model->blocks[first];
    const bool last = end == info->depth;
    vit158_train_net_config config = {.image_size = info->image_size,
                                      .patch_size = info->patch_size,
                                      .channels = info->channels,
                                      .dim = info->dim,
                                      .depth = end - first,
                                      .heads = info->heads,
                                      .head_dim = info->head_dim,
                                      .mlp_dim = info->mlp_dim,
                                      .classes = last ? info->classes : 2,
                                      .outer_norms = block->norm1.weight != NULL,
                                      .inner_norms = block->qkv.norm.weight != NULL,
                                      .rounds_inputs = true,
                                      .whole_output = !last,
                                      .norm_eps = model->norm_eps,
                                      .inner_norm_eps = model->inner_norm_eps};
    for (uint32_t i = first; i < end; i++)
        config.shapes[i - first] =
            (vit158_train_block_shape){model->blocks[i].heads, model->blocks[i].fc1.n_out};
    return config;
}

static void copy_floats(float *to, const float *from, size_t count)
{
    if (from != NULL)
        memcpy(to, from, count * sizeof *to);
}

static void copy_norm(float *parameters, size_t weight, size_t bias, const vit158_norm *norm,
                      uint32_t n)
{
    if (weight == VIT158_TRAIN_NO_TENSOR)
        return;
    copy_floats(parameters + weight, norm->weight, n);
    copy_floats(parameters + bias, norm->bias, n);
}

static void copy_layer(float *parameters, const vit158_train_layer *layer,
                       const vit158_linear *linear)
{
    copy_norm(parameters, layer->norm_weight, layer->norm_bias, &linear->norm, layer->n_in);
    copy_floats(parameters + layer->weight, linear->weight, (size_t)layer->n_out * layer->n_in);
    copy_floats(parameters + layer->bias, linear->bias, layer->n_out);
}

void vit158_part_parameters(float *parameters, const vit158_train_net *net,
                            const vit158_model *model, uint32_t first)
{
    const uint32_t d = model->info.dim;
    for (uint32_t b = 0; b < net->block_count; b++) {
        const vit158_train_net_block *const to = &net->blocks[b];
        vit158_block *const from = &model->blocks[first + b];
        copy_norm(parameters, to->norm1_weight, to->norm1_bias, &from->norm1, d);
        copy_norm(parameters, to->norm2_weight, to->norm2_bias, &from->norm2, d);
        for (uint32_t kind = 0; kind < VIT158_BLOCK_LINEARS; kind++)
            copy_layer(parameters, &to->layers[kind], vit158_block_linear(from, kind));
    }
    if (net->config.whole_output)
        return;
    copy_floats(parameters + net->norm_weight, model->norm.weight, d);
    copy_floats(parameters + net->norm_bias, model->norm.bias, d);
    copy_floats(parameters + net->head_weight, model->head.weight, (size_t)model->info.classes * d);
    copy_floats(parameters + net->head_bias, model->head.bias, model->info.classes);
}
