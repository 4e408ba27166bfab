/* SPDX-License-Identifier: MIT */
#include "model/facts.h"

#include <stdlib.h>

#include "base/error.h"
#include "model/linear_parts.h"

uint64_t vit158_file_size_formula(const vit158_model_info *info, const vit158_stored_form *form,
                                  uint64_t header_bytes)
{
    const uint64_t d = info->dim, f = info->mlp_dim, blocks = info->depth, c = info->classes;
    const vit158_block_shape shape = {info->dim, info->dim, info->mlp_dim};
    const uint64_t patch = (uint64_t)info->channels * info->patch_size * info->patch_size;
    const uint64_t element = vit158_dtype_bytes(form->rest);
    uint64_t in_block = 5 * d + f;
    if (form->outer_norms)
        in_block += 4 * d;
    if (form->inner_norms)
        in_block += 6 * d + 2 * f;
    const uint64_t floats = (patch + info->tokens + 4) * d + (d + 1) * c + blocks * in_block;
    const vit158_stored_type *type = vit158_stored_type_for(form->encoding, form->rest);
    uint64_t matrices = 0;
    for (uint32_t linear = 0; linear < VIT158_BLOCK_LINEARS; linear++)
        matrices += blocks * vit158_stored_bytes(type, vit158_linear_n_out(&shape, linear),
                                                 vit158_linear_n_in(&shape, linear));
    const uint64_t scales = !type->coded ? 0 : blocks * (form->row_scales ? 5 * d + f : 4);
    return header_bytes + matrices + 4 * scales + element * floats + (uint64_t)form->newer_bytes;
}

double vit158_bits_per_weight(const vit158_facts *facts)
{
    double weights = 0.0;
    for (uint32_t i = 0; i < facts->matrix_count; i++)
        weights += (double)facts->matrices[i].n_out * facts->matrices[i].n_in;
    return 8.0 * (double)(facts->bytes.matrices + facts->bytes.scales) / weights;
}

double vit158_zero_share(const vit158_matrix_facts *matrix)
{
    return (double)matrix->zeros / ((double)matrix->n_rows * matrix->n_in);
}

const char *vit158_norms_of_block(const vit158_facts *facts)
{
    static const char *const counts[2][5] = {{"none", "1 inner", "2 inner", "3 inner", "4 inner"},
                                             {"2 outer", "2 outer, 1 inner", "2 outer, 2 inner",
                                              "2 outer, 3 inner", "2 outer, 4 inner"}};
    uint32_t inner = 0;
    for (uint32_t linear = 0; linear < VIT158_BLOCK_LINEARS; linear++)
        inner += facts->variant.inner_norms >> linear & 1U;
    return counts[facts->form.outer_norms][inner];
}

/* ---- From the header ---- */

typedef struct describer {
    vit158_facts *out;
    const vit158_layout *layout;
    const vit158_header *header;
    vit158_error *error;
} describer;

/* Stored bytes of the tensor in a slot, 0 if there is none. */
static uint64_t bytes_of(const describer *d, uint32_t slot)
{
    const vit158_tensor_entry *tensor = vit158_layout_tensor(d->layout, d->header, slot);
    return tensor != NULL ? tensor->end - tensor->begin : 0;
}

/* Of the scales of a matrix and what belongs to them. */
static uint64_t scale_bytes(const describer *d, uint32_t block, uint32_t linear)
{
    uint64_t bytes = 0;
    for (uint32_t part = 0; part < VIT158_LINEAR_PARTS; part++)
        if (vit158_linear_parts[part].of_scales)
            bytes += bytes_of(d, vit158_linear_slot(block, linear, part));
    return bytes;
}

