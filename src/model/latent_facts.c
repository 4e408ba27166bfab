/* SPDX-License-Identifier: MIT */
#include "model/latent_facts.h"

#include <stdlib.h>

#include "base/error.h"
#include "model/ternary.h"

static vit158_status no_memory(vit158_error *error)
{
    return vit158_fail(error, VIT158_E_MEMORY, "not enough memory");
}

static bool has_latent_weights(const vit158_layout *layout, const vit158_header *header)
{
    return vit158_header_metadata(header, "encodings") == NULL &&
           vit158_layout_is_latent(layout, header);
}

vit158_status vit158_is_latent(bool *latent, const vit158_safetensors *file, vit158_error *error)
{
    const vit158_header *header = vit158_safetensors_header(file);
    vit158_layout *layout = malloc(sizeof *layout);
    *latent = false;
    if (layout == NULL)
        return no_memory(error);
    if (vit158_layout_geometry(layout, header, NULL) == VIT158_OK)
        *latent = has_latent_weights(layout, header);
    free(layout);
    return VIT158_OK;
}

/* What packing will make of a matrix. */
static vit158_status look_at_weights(vit158_matrix_facts *facts, const vit158_safetensors *file,
                                     vit158_error *error)
{
    char name[VIT158_SLOT_NAME_BYTES];
    vit158_slot_name(name, facts->slot);
    const size_t count = (size_t)facts->n_out * facts->n_in;
    float *values = malloc(count * sizeof *values);
    int8_t *trits = malloc(count);
    vit158_status status = values != NULL && trits != NULL ? VIT158_OK : no_memory(error);
    if (status == VIT158_OK)
        status = vit158_safetensors_get_f32(file, name, values, count, error);
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

vit158_status vit158_facts_of_latent(vit158_facts *out, const vit158_safetensors *file,
                                     vit158_error *error)
{
    const vit158_header *header = vit158_safetensors_header(file);
    vit158_layout *layout = malloc(sizeof *layout);
    if (layout == NULL)
        return no_memory(error);
    vit158_status status = vit158_layout_geometry(layout, header, error);
    if (status == VIT158_OK)
        status = vit158_facts_of_header(out, VIT158_FILE_LATENT, layout, header,
                                        vit158_safetensors_file_bytes(file), error);
    free(layout);
    if (status != VIT158_OK)
        return status;
    for (uint32_t i = 0; i < out->matrix_count && status == VIT158_OK; i++)
        status = look_at_weights(&out->matrices[i], file, error);
    for (uint32_t i = 0; i < header->tensor_count; i++) {
        const vit158_tensor_entry *tensor = &header->tensors[i];
        if (!vit158_slot_is_positive(vit158_slot_of_name(tensor->name)))
            out->info.parameters += tensor->n_elements;
    }
    if (status != VIT158_OK)
        vit158_facts_clear(out);
    return status;
}
