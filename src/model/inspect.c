/* SPDX-License-Identifier: MIT */
#include "model/inspect.h"

#include <stdlib.h>

#include "base/error.h"
#include "model/ternary.h"

typedef struct inspector {
    const vit158_safetensors *file;
    const vit158_header *header;
    vit158_layout layout;
    vit158_inspection *out;
    vit158_error *error;
} inspector;

uint64_t vit158_file_size_formula(const vit158_model_info *info, const vit158_stored_form *form,
                                  uint64_t header_bytes)
{
    const uint64_t d = info->dim, f = info->mlp_dim, blocks = info->depth, c = info->classes;
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
        matrices += blocks * vit158_stored_bytes(type, vit158_linear_n_out(info, linear),
                                                 vit158_linear_n_in(info, linear));
    const uint64_t scales = !type->coded ? 0 : blocks * (form->row_scales ? 5 * d + f : 4);
    return header_bytes + matrices + 4 * scales + element * floats + (uint64_t)form->newer_bytes;
}

/* ---- Matrices ---- */

static vit158_status read_codes(inspector *in, vit158_matrix_facts *facts,
                                const vit158_tensor_entry *tensor)
{
    const vit158_stored_type *type = facts->type;
    const uint64_t n_bytes = vit158_stored_bytes(type, facts->n_rows, facts->n_in);
    if (facts->n_bytes != n_bytes)
        return vit158_fail(in->error, VIT158_E_TENSOR, "tensor %s: %llu codes, not %llu",
                           tensor->name, (unsigned long long)facts->n_bytes,
                           (unsigned long long)n_bytes);
    uint8_t *codes = malloc((size_t)n_bytes);
    if (codes == NULL)
        return vit158_fail(in->error, VIT158_E_MEMORY, "not enough memory");
    vit158_status status = vit158_safetensors_read(in->file, tensor, codes, in->error);
    if (status == VIT158_OK) {
        const size_t i = type->first_bad(codes, (size_t)n_bytes);
        if (i < n_bytes)
            status = vit158_fail(in->error, VIT158_E_VALUE, "tensor %s: byte %zu is %u, not %s",
                                 tensor->name, i, codes[i], type->element);
        else
            facts->zeros = type->zeros(codes, facts->n_rows, facts->n_in);
        facts->ternary = true;
    }
    free(codes);
    return status;
}

/* What packing will make of float weights. */
static vit158_status read_latent(inspector *in, vit158_matrix_facts *facts,
                                 const vit158_tensor_entry *tensor)
{
    const size_t count = (size_t)facts->n_out * facts->n_in;
    float *values = malloc(count * sizeof *values);
    int8_t *trits = malloc(count);
    if (values == NULL || trits == NULL) {
        free(values);
        free(trits);
        return vit158_fail(in->error, VIT158_E_MEMORY, "not enough memory");
    }
    const vit158_status status =
        vit158_safetensors_get_f32(in->file, tensor->name, values, count, in->error);
    if (status == VIT158_OK) {
        facts->scale = vit158_absmean(values, facts->n_out, facts->n_in);
        vit158_ternarize(trits, values, count, facts->scale);
        facts->ternary = true;
        for (size_t i = 0; i < count; i++)
            facts->zeros += trits[i] == 0;
    }
    free(values);
    free(trits);
    return status;
}

/* Stored bytes of the tensor in a slot, 0 if there is none. */
static uint64_t bytes_of(const inspector *in, uint32_t slot)
{
    const vit158_tensor_entry *tensor = vit158_layout_tensor(&in->layout, in->header, slot);
    return tensor != NULL ? tensor->end - tensor->begin : 0;
}

static vit158_status read_scale(inspector *in, vit158_matrix_facts *facts, uint32_t scale_slot)
{
    const vit158_tensor_entry *tensor = vit158_layout_tensor(&in->layout, in->header, scale_slot);
    if (tensor == NULL)
        return VIT158_OK;
    if (tensor->n_elements == 0)
        return vit158_fail(in->error, VIT158_E_TENSOR,
                           "tensor %s: its shape does not fit the model", tensor->name);
    float *values = malloc((size_t)tensor->n_elements * sizeof *values);
    if (values == NULL)
        return vit158_fail(in->error, VIT158_E_MEMORY, "not enough memory");
    const vit158_status status = vit158_safetensors_read_f32(in->file, tensor, values, in->error);
    facts->scale = status == VIT158_OK ? values[0] : 0.0F;
    facts->scale_count = (uint32_t)tensor->n_elements;
    in->out->scale_bytes += tensor->end - tensor->begin;
    free(values);
    return status;
}

