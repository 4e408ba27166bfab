/* SPDX-License-Identifier: MIT */
#include "train/net_layout.h"

#include <stdlib.h>

#include "base/text.h"
#include "train/compute.h"

#define TENSORS_AT_A_TIME 64U

/* A new tensor of the list; NULL without memory. */
static vit158_train_tensor *next_tensor(vit158_train_layout *l)
{
    vit158_train_net *net = l->net;
    if (net->tensor_count % TENSORS_AT_A_TIME == 0) {
        vit158_train_tensor *more =
            realloc(net->tensors, (net->tensor_count + TENSORS_AT_A_TIME) * sizeof *more);
        l->failed |= more == NULL;
        if (more == NULL)
            return NULL;
        net->tensors = more;
    }
    return &net->tensors[net->tensor_count++];
}

size_t vit158_train_place_matrix(vit158_train_layout *l, const char *name, uint32_t rows,
                                 uint32_t cols, uint32_t pieces)
{
    const size_t offset = l->used;
    vit158_train_tensor *t = l->failed ? NULL : next_tensor(l);
    if (t != NULL) {
        *t = (vit158_train_tensor){
            .offset = offset, .rows = rows, .cols = cols, .matrix = true, .pieces = pieces};
        vit158_format(t->name, sizeof t->name, "%s", name);
        l->used += vit158_train_round_up((size_t)rows * cols, 16);
    }
    return offset;
}

size_t vit158_train_place_tensor(vit158_train_layout *l, const char *name, uint32_t rows,
                                 uint32_t cols)
{
    const size_t offset = vit158_train_place_matrix(l, name, rows, cols, 1);
    if (!l->failed)
        l->net->tensors[l->net->tensor_count - 1].matrix = false;
    return offset;
}

void vit158_train_place_norm(vit158_train_layout *l, const char *prefix, uint32_t n, bool present,
                             size_t *weight, size_t *bias)
{
    char name[VIT158_TRAIN_MAX_NAME];
    *weight = *bias = VIT158_TRAIN_NO_TENSOR;
    if (!present)
        return;
    vit158_format(name, sizeof name, "%s.weight", prefix);
    *weight = vit158_train_place_tensor(l, name, 1, n);
    vit158_format(name, sizeof name, "%s.bias", prefix);
    *bias = vit158_train_place_tensor(l, name, 1, n);
}

void vit158_train_place_stem(vit158_train_layout *l, uint32_t width)
{
    vit158_train_net *net = l->net;
    net->stem_width = width;
    net->patch_weight =
        vit158_train_place_tensor(l, "patch_embed.proj.weight", width, net->patch_inputs);
    net->patch_bias = vit158_train_place_tensor(l, "patch_embed.proj.bias", 1, width);
}

void vit158_train_place_head(vit158_train_layout *l)
{
    vit158_train_net *net = l->net;
    const vit158_train_net_config *c = &net->config;
    vit158_train_place_norm(l, "norm", c->dim, true, &net->norm_weight, &net->norm_bias);
    net->head_weight = vit158_train_place_tensor(l, "head.weight", c->classes, c->dim);
    net->head_bias = vit158_train_place_tensor(l, "head.bias", 1, c->classes);
}