static vit158_status describe_matrix(describer *d, vit158_matrix_facts *facts, uint32_t block,
                                     uint32_t linear)
{
    char name[VIT158_SLOT_NAME_BYTES];
    facts->slot = vit158_linear_slot(block, linear, VIT158_LINEAR_WEIGHT);
    facts->n_in = vit158_linear_n_in(&d->layout->shapes[block], linear);
    facts->n_out = vit158_linear_n_out(&d->layout->shapes[block], linear);
    facts->n_rows = vit158_layout_rows(d->layout, block, linear);
    vit158_slot_name(name, facts->slot);
    const vit158_tensor_entry *tensor = vit158_layout_tensor(d->layout, d->header, facts->slot);
    if (tensor == NULL)
        return vit158_fail(d->error, VIT158_E_TENSOR, "tensor %s is missing", name);
    facts->n_bytes = tensor->end - tensor->begin;
    facts->type = d->layout->types[block][linear];
    if (facts->type == NULL) /* of a latent file */
        facts->type = vit158_stored_type_of(tensor->dtype);
    const vit158_tensor_entry *scale = vit158_layout_tensor(
        d->layout, d->header, vit158_linear_slot(block, linear, VIT158_LINEAR_SCALE));
    facts->scale_count = scale != NULL ? (uint32_t)scale->n_elements : 0;
    facts->ternary = facts->type->zeros != NULL;
    if (facts->ternary)
        d->out->kind = VIT158_FILE_TERNARY;
    d->out->bytes.matrices += facts->n_bytes;
    d->out->bytes.scales += scale_bytes(d, block, linear);
    return VIT158_OK;
}

/* What the model's variant adds to the floats of a plain one. */
static int64_t variant_bytes(const describer *d)
{
    const vit158_variant *v = &d->layout->variant;
    const vit158_model_info *info = &d->out->info;
    const int64_t dim = info->dim, f = info->mlp_dim;
    int64_t floats = ((int64_t)info->prefix_tokens - 1) * dim;
    floats += 2 * dim * (int64_t)(v->norm_pre + v->fc_norm) - (v->final_norm ? 0 : 2 * dim);
    floats += (int64_t)info->classes * ((int64_t)info->embedding - dim);
    for (uint32_t i = 0; v->inner_norms != 0 && i < d->out->matrix_count; i++)
        if ((v->inner_norms >> i % VIT158_BLOCK_LINEARS & 1U) != 0)
            floats += (v->inner_rms ? 1 : 2) * (int64_t)d->out->matrices[i].n_in;
    if (v->inner_norms != 0)
        floats -= (int64_t)info->depth * (6 * dim + 2 * f);
    return floats * (int64_t)vit158_dtype_bytes(d->out->form.rest);
}

/* What a file has beyond one row an output, F32 scales, a float rest and matrices that are all
 * stored as the first one and as large as the model's geometry has them. */
static int64_t newer_bytes(const describer *d)
{
    static const uint32_t rest[] = {VIT158_SLOT_POS, VIT158_SLOT_PATCH_WEIGHT,
                                    VIT158_SLOT_HEAD_WEIGHT};
    const vit158_facts *out = d->out;
    const vit158_stored_type *usual = vit158_stored_type_for(out->form.encoding, out->form.rest);
    const vit158_block_shape plain = {out->info.dim, out->info.dim, out->info.mlp_dim};
    int64_t more = 0;
    for (uint32_t i = 0; i < out->matrix_count; i++) {
        const vit158_matrix_facts *facts = &out->matrices[i];
        const uint32_t n_in = vit158_linear_n_in(&plain, i % VIT158_BLOCK_LINEARS);
        const uint32_t n_out = vit158_linear_n_out(&plain, i % VIT158_BLOCK_LINEARS);
        const uint32_t scales = !usual->coded ? 0 : out->form.row_scales ? n_out : 1;
        more += (int64_t)(vit158_stored_bytes(facts->type, facts->n_rows, facts->n_in) -
                          vit158_stored_bytes(usual, n_out, n_in));
        more -= (int64_t)((n_out - facts->n_out) * vit158_dtype_bytes(out->form.rest));
        more += (int64_t)scale_bytes(d, i / VIT158_BLOCK_LINEARS, i % VIT158_BLOCK_LINEARS) -
                4 * (int64_t)scales;
    }
    more += variant_bytes(d);
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++) {
        const vit158_tensor_entry *tensor = vit158_layout_tensor(d->layout, d->header, rest[i]);
        if (tensor != NULL && tensor->dtype == VIT158_DTYPE_I8)
            more += (int64_t)bytes_of(d, vit158_scale_slot(rest[i])) -
                    (int64_t)(tensor->n_elements * (vit158_dtype_bytes(out->form.rest) - 1));
    }
    return more;
}

