/* SPDX-License-Identifier: MIT
 *
 * A pruned network as a model file: the tensors of the float model's file, cut to what is left.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/sizes.h"
#include "base/text.h"
#include "compress/prune.h"
#include "model/draft.h"
#include "model/linear_parts.h"
#include "model/safetensors.h"

/* The rows and columns of a tensor that stay. */
typedef struct cut {
    const bool *rows, *columns;       /* by group; NULL: all stay */
    uint32_t row_group, column_group; /* rows and columns of a group */
    uint32_t row_groups;              /* after so many `rows` begins again: q, k and v */
} cut;

static bool stays(const bool *kept, uint64_t index, uint32_t group, uint32_t groups)
{
    return kept == NULL || kept[index / group % groups];
}

/* Cuts values [rows][columns] in place; shape is what it was and becomes what is left. */
static void cut_values(float *values, uint64_t shape[2], const cut *c)
{
    uint64_t rows = 0, at = 0;
    for (uint64_t row = 0; row < shape[0]; row++) {
        if (!stays(c->rows, row, c->row_group, c->row_groups))
            continue;
        for (uint64_t i = 0; i < shape[1]; i++)
            if (stays(c->columns, i, c->column_group, UINT32_MAX))
                values[at++] = values[row * shape[1] + i];
        rows++;
    }
    shape[0] = rows;
    shape[1] = rows > 0 ? at / rows : 0;
}

typedef struct builder {
    const vit158_safetensors *in;
    const vit158_prune_result *result;
    vit158_draft *draft;
    vit158_model_info info; /* of what is left */
    float *values;          /* room for the largest tensor */
} builder;

/* What of a part of a block's matrix stays, and what it is replaced by: NULL for the file's own. */
static const float *cut_of(cut *out, const builder *b, uint32_t block, uint32_t linear,
                           uint32_t part)
{
    const vit158_pruned_block *const p = &b->result->blocks[block];
    const uint32_t hd = b->info.head_dim, heads = p->heads_before, mlp = p->channels_before;
    const bool weight = part == VIT158_LINEAR_WEIGHT;
    *out = (cut){.row_group = 1, .column_group = 1, .row_groups = UINT32_MAX};
    switch (linear) {
    case VIT158_QKV:
        if (weight || part == VIT158_LINEAR_BIAS)
            *out = (cut){.rows = p->heads, .row_group = hd, .row_groups = heads, .column_group = 1};
        return NULL;
    case VIT158_FC1:
        if (weight || part == VIT158_LINEAR_BIAS)
            *out = (cut){.rows = p->channels, .row_group = 1, .row_groups = mlp, .column_group = 1};
        return NULL;
    case VIT158_PROJ:
        if (weight)
            *out = (cut){.columns = p->heads, .column_group = hd, .row_group = 1};
        return weight ? p->proj : part == VIT158_LINEAR_BIAS ? p->proj_bias : NULL;
    default:
        if (weight)
            *out = (cut){.columns = p->channels, .column_group = 1, .row_group = 1};
        return weight ? p->fc2 : part == VIT158_LINEAR_BIAS ? p->fc2_bias : NULL;
    }
}

static vit158_status add_tensor(builder *b, const vit158_tensor_entry *tensor, vit158_error *error)
{
    uint32_t block, linear, part;
    if (tensor->dtype != VIT158_DTYPE_F32 && tensor->dtype != VIT158_DTYPE_F16 &&
        tensor->dtype != VIT158_DTYPE_BF16)
        return vit158_fail(error, VIT158_E_UNSUPPORTED,
                           "tensor %s is packed already: start from the float model", tensor->name);
    VIT158_RETURN_IF_ERROR(vit158_safetensors_read_f32(b->in, tensor, b->values, error));
    b->draft->rest = tensor->dtype;
    if (!vit158_slot_of_linear(vit158_slot_of_name(tensor->name), &block, &linear, &part)) {
        vit158_draft_rest(b->draft, tensor->name, tensor->rank, tensor->shape, b->values);
        return VIT158_OK;
    }
    cut c;
    const float *const other = cut_of(&c, b, block, linear, part);
    const bool matrix = tensor->rank == 2; /* a vector is a column of rows */
    uint64_t shape[2] = {tensor->shape[0], matrix ? tensor->shape[1] : 1};
    if (other != NULL)
        memcpy(b->values, other, tensor->n_elements * sizeof *other);
    cut_values(b->values, shape, &c);
    if (!matrix) {
        vit158_draft_rest(b->draft, tensor->name, 1, shape, b->values);
        return VIT158_OK;
    }
    char prefix[VIT158_SLOT_NAME_BYTES];
    vit158_format(prefix, sizeof prefix, "blocks.%u.%s", block, vit158_linear_name(linear));
    vit158_draft_float_matrix(b->draft, prefix, (uint32_t)shape[0], (uint32_t)shape[1], b->values);
    return VIT158_OK;
}