static vit158_status read_matrix(inspector *in, vit158_matrix_facts *facts, uint32_t block,
                                 uint32_t linear)
{
    char name[VIT158_SLOT_NAME_BYTES];
    facts->slot = vit158_linear_slot(block, linear, VIT158_LINEAR_WEIGHT);
    facts->n_in = vit158_linear_n_in(&in->out->info, linear);
    facts->n_out = vit158_linear_n_out(&in->out->info, linear);
    facts->n_rows = vit158_layout_rows(&in->layout, block, linear);
    vit158_slot_name(name, facts->slot);
    const vit158_tensor_entry *tensor = vit158_layout_tensor(&in->layout, in->header, facts->slot);
    if (tensor == NULL)
        return vit158_fail(in->error, VIT158_E_TENSOR, "tensor %s is missing", name);
    facts->n_bytes = tensor->end - tensor->begin;
    if (in->layout.types[block][linear] == NULL) /* of a latent file */
        in->layout.types[block][linear] = vit158_stored_type_of(tensor->dtype);
    facts->type = in->layout.types[block][linear];
    in->out->matrix_bytes += facts->n_bytes;
    in->out->scale_bytes += bytes_of(in, vit158_linear_slot(block, linear, VIT158_LINEAR_ROWS)) +
                            bytes_of(in, vit158_linear_slot(block, linear, VIT158_LINEAR_STEP));
    const uint32_t scale_slot = vit158_linear_slot(block, linear, VIT158_LINEAR_SCALE);
    VIT158_RETURN_IF_ERROR(read_scale(in, facts, scale_slot));
    if (facts->type->zeros != NULL)
        return read_codes(in, facts, tensor);
    return in->out->kind == VIT158_FILE_LATENT ? read_latent(in, facts, tensor) : VIT158_OK;
}

/* ---- */

static void find_kind(inspector *in)
{
    vit158_inspection *out = in->out;
    const bool encoded = vit158_header_metadata(in->header, "encodings") != NULL;
    const bool latent = !encoded && vit158_layout_is_latent(&in->layout, in->header);
    out->kind = latent ? VIT158_FILE_LATENT : VIT158_FILE_DENSE;
    for (uint32_t i = 0; i < out->matrix_count; i++) {
        const uint32_t slot = vit158_linear_slot(i / VIT158_BLOCK_LINEARS, i % VIT158_BLOCK_LINEARS,
                                                 VIT158_LINEAR_WEIGHT);
        const vit158_tensor_entry *tensor = vit158_layout_tensor(&in->layout, in->header, slot);
        if (tensor != NULL && vit158_stored_type_of(tensor->dtype)->zeros != NULL)
            out->kind = VIT158_FILE_TERNARY;
    }
}

/* As the loader counts them; of a latent file, which it refuses, every float but scales. */
static void count_parameters(inspector *in)
{
    vit158_inspection *out = in->out;
    if (out->kind != VIT158_FILE_LATENT) {
        out->info.parameters = in->layout.info.parameters;
        out->info.ternary_parameters = in->layout.info.ternary_parameters;
        out->info.int8_parameters = in->layout.info.int8_parameters;
        return;
    }
    for (uint32_t i = 0; i < in->header->tensor_count; i++) {
        const vit158_tensor_entry *tensor = &in->header->tensors[i];
        if (!vit158_slot_is_scale(vit158_slot_of_name(tensor->name)))
            out->info.parameters += tensor->n_elements;
    }
}

/* What the model's variant adds to the floats of a plain one. */
static int64_t variant_bytes(const inspector *in)
{
    const vit158_inspection *out = in->out;
    const vit158_variant *v = &in->layout.variant;
    const vit158_model_info *info = &out->info;
    const int64_t d = info->dim, f = info->mlp_dim, blocks = info->depth;
    int64_t floats = ((int64_t)info->prefix_tokens - 1) * d;
    floats += 2 * d * (int64_t)(v->norm_pre + v->fc_norm) - (v->final_norm ? 0 : 2 * d);
    floats += (int64_t)info->classes * ((int64_t)info->embedding - d);
    if (v->inner_norms != 0) {
        int64_t in_block = 0;
        for (uint32_t linear = 0; linear < VIT158_BLOCK_LINEARS; linear++)
            if ((v->inner_norms >> linear & 1U) != 0)
                in_block += (v->inner_rms ? 1 : 2) * (int64_t)vit158_linear_n_in(info, linear);
        floats += blocks * (in_block - (6 * d + 2 * f));
    }
    return floats * (int64_t)vit158_dtype_bytes(out->form.rest);
}

