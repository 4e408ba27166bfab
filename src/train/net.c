/* SPDX-License-Identifier: MIT
 *
 * Layout and initial values of the parameters.
 */
#include "train/net.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/rng.h"
#include "base/text.h"
#include "train/conv_net.h"

#define TENSORS_PER_BLOCK 20U
#define TENSORS_PER_CONV 4U
#define TENSORS_OUTSIDE 8U
#define MAX_WIDTH 8192U
#define MAX_DEPTH 64U
#define QUIET 0.02F /* of the initial weights */

typedef struct layout {
    vit158_train_net *net;
    size_t used;
} layout;

static size_t place(layout *l, const char *name, uint32_t rows, uint32_t cols)
{
    vit158_train_tensor *t = &l->net->tensors[l->net->tensor_count++];
    *t = (vit158_train_tensor){.offset = l->used, .rows = rows, .cols = cols, .pieces = 1};
    vit158_format(t->name, sizeof t->name, "%s", name);
    l->used += vit158_train_round_up((size_t)rows * cols, 16);
    return t->offset;
}

static void place_norm(layout *l, const char *prefix, uint32_t n, uint32_t present, size_t *weight,
                       size_t *bias)
{
    char name[VIT158_TRAIN_MAX_NAME];
    *weight = *bias = VIT158_TRAIN_NO_TENSOR;
    if (!present)
        return;
    vit158_format(name, sizeof name, "%s.weight", prefix);
    *weight = place(l, name, 1, n);
    vit158_format(name, sizeof name, "%s.bias", prefix);
    *bias = place(l, name, 1, n);
}

static void place_layer(layout *l, vit158_train_layer *layer, uint32_t block, const char *kind,
                        uint32_t n_out, uint32_t n_in)
{
    char name[VIT158_TRAIN_MAX_NAME];
    layer->n_in = n_in;
    layer->n_out = n_out;
    vit158_format(name, sizeof name, "blocks.%u.%s.weight", block, kind);
    layer->weight = place(l, name, n_out, n_in);
    vit158_train_tensor *t = &l->net->tensors[l->net->tensor_count - 1];
    t->matrix = 1;
    t->pieces = n_out == 3 * n_in ? 3 : 1;
    vit158_format(name, sizeof name, "blocks.%u.%s.bias", block, kind);
    layer->bias = place(l, name, 1, n_out);
    vit158_format(name, sizeof name, "blocks.%u.%s.norm", block, kind);
    place_norm(l, name, n_in, l->net->config.inner_norms, &layer->norm_weight, &layer->norm_bias);
}

static void place_blocks(layout *l)
{
    vit158_train_net *net = l->net;
    const vit158_train_net_config *c = &net->config;
    net->cls = place(l, "cls_token", 1, c->dim);
    net->pos = place(l, "pos_embed", net->tokens, c->dim);
    for (uint32_t b = 0; b < net->block_count; b++) {
        vit158_train_net_block *block = &net->blocks[b];
        char name[VIT158_TRAIN_MAX_NAME];
        vit158_format(name, sizeof name, "blocks.%u.norm1", b);
        place_norm(l, name, c->dim, c->outer_norms, &block->norm1_weight, &block->norm1_bias);
        place_layer(l, &block->layers[VIT158_QKV], b, "attn.qkv", 3 * c->dim, c->dim);
        place_layer(l, &block->layers[VIT158_PROJ], b, "attn.proj", c->dim, c->dim);
        vit158_format(name, sizeof name, "blocks.%u.norm2", b);
        place_norm(l, name, c->dim, c->outer_norms, &block->norm2_weight, &block->norm2_bias);
        place_layer(l, &block->layers[VIT158_FC1], b, "mlp.fc1", c->mlp_dim, c->dim);
        place_layer(l, &block->layers[VIT158_FC2], b, "mlp.fc2", c->dim, c->mlp_dim);
    }
}

