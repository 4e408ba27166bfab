/* SPDX-License-Identifier: MIT
 *
 * The facts as JSON (web/COMMANDS.md describes it), the same text for the native command and, over
 * the wasm module, for JavaScript.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/facts.h"

const char *vit158_file_kind_name(vit158_file_kind kind)
{
    static const char *const names[] = {[VIT158_FILE_TERNARY] = "ternary",
                                        [VIT158_FILE_LATENT] = "latent",
                                        [VIT158_FILE_DENSE] = "dense"};
    return names[kind];
}

bool vit158_metadata_is_long(const char *key)
{
    return strcmp(key, "labels") == 0 || strcmp(key, "wnids") == 0 || strcmp(key, "encodings") == 0;
}

void vit158_info_json(vit158_json *json, const vit158_model_info *info, bool of_file)
{
#define MEMBER(type, name) vit158_json_number(json, #name, (double)info->name);
#define MEMORY_MEMBER(type, name)                                                                  \
    if (!of_file)                                                                                  \
    MEMBER(type, name)
    VIT158_MODEL_FACTS(MEMBER, MEMORY_MEMBER)
#undef MEMBER
#undef MEMORY_MEMBER
}

static void bytes_json(vit158_json *json, const vit158_facts *facts)
{
    vit158_json_open(json, "bytes", '{');
    vit158_json_number(json, "file", (double)facts->info.file_bytes);
    vit158_json_number(json, "formula", (double)facts->formula_bytes);
#define MEMBER(name) vit158_json_number(json, #name, (double)facts->bytes.name);
    VIT158_FILE_PARTS(MEMBER)
#undef MEMBER
    vit158_json_close(json, '}');
}

static void matrix_json(vit158_json *json, const vit158_matrix_facts *matrix)
{
    char name[VIT158_SLOT_NAME_BYTES];
    vit158_slot_name(name, matrix->slot);
    vit158_json_open(json, NULL, '{');
    vit158_json_text(json, "name", name);
    vit158_json_text(json, "type", matrix->type->shown);
    vit158_json_number(json, "n_out", matrix->n_out);
    vit158_json_number(json, "n_in", matrix->n_in);
    if (matrix->n_rows > matrix->n_out)
        vit158_json_number(json, "rows", matrix->n_rows);
    vit158_json_number(json, "bytes", (double)matrix->n_bytes);
    if (matrix->ternary) {
        vit158_json_number(json, "zeros", vit158_zero_share(matrix));
        vit158_json_number(json, "scale", (double)matrix->scale);
    }
    vit158_json_close(json, '}');
}

static void tensor_json(vit158_json *json, const vit158_tensor_entry *tensor)
{
    vit158_json_open(json, NULL, '{');
    vit158_json_text(json, "name", tensor->name);
    vit158_json_text(json, "type", vit158_dtype_name(tensor->dtype));
    vit158_json_open(json, "shape", '[');
    for (uint32_t k = 0; k < tensor->rank; k++)
        vit158_json_number(json, NULL, (double)tensor->shape[k]);
    vit158_json_close(json, ']');
    vit158_json_number(json, "bytes", (double)(tensor->end - tensor->begin));
    vit158_json_close(json, '}');
}

void vit158_metadata_json(vit158_json *json, const vit158_header *header, bool all)
{
    vit158_json_open(json, "metadata", '{');
    for (uint32_t i = 0; i < header->metadata_count; i++) {
        if (all || !vit158_metadata_is_long(header->metadata_keys[i]))
            vit158_json_text(json, header->metadata_keys[i], header->metadata_values[i]);
    }
    vit158_json_close(json, '}');
}

void vit158_facts_json(vit158_json *json, const vit158_facts *facts, const vit158_header *header)
{
    vit158_json_text(json, "kind", vit158_file_kind_name(facts->kind));
    vit158_info_json(json, &facts->info, true);
    vit158_json_text(json, "norms", vit158_norms_of_block(facts));
    vit158_json_bool(json, "outer_norms", facts->form.outer_norms);
    vit158_json_bool(json, "inner_norms", facts->form.inner_norms);
    bytes_json(json, facts);
    vit158_json_text(json, "rest_type", vit158_dtype_name(facts->form.rest));
    vit158_json_number(json, "bits_per_weight", vit158_bits_per_weight(facts));
    vit158_json_open(json, "matrices", '[');
    for (uint32_t i = 0; i < facts->matrix_count; i++)
        matrix_json(json, &facts->matrices[i]);
    vit158_json_close(json, ']');
    vit158_json_open(json, "tensors", '[');
    for (uint32_t i = 0; i < header->tensor_count; i++)
        tensor_json(json, &header->tensors[i]);
    vit158_json_close(json, ']');
    vit158_metadata_json(json, header, false);
}

/* ---- A model's text: measured first, then written ---- */

typedef struct text {
    char *bytes; /* NULL while it is measured */
    size_t length;
} text;

static void put(void *context, const char *bytes, size_t n_bytes)
{
    text *to = context;
    if (to->bytes != NULL)
        memcpy(to->bytes + to->length, bytes, n_bytes);
    to->length += n_bytes;
}

/* `facts` NULL: info and metadata. */
static void write_model(text *to, const vit158_model *model, const vit158_facts *facts)
{
    vit158_json json = {.put = put, .context = to};
    to->length = 0;
    vit158_json_open(&json, NULL, '{');
    if (facts != NULL) {
        vit158_facts_json(&json, facts, &model->header);
    } else {
        vit158_json_open(&json, "info", '{');
        vit158_info_json(&json, &model->info, false);
        vit158_json_close(&json, '}');
        vit158_metadata_json(&json, &model->header, true);
    }
    vit158_json_close(&json, '}');
}

char *vit158_model_json(const vit158_model *model, bool of_file, vit158_error *error)
{
    vit158_facts facts = {0};
    text to = {0};
    if (of_file && vit158_facts_of_model(&facts, model, error) != VIT158_OK)
        return NULL;
    write_model(&to, model, of_file ? &facts : NULL);
    to.bytes = calloc(1, to.length + 1);
    if (to.bytes != NULL)
        write_model(&to, model, of_file ? &facts : NULL);
    else
        vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the model's facts");
    vit158_facts_clear(&facts);
    return to.bytes;
}