/* What format version 2 adds to a file, against one row an output, F32 scales and a float rest. */
static int64_t newer_bytes(const inspector *in)
{
    static const uint32_t rest[] = {VIT158_SLOT_POS, VIT158_SLOT_PATCH_WEIGHT,
                                    VIT158_SLOT_HEAD_WEIGHT};
    const vit158_inspection *out = in->out;
    int64_t more = 0;
    for (uint32_t i = 0; i < out->matrix_count; i++) {
        const vit158_matrix_facts *facts = &out->matrices[i];
        const uint32_t block = i / VIT158_BLOCK_LINEARS, linear = i % VIT158_BLOCK_LINEARS;
        if (!facts->type->coded)
            continue;
        more += (int64_t)(vit158_stored_bytes(facts->type, facts->n_rows, facts->n_in) -
                          vit158_stored_bytes(facts->type, facts->n_out, facts->n_in));
        more += (int64_t)bytes_of(in, vit158_linear_slot(block, linear, VIT158_LINEAR_SCALE)) -
                4 * (int64_t)(out->form.row_scales ? facts->n_out : 1);
        more += (int64_t)(bytes_of(in, vit158_linear_slot(block, linear, VIT158_LINEAR_ROWS)) +
                          bytes_of(in, vit158_linear_slot(block, linear, VIT158_LINEAR_STEP)));
    }
    more += variant_bytes(in);
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++) {
        const vit158_tensor_entry *tensor = vit158_layout_tensor(&in->layout, in->header, rest[i]);
        if (tensor != NULL && tensor->dtype == VIT158_DTYPE_I8)
            more += (int64_t)bytes_of(in, vit158_scale_slot(rest[i])) -
                    (int64_t)(tensor->n_elements * (vit158_dtype_bytes(out->form.rest) - 1));
    }
    return more;
}

static void find_form(inspector *in)
{
    vit158_inspection *out = in->out;
    const vit158_matrix_facts *first = &out->matrices[0];
    const bool has_cls = in->layout.tensors[VIT158_SLOT_CLS] != 0;
    const vit158_tensor_entry *sample = vit158_layout_tensor(
        &in->layout, in->header, has_cls ? VIT158_SLOT_CLS : VIT158_SLOT_PATCH_BIAS);
    out->form = (vit158_stored_form){.outer_norms = in->layout.outer_norms,
                                     .inner_norms = in->layout.variant.inner_norms != 0,
                                     .row_scales = first->scale_count > 1,
                                     .encoding = first->type->encoding,
                                     .rest = sample != NULL ? sample->dtype : VIT158_DTYPE_F32};
}

static vit158_status inspect(inspector *in)
{
    vit158_inspection *out = in->out;
    VIT158_RETURN_IF_ERROR(vit158_layout_geometry(&in->layout, in->header, in->error));
    out->info = in->layout.info;
    out->variant = in->layout.variant;
    out->info.file_bytes = vit158_safetensors_file_bytes(in->file);
    out->header_bytes = vit158_safetensors_header_bytes(in->file);
    out->matrix_count = out->info.depth * VIT158_BLOCK_LINEARS;
    out->matrices = calloc(out->matrix_count, sizeof *out->matrices);
    if (out->matrices == NULL)
        return vit158_fail(in->error, VIT158_E_MEMORY, "not enough memory");
    find_kind(in);
    if (out->kind != VIT158_FILE_LATENT)
        VIT158_RETURN_IF_ERROR(vit158_layout_read(&in->layout, in->header, in->error));
    for (uint32_t i = 0; i < out->matrix_count; i++)
        VIT158_RETURN_IF_ERROR(
            read_matrix(in, &out->matrices[i], i / VIT158_BLOCK_LINEARS, i % VIT158_BLOCK_LINEARS));
    count_parameters(in);
    out->rest_bytes = in->header->data_bytes - out->matrix_bytes - out->scale_bytes;
    find_form(in);
    out->form.newer_bytes = newer_bytes(in);
    out->formula_bytes = vit158_file_size_formula(&out->info, &out->form, out->header_bytes);
    return VIT158_OK;
}

vit158_status vit158_inspect(vit158_inspection *out, const vit158_safetensors *file,
                             vit158_error *error)
{
    *out = (vit158_inspection){0};
    inspector *in = calloc(1, sizeof *in);
    if (in == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory");
    in->file = file;
    in->header = vit158_safetensors_header(file);
    in->out = out;
    in->error = error;
    const vit158_status status = inspect(in);
    free(in);
    if (status != VIT158_OK)
        vit158_inspection_clear(out);
    return status;
}

void vit158_inspection_clear(vit158_inspection *inspection)
{
    free(inspection->matrices);
    *inspection = (vit158_inspection){0};
}
