/* SPDX-License-Identifier: MIT */
#include "unit/random_model.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "model/ternary.h"

/* Every allocation of a model, so that one call frees them all. */
typedef struct owned {
    void *blocks[512];
    size_t count;
} owned;

typedef struct maker {
    owned *memory;
    vit158_rng rng;
    random_shape shape;
} maker;

static void *keep(maker *m, size_t n_bytes)
{
    void *block = calloc(1, n_bytes);
    if (block == NULL || m->memory->count == sizeof m->memory->blocks / sizeof(void *))
        abort();
    m->memory->blocks[m->memory->count++] = block;
    return block;
}

static float *normals(maker *m, size_t count, float mean, float spread)
{
    float *values = keep(m, count * sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = mean + spread * vit158_rng_normal(&m->rng);
    return values;
}

static vit158_norm make_norm(maker *m, bool present, uint32_t n)
{
    if (!present)
        return (vit158_norm){NULL, NULL};
    return (vit158_norm){normals(m, n, 1.0F, 0.1F), normals(m, n, 0.0F, 0.1F)};
}

static vit158_linear make_dense(maker *m, vit158_layer layer, uint32_t n_in, uint32_t n_out)
{
    return (vit158_linear){.encoding = VIT158_ENCODING_F32,
                           .layer = layer,
                           .block = VIT158_NO_BLOCK,
                           .n_in = n_in,
                           .n_out = n_out,
                           .weight = normals(m, (size_t)n_in * n_out, 0.0F, m->shape.spread),
                           .bias = normals(m, n_out, 0.0F, 0.1F)};
}

static vit158_linear make_layer(maker *m, uint32_t block, vit158_layer which, uint32_t n_in,
                                uint32_t n_out)
{
    const size_t count = (size_t)n_in * n_out;
    vit158_linear layer = make_dense(m, which, n_in, n_out);
    layer.block = block;
    layer.norm = make_norm(m, m->shape.inner_norms, n_in);
    layer.encoding = m->shape.encoding;
    if (layer.encoding == VIT158_ENCODING_F32)
        return layer;
    layer.scale_count = m->shape.row_scales ? n_out : 1;
    float *scale = keep(m, layer.scale_count * sizeof *scale);
    int8_t *integers = keep(m, count);
    if (layer.encoding == VIT158_ENCODING_TRIT) {
        const float mean = vit158_absmean(layer.weight, n_out, n_in);
        vit158_ternarize(integers, layer.weight, count, mean);
        uint8_t *codes = keep(m, vit158_trit_bytes(n_out, n_in));
        vit158_pack_trits(codes, integers, n_out, n_in);
        layer.weight = codes;
        for (uint32_t i = 0; i < layer.scale_count; i++)
            scale[i] = mean * (1.0F + 0.1F * (float)(i % 5));
    } else {
        for (size_t i = 0; i < count; i++)
            integers[i] = (int8_t)((int32_t)vit158_rng_below(&m->rng, 255) - 127);
        layer.weight = integers;
        for (uint32_t i = 0; i < layer.scale_count; i++)
            scale[i] = m->shape.spread / 64.0F;
    }
    layer.scale = scale;
    return layer;
}

vit158_model *random_model_make(random_shape shape, uint64_t seed)
{
    owned *memory = calloc(1, sizeof *memory);
    if (memory == NULL)
        abort();
    maker m = {.memory = memory, .rng = vit158_rng_seed(seed), .shape = shape};
    const uint32_t d = shape.dim;
    const uint32_t grid = shape.side / shape.patch;
    const uint32_t prefix = shape.prefix > 0 ? shape.prefix : 1;
    vit158_model *model = keep(&m, sizeof *model);
    model->info = (vit158_model_info){.image_size = shape.side,
                                      .patch_size = shape.patch,
                                      .channels = shape.channels,
                                      .dim = d,
                                      .depth = shape.depth,
                                      .heads = shape.heads,
                                      .head_dim = d / shape.heads,
                                      .mlp_dim = shape.mlp_dim,
                                      .classes = shape.classes,
                                      .tokens = grid * grid + prefix,
                                      .prefix_tokens = prefix,
                                      .embedding = d};
    model->variant =
        (vit158_variant){.pooling = shape.average ? VIT158_POOLING_AVG : VIT158_POOLING_CLS,
                         .prefix_tokens = prefix,
                         .head_tokens = 1,
                         .final_norm = true};
    model->recipe = (vit158_recipe){.channels = shape.channels,
                                    .crop_size = shape.side,
                                    .resize_size = shape.side,
                                    .filter = VIT158_FILTER_BICUBIC,
                                    .mean = {0.5F, 0.5F, 0.5F},
                                    .std = {0.5F, 0.5F, 0.5F}};
    model->norm_eps = 1e-6F;
    model->inner_norm_eps = 1e-5F;
    model->patch =
        make_dense(&m, VIT158_LAYER_EMBED, shape.channels * shape.patch * shape.patch, d);
    model->cls = normals(&m, (size_t)prefix * d, 0.0F, 0.5F);
    model->pos = normals(&m, (size_t)model->info.tokens * d, 0.0F, 0.5F);
    model->norm = make_norm(&m, true, d);
    model->head = make_dense(&m, VIT158_LAYER_HEAD, d, shape.classes);
    model->blocks = keep(&m, shape.depth * sizeof *model->blocks);
    for (uint32_t i = 0; i < shape.depth; i++) {
        const bool less = shape.uneven && i > 0;
        const uint32_t heads = shape.heads - (less ? 1 : 0);
        const uint32_t a = heads * model->info.head_dim, f = shape.mlp_dim - (less ? 3 * i : 0);
        model->blocks[i] = (vit158_block){.norm1 = make_norm(&m, shape.outer_norms, d),
                                          .norm2 = make_norm(&m, shape.outer_norms, d),
                                          .qkv = make_layer(&m, i, VIT158_LAYER_QKV, d, 3 * a),
                                          .proj = make_layer(&m, i, VIT158_LAYER_PROJ, a, d),
                                          .fc1 = make_layer(&m, i, VIT158_LAYER_FC1, d, f),
                                          .fc2 = make_layer(&m, i, VIT158_LAYER_FC2, f, d),
                                          .heads = heads};
    }
    model->pieces = memory->blocks;
    model->piece_count = (uint32_t)memory->count;
    return model;
}

void random_model_free(vit158_model *model)
{
    owned *memory = (owned *)(void *)model->pieces; /* its first member */
    for (size_t i = 0; i < memory->count; i++)
        free(memory->blocks[i]);
    free(memory);
}