static void place_convs(layout *l)
{
    char name[VIT158_TRAIN_MAX_NAME];
    for (uint32_t i = 0; i < l->net->conv_count; i++) {
        vit158_train_layer *layer = &l->net->convs[i].layer;
        vit158_format(name, sizeof name, "convs.%u.norm", i);
        place_norm(l, name, layer->n_in, 1, &layer->norm_weight, &layer->norm_bias);
        vit158_format(name, sizeof name, "convs.%u.weight", i);
        layer->weight = place(l, name, layer->n_out, VIT158_TRAIN_CONV_WINDOW * layer->n_in);
        l->net->tensors[l->net->tensor_count - 1].matrix = 1;
        vit158_format(name, sizeof name, "convs.%u.bias", i);
        layer->bias = place(l, name, 1, layer->n_out);
    }
}

static void place_all(vit158_train_net *net)
{
    const vit158_train_net_config *c = &net->config;
    layout l = {.net = net};
    net->patch_weight = place(&l, "patch_embed.proj.weight", net->stem_width, net->patch_inputs);
    net->patch_bias = place(&l, "patch_embed.proj.bias", 1, net->stem_width);
    net->cls = net->pos = VIT158_TRAIN_NO_TENSOR;
    if (c->conv)
        place_convs(&l);
    else
        place_blocks(&l);
    place_norm(&l, "norm", c->dim, 1, &net->norm_weight, &net->norm_bias);
    net->head_weight = place(&l, "head.weight", c->classes, c->dim);
    net->head_bias = place(&l, "head.bias", 1, c->classes);
    net->parameters = l.used;
}

static vit158_status check(const vit158_train_net_config *c, vit158_error *error)
{
    if (!c->patch_size || !c->image_size || c->image_size % c->patch_size || c->image_size > 1024)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "image_size %u must be a multiple of patch_size %u and at most 1024",
                           c->image_size, c->patch_size);
    if (c->channels != 1 && c->channels != 3)
        return vit158_fail(error, VIT158_E_ARGUMENT, "channels is %u, must be 1 or 3", c->channels);
    if (!c->depth || c->depth > MAX_DEPTH)
        return vit158_fail(error, VIT158_E_ARGUMENT, "depth is %u, must be 1 to %u", c->depth,
                           MAX_DEPTH);
    if (c->classes < 2 || c->classes > 65536)
        return vit158_fail(error, VIT158_E_ARGUMENT, "classes is %u, must be 2 to 65536",
                           c->classes);
    return VIT158_OK;
}

static vit158_status check_blocks(const vit158_train_net_config *c, vit158_error *error)
{
    if (!c->dim || !c->heads || c->dim % c->heads || c->dim / c->heads % 16 || c->dim > MAX_WIDTH)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "dim %u / heads %u must be a multiple of 16 and dim at most %u", c->dim,
                           c->heads, MAX_WIDTH);
    if (!c->mlp_dim || c->mlp_dim % 16 || c->mlp_dim > MAX_WIDTH)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "mlp_dim %u must be a multiple of 16 and at most %u", c->mlp_dim,
                           MAX_WIDTH);
    const uint32_t side = c->image_size / c->patch_size;
    if (side * side >= VIT158_TRAIN_MAX_ROWS)
        return vit158_fail(error, VIT158_E_LIMIT, "%u patches a picture, at most %u can be trained",
                           side * side, VIT158_TRAIN_MAX_ROWS - 1);
    if (c->ternary && !c->inner_norms && !c->outer_norms)
        return vit158_fail(error, VIT158_E_ARGUMENT, "ternary weights need norms before them");
    return VIT158_OK;
}