static void set_form(const describer *d)
{
    vit158_stored_form *form = &d->out->form;
    const vit158_matrix_facts *first = &d->out->matrices[0];
    const bool has_cls = d->layout->tensors[VIT158_SLOT_CLS] != 0;
    const vit158_tensor_entry *sample = vit158_layout_tensor(
        d->layout, d->header, has_cls ? VIT158_SLOT_CLS : VIT158_SLOT_PATCH_BIAS);
    form->outer_norms = d->layout->outer_norms;
    form->inner_norms = d->layout->variant.inner_norms != 0;
    form->row_scales = first->scale_count > 1;
    form->encoding = first->type->encoding;
    form->rest = sample != NULL ? sample->dtype : VIT158_DTYPE_F32;
    form->newer_bytes = newer_bytes(d);
}

vit158_status vit158_facts_of_header(vit158_facts *out, vit158_file_kind otherwise,
                                     const vit158_layout *layout, const vit158_header *header,
                                     uint64_t file_bytes, vit158_error *error)
{
    describer d = {out, layout, header, error};
    *out = (vit158_facts){0};
    out->kind = otherwise;
    out->info = layout->info;
    out->variant = layout->variant;
    out->info.file_bytes = file_bytes;
    out->matrix_count = out->info.depth * VIT158_BLOCK_LINEARS;
    out->matrices = calloc(out->matrix_count, sizeof *out->matrices);
    if (out->matrices == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory");
    for (uint32_t i = 0; i < out->matrix_count; i++) {
        const vit158_status status = describe_matrix(
            &d, &out->matrices[i], i / VIT158_BLOCK_LINEARS, i % VIT158_BLOCK_LINEARS);
        if (status != VIT158_OK) {
            vit158_facts_clear(out);
            return status;
        }
    }
    out->bytes.header = file_bytes - header->data_bytes;
    out->bytes.rest = header->data_bytes - out->bytes.matrices - out->bytes.scales;
    set_form(&d);
    out->formula_bytes = vit158_file_size_formula(&out->info, &out->form, out->bytes.header);
    return VIT158_OK;
}

void vit158_facts_clear(vit158_facts *facts)
{
    free(facts->matrices);
    *facts = (vit158_facts){0};
}

/* ---- From the weights ---- */

static void look_at_weights(vit158_matrix_facts *facts, const vit158_linear *linear)
{
    if (linear->scale != NULL)
        facts->scale = linear->scale[0];
    if (facts->ternary)
        facts->zeros = facts->type->zeros(linear->weight, facts->n_rows, facts->n_in);
}

vit158_status vit158_facts_of_model(vit158_facts *out, const vit158_model *model,
                                    vit158_error *error)
{
    vit158_layout *layout = malloc(sizeof *layout);
    if (layout == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory");
    vit158_status status = vit158_layout_read(layout, &model->header, error);
    /* UNREACHABLE: the same header was read when the model was opened. */
    if (status == VIT158_OK)
        status = vit158_facts_of_header(out, VIT158_FILE_DENSE, layout, &model->header,
                                        model->info.file_bytes, error);
    free(layout);
    if (status != VIT158_OK)
        return status;
    out->info = model->info;
    for (uint32_t i = 0; i < model->info.depth; i++) {
        const vit158_block *block = &model->blocks[i];
        vit158_matrix_facts *facts = &out->matrices[i * VIT158_BLOCK_LINEARS];
        look_at_weights(&facts[VIT158_QKV], &block->qkv);
        look_at_weights(&facts[VIT158_PROJ], &block->proj);
        look_at_weights(&facts[VIT158_FC1], &block->fc1);
        look_at_weights(&facts[VIT158_FC2], &block->fc2);
    }
    return VIT158_OK;
}