/* Heads and hidden width of the model are the most that a block has left. */
static void set_widths(builder *b)
{
    b->info.heads = b->info.mlp_dim = 0;
    for (uint32_t i = 0; i < b->result->depth; i++) {
        const vit158_pruned_block *const p = &b->result->blocks[i];
        b->info.heads = (uint32_t)vit158_larger(b->info.heads, p->kept_heads);
        b->info.mlp_dim = (uint32_t)vit158_larger(b->info.mlp_dim, p->kept_channels);
    }
}

static vit158_status build(builder *b, const char *described, vit158_error *error)
{
    const vit158_header *const header = vit158_safetensors_header(b->in);
    uint64_t largest = 1;
    for (uint32_t i = 0; i < header->tensor_count; i++)
        if (header->tensors[i].n_elements > largest)
            largest = header->tensors[i].n_elements;
    b->values = malloc(largest * sizeof *b->values);
    if (b->values == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the new model");
    for (uint32_t i = 0; i < header->metadata_count; i++)
        vit158_draft_set(b->draft, header->metadata_keys[i], header->metadata_values[i]);
    vit158_draft_set(b->draft, "pruned", described);
    vit158_draft_set_count(b->draft, "head_dim", b->info.head_dim);
    for (uint32_t i = 0; i < header->tensor_count; i++)
        VIT158_RETURN_IF_ERROR(add_tensor(b, &header->tensors[i], error));
    set_widths(b);
    b->draft->newer = true;
    vit158_draft_complete(b->draft, &b->info);
    return VIT158_OK;
}

/* Nothing is left out: the same bytes, which open. */
static vit158_status copy_file(const char *path, const char *in, vit158_model_info *info,
                               vit158_error *error)
{
    uint8_t *bytes;
    size_t n_bytes;
    vit158_model *model = NULL;
    vit158_file_writer out;
    VIT158_RETURN_IF_ERROR(vit158_file_read(&bytes, &n_bytes, in, 0, error));
    vit158_status status = vit158_model_open(&model, bytes, n_bytes, error);
    if (status == VIT158_OK) {
        vit158_model_get_info(model, info);
        status = vit158_file_begin(&out, path, error);
    }
    if (status == VIT158_OK) {
        vit158_file_add(&out, bytes, n_bytes);
        status = vit158_file_commit(&out, error);
    }
    vit158_model_close(model);
    free(bytes);
    return status;
}

static bool nothing_gone(const vit158_prune_result *result)
{
    for (uint32_t i = 0; i < result->depth; i++) {
        const vit158_pruned_block *const p = &result->blocks[i];
        if (p->kept_heads < p->heads_before || p->kept_channels < p->channels_before)
            return false;
    }
    return true;
}

vit158_status vit158_pruned_write(const char *path, const char *in, const vit158_model *model,
                                  const vit158_prune_result *result, const char *described,
                                  vit158_model_info *info, vit158_error *error)
{
    if (nothing_gone(result))
        return copy_file(path, in, info, error);
    vit158_safetensors *file;
    VIT158_RETURN_IF_ERROR(vit158_safetensors_open(&file, in, error));
    vit158_draft draft = vit158_draft_start(VIT158_DTYPE_F32);
    builder b = {.in = file, .result = result, .draft = &draft, .info = model->info};
    vit158_status status = build(&b, described, error);
    if (status == VIT158_OK)
        status = vit158_draft_write(&draft, path, info, error);
    free(b.values);
    vit158_draft_clear(&draft);
    vit158_safetensors_close(file);
    return status;
}