static vit158_status check_convs(const vit158_train_net_config *c, vit158_error *error)
{
    const uint32_t narrowest = 16U << (VIT158_TRAIN_CONV_STAGES - 1);
    const uint32_t smallest = 1U << (VIT158_TRAIN_CONV_STAGES - 1),
                   grid = c->image_size / c->patch_size;
    if (!c->dim || c->dim % narrowest || c->dim > MAX_WIDTH)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "dim %u of a convolutional network must be a multiple of %u and at "
                           "most %u",
                           c->dim, narrowest, MAX_WIDTH);
    if (grid % smallest)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "%u patches a side, a convolutional network needs a multiple of %u",
                           grid, smallest);
    if (c->ternary)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "a convolutional network has float weights only");
    return VIT158_OK;
}

vit158_status vit158_train_net_create(vit158_train_net *net, const vit158_train_net_config *config,
                                      vit158_error *error)
{
    memset(net, 0, sizeof *net);
    VIT158_RETURN_IF_ERROR(check(config, error));
    VIT158_RETURN_IF_ERROR(config->conv ? check_convs(config, error) : check_blocks(config, error));
    net->config = *config;
    const uint32_t side = config->image_size / config->patch_size;
    net->tokens = side * side + 1;
    net->patch_inputs = config->channels * config->patch_size * config->patch_size;
    net->stem_width = config->conv ? config->dim >> (VIT158_TRAIN_CONV_STAGES - 1) : config->dim;
    net->block_count = config->conv ? 0 : config->depth;
    net->conv_count = config->conv ? vit158_train_conv_count(config) : 0;
    net->blocks = calloc((size_t)net->block_count + 1, sizeof *net->blocks);
    net->convs = calloc((size_t)net->conv_count + 1, sizeof *net->convs);
    net->tensors = calloc(net->block_count * TENSORS_PER_BLOCK +
                              net->conv_count * TENSORS_PER_CONV + TENSORS_OUTSIDE,
                          sizeof *net->tensors);
    if (!net->blocks || !net->convs || !net->tensors) {
        vit158_train_net_free(net);
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for the layout of the network");
    }
    if (config->conv)
        vit158_train_conv_describe(net->convs, config);
    place_all(net);
    return VIT158_OK;
}

void vit158_train_net_free(vit158_train_net *net)
{
    free(net->blocks);
    free(net->convs);
    free(net->tensors);
    memset(net, 0, sizeof *net);
}

static int ends_with(const char *name, const char *end)
{
    const size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

void vit158_train_net_initialise(const vit158_train_net *net, float *parameters, uint64_t seed)
{
    vit158_rng rng = vit158_rng_seed(seed);
    memset(parameters, 0, net->parameters * sizeof *parameters);
    const float bound = 1.0F / __builtin_sqrtf((float)net->patch_inputs);
    for (uint32_t i = 0; i < net->tensor_count; i++) {
        const vit158_train_tensor *t = &net->tensors[i];
        float *w = parameters + t->offset;
        const size_t count = (size_t)t->rows * t->cols;
        if (t->offset == net->patch_weight || t->offset == net->patch_bias) {
            for (size_t j = 0; j < count; j++)
                w[j] = bound * (2.0F * vit158_rng_uniform(&rng) - 1.0F);
        } else if (t->matrix || t->offset == net->pos || t->offset == net->head_weight) {
            for (size_t j = 0; j < count; j++)
                w[j] = 0.02F * vit158_rng_normal(&rng);
        } else if (t->offset == net->cls) {
            for (size_t j = 0; j < count; j++)
                w[j] = 1e-6F * vit158_rng_normal(&rng);
        } else if (ends_with(t->name, "weight")) { /* norms */
            for (size_t j = 0; j < count; j++)
                w[j] = 1.0F;
        }
    }
}

void vit158_train_net_quiet(const vit158_train_net *net, float *parameters, uint32_t first)
{
    static const uint32_t ends[2] = {VIT158_PROJ, VIT158_FC2};
    for (uint32_t b = first; b < net->block_count; b++)
        for (int e = 0; e < 2; e++) {
            const vit158_train_layer *layer = &net->blocks[b].layers[ends[e]];
            for (size_t i = 0; i < (size_t)layer->n_out * layer->n_in; i++)
                parameters[layer->weight + i] *= QUIET;
        }
}
