/* SPDX-License-Identifier: MIT */
#include "model/views.h"

#include <assert.h>
#include <stdlib.h>

#include "base/error.h"
#include "model/linear_parts.h"

static_assert((int)VIT158_QKV == (int)VIT158_LAYER_QKV && (int)VIT158_FC2 == (int)VIT158_LAYER_FC2,
              "a block's matrices and its layers have the same numbers");

typedef struct places {
    const vit158_layout *layout;
    const vit158_header *header;
    uint8_t *const *data;
} places;

/* Where a slot's tensor lies, NULL if the file has none. */
static const void *at(const places *p, uint32_t slot)
{
    const uint16_t one_more = p->layout->tensors[slot];
    return one_more != 0 ? p->data[one_more - 1] : NULL;
}

static vit158_norm norm_at(const places *p, uint32_t weight_slot)
{
    return (vit158_norm){.weight = at(p, weight_slot), .bias = at(p, weight_slot + 1)};
}

static vit158_linear plain_linear(const places *p, uint32_t weight_slot, vit158_layer layer,
                                  uint32_t n_in, uint32_t n_out)
{
    return (vit158_linear){.encoding = VIT158_ENCODING_F32,
                           .layer = layer,
                           .block = VIT158_NO_BLOCK,
                           .n_in = n_in,
                           .n_out = n_out,
                           .weight = at(p, weight_slot),
                           .bias = at(p, weight_slot + 1)};
}

static vit158_linear block_linear(const places *p, uint32_t block, uint32_t which)
{
    const vit158_block_shape *shape = &p->layout->shapes[block];
    vit158_linear linear = {.encoding = p->layout->types[block][which]->encoding,
                            .layer = (vit158_layer)which,
                            .block = block,
                            .n_in = vit158_linear_n_in(shape, which),
                            .n_out = vit158_linear_n_out(shape, which)};
    for (uint32_t part = 0; part < VIT158_LINEAR_PARTS; part++) {
        const uint32_t slot = vit158_linear_slot(block, which, part);
        const vit158_tensor_entry *tensor = vit158_layout_tensor(p->layout, p->header, slot);
        if (tensor != NULL && vit158_linear_parts[part].set != NULL)
            vit158_linear_parts[part].set(&linear, at(p, slot), tensor);
    }
    return linear;
}

/* The counts of a matrix's rows, NULL if it has one an output. */
static const uint8_t *row_counts(const places *p, uint32_t block, uint32_t which, uint32_t *count)
{
    const uint32_t slot = vit158_linear_slot(block, which, VIT158_LINEAR_ROWS);
    const vit158_tensor_entry *tensor = vit158_layout_tensor(p->layout, p->header, slot);
    *count = tensor != NULL ? (uint32_t)tensor->n_elements : 0;
    return at(p, slot);
}

/* Which rows belong to which output, for all matrices, in memory from `before` on; returns how much
 * of it is needed, which is all it does if that is NULL. */
static size_t set_planes(vit158_model *model, const places *p, uint16_t *before)
{
    size_t used = 0;
    for (uint32_t i = 0; i < p->layout->info.depth; i++) {
        vit158_block *block = &model->blocks[i];
        for (uint32_t which = 0; which < VIT158_BLOCK_LINEARS; which++) {
            uint32_t count;
            const uint32_t n_out = vit158_linear_n_out(&p->layout->shapes[i], which);
            const uint8_t *counts = row_counts(p, i, which, &count);
            if (counts == NULL)
                continue;
            if (before != NULL)
                vit158_block_linear(block, which)->planes =
                    vit158_planes_of(counts, count, n_out, before + used);
            used += vit158_planes_before(counts, count, n_out);
        }
    }
    return used;
}

vit158_status vit158_views_set(vit158_model *model, const vit158_layout *layout,
                               const vit158_header *header, uint8_t *const *data,
                               vit158_error *error)
{
    const places p = {layout, header, data};
    const vit158_model_info *info = &layout->info;
    model->patch = plain_linear(&p, VIT158_SLOT_PATCH_WEIGHT, VIT158_LAYER_EMBED,
                                info->channels * info->patch_size * info->patch_size, info->dim);
    model->cls = at(&p, VIT158_SLOT_CLS);
    model->pos = at(&p, VIT158_SLOT_POS);
    model->norm_pre = norm_at(&p, VIT158_SLOT_NORM_PRE_WEIGHT);
    model->norm = norm_at(&p, VIT158_SLOT_NORM_WEIGHT);
    model->fc_norm = norm_at(&p, VIT158_SLOT_FC_NORM_WEIGHT);
    model->head = plain_linear(&p, VIT158_SLOT_HEAD_WEIGHT, VIT158_LAYER_HEAD, info->embedding,
                               info->classes);
    for (uint32_t i = 0; i < info->depth; i++) {
        vit158_block *block = &model->blocks[i];
        block->norm1 = norm_at(&p, vit158_block_slot(i, VIT158_PART_NORM1_WEIGHT));
        block->norm2 = norm_at(&p, vit158_block_slot(i, VIT158_PART_NORM2_WEIGHT));
        block->qkv = block_linear(&p, i, VIT158_QKV);
        block->proj = block_linear(&p, i, VIT158_PROJ);
        block->fc1 = block_linear(&p, i, VIT158_FC1);
        block->fc2 = block_linear(&p, i, VIT158_FC2);
        block->heads = block->proj.n_in / info->head_dim;
    }
    const size_t n_before = set_planes(model, &p, NULL);
    model->planes_bytes = n_before * sizeof(uint16_t);
    model->planes = malloc(model->planes_bytes + 1);
    if (model->planes == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the model's rows");
    set_planes(model, &p, model->planes);
    return VIT158_OK;
}
