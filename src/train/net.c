/* SPDX-License-Identifier: MIT
 *
 * Layout and initial values of the parameters.
 */
#include "train/net.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/rng.h"
#include "train/network.h"

#define MAX_DEPTH 64U
#define QUIET 0.02F /* of the initial weights */

static vit158_status check(const vit158_train_net_config *c, vit158_error *error)
{
    if (c->patch_size == 0 || c->image_size == 0 || c->image_size % c->patch_size ||
        c->image_size > 1024)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "image_size %u must be a multiple of patch_size %u and at most 1024",
                           c->image_size, c->patch_size);
    if (c->channels != 1 && c->channels != 3)
        return vit158_fail(error, VIT158_E_ARGUMENT, "channels is %u, must be 1 or 3", c->channels);
    if (c->depth == 0 || c->depth > MAX_DEPTH)
        return vit158_fail(error, VIT158_E_ARGUMENT, "depth is %u, must be 1 to %u", c->depth,
                           MAX_DEPTH);
    if (c->classes < 2 || c->classes > 65536)
        return vit158_fail(error, VIT158_E_ARGUMENT, "classes is %u, must be 2 to 65536",
                           c->classes);
    return VIT158_OK;
}

vit158_status vit158_train_net_create(vit158_train_net *net, const vit158_train_net_config *config,
                                      vit158_error *error)
{
    const vit158_train_network *network = vit158_train_network_of(config);
    memset(net, 0, sizeof *net);
    VIT158_RETURN_IF_ERROR(check(config, error));
    VIT158_RETURN_IF_ERROR(network->check(config, error));
    net->config = *config;
    net->network = network;
    const uint32_t side = config->image_size / config->patch_size;
    net->tokens = side * side + 1;
    net->patch_inputs = config->channels * config->patch_size * config->patch_size;
    net->cls = net->pos = VIT158_TRAIN_NO_TENSOR;
    vit158_train_layout layout = {.net = net};
    if (!network->describe(&layout) || layout.failed) {
        vit158_train_net_free(net);
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for the layout of the network");
    }
    net->parameters = layout.used;
    return VIT158_OK;
}

void vit158_train_net_free(vit158_train_net *net)
{
    free(net->blocks);
    free(net->convs);
    free(net->tensors);
    memset(net, 0, sizeof *net);
}

static bool ends_with(const char *name, const char *end)
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
