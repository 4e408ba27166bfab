/* SPDX-License-Identifier: MIT */
#include "wasm/import_abi.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "import/import.h"
#include "model/pack.h"
#include "model/writer_head.h"

/* Given by the caller: a file's length, below 0 if there is none; reading, 0 if that fails. */
__attribute__((import_module("vit158"), import_name("file_size"))) double
vit158_wasm_file_size(const char *name);
__attribute__((import_module("vit158"), import_name("file_read"))) uint32_t
vit158_wasm_file_read(const char *name, double offset, void *out, uint32_t n_bytes);

static struct {
    vit158_draft draft;
    vit158_import_report report;
    vit158_error error;
    vit158_file_head head;
    float *values; /* of a tensor that was read */
    uint32_t rank;
    uint64_t shape[VIT158_MAX_RANK];
} state;

static uint64_t size_of(void *context, const char *name)
{
    (void)context;
    const double size = vit158_wasm_file_size(name);
    return size >= 0.0 ? (uint64_t)size : VIT158_NO_FILE;
}

static bool read_from(void *context, const char *name, uint64_t offset, void *out, size_t n_bytes)
{
    (void)context;
    return vit158_wasm_file_read(name, (double)offset, out, (uint32_t)n_bytes) != 0;
}

static void clear(void)
{
    vit158_head_clear(&state.head);
    vit158_draft_clear(&state.draft);
    free(state.values);
    state.values = NULL;
    state.rank = 0;
    state.error = (vit158_error){VIT158_OK, ""};
    state.report.text[0] = 0;
}

/* The draft as a file's pieces, unless there is none. */
static uint32_t finish(vit158_status status)
{
    vit158_contents contents;
    if (status == VIT158_OK)
        status = vit158_draft_contents(&contents, &state.draft, &state.error);
    if (status == VIT158_OK)
        status = vit158_head_build(&state.head, &contents, &state.error);
    if (status != VIT158_OK) {
        const vit158_error error = state.error;
        clear();
        state.error = error;
    }
    return (uint32_t)status;
}

uint32_t vit158_wasm_import(const char *file, uint32_t weights, uint32_t heads, uint32_t image_size,
                            const char *labels, uint32_t labels_bytes, const char *metadata)
{
    const vit158_import_files files = {NULL, size_of, read_from};
    const vit158_import_options options = {.file = file,
                                           .weights = (vit158_import_weights)weights,
                                           .heads = heads,
                                           .image_size = image_size,
                                           .labels = labels,
                                           .labels_bytes = labels_bytes,
                                           .metadata_json = metadata};
    clear();
    return finish(vit158_import_run(&state.draft, &state.report, &files, &options, &state.error));
}

static vit158_status read_bytes(void *context, uint64_t position, void *out, size_t n_bytes,
                                vit158_error *error)
{
    return read_from(NULL, context, position, out, n_bytes)
               ? VIT158_OK
               : vit158_fail(error, VIT158_E_TRUNCATED, "ends unexpectedly");
}

static vit158_status open_source(vit158_safetensors **out, char *file)
{
    const vit158_file_bytes bytes = {file, size_of(NULL, file), read_bytes, NULL};
    return vit158_safetensors_over(out, &bytes, &state.error);
}

uint32_t vit158_wasm_pack(char *file, uint32_t matrices, uint32_t rest, const char *metadata)
{
    const vit158_pack_options options = {.matrices = (vit158_pack_matrices)matrices,
                                         .rest = (vit158_dtype)rest,
                                         .metadata_json = metadata};
    vit158_safetensors *in = NULL;
    vit158_pack_report report;
    clear();
    vit158_status status = open_source(&in, file);
    if (status == VIT158_OK)
        status = vit158_pack_draft(&state.draft, &report, in, &options, &state.error);
    vit158_safetensors_close(in);
    if (status == VIT158_OK)
        vit158_format(state.report.text, sizeof state.report.text, "%llu %u %u",
                      (unsigned long long)report.zeros, report.kept, report.untrained);
    return finish(status);
}

static vit158_status read_values(const vit158_safetensors *in, const char *name)
{
    const vit158_tensor_entry *entry = vit158_safetensors_find(in, name);
    if (entry == NULL)
        return vit158_fail(&state.error, VIT158_E_TENSOR, "there is no tensor %s in it", name);
    if (entry->n_elements < SIZE_MAX / sizeof *state.values)
        state.values = malloc((size_t)entry->n_elements * sizeof *state.values);
    if (state.values == NULL)
        return vit158_fail(&state.error, VIT158_E_MEMORY, "not enough memory for %s", name);
    state.rank = entry->rank;
    memcpy(state.shape, entry->shape, entry->rank * sizeof *state.shape);
    return vit158_safetensors_read_f32(in, entry, state.values, &state.error);
}

uint32_t vit158_wasm_import_tensor(char *file, const char *name)
{
    vit158_safetensors *in = NULL;
    clear();
    vit158_status status = open_source(&in, file);
    if (status == VIT158_OK)
        status = read_values(in, name);
    vit158_safetensors_close(in);
    return (uint32_t)status;
}

const float *vit158_wasm_import_values(void)
{
    return state.values;
}

uint32_t vit158_wasm_import_rank(void)
{
    return state.rank;
}

double vit158_wasm_import_side(uint32_t index)
{
    return (double)state.shape[index];
}

const char *vit158_wasm_import_message(void)
{
    return state.error.message;
}

const char *vit158_wasm_import_report(void)
{
    return state.report.text;
}

double vit158_wasm_import_bytes(uint32_t weights)
{
    const vit158_import_report *report = &state.report;
    return (double)(weights == VIT158_IMPORT_F16  ? report->f16_bytes
                    : weights == VIT158_IMPORT_I8 ? report->i8_bytes
                                                  : report->f32_bytes);
}

uint32_t vit158_wasm_import_piece_count(void)
{
    return state.head.text != NULL ? (uint32_t)state.draft.tensor_count + 1 : 0;
}

const void *vit158_wasm_import_piece(uint32_t index)
{
    return index == 0 ? (const void *)state.head.text
                      : state.draft.tensors[state.head.order[index - 1]].data;
}

uint32_t vit158_wasm_import_piece_bytes(uint32_t index)
{
    if (index == 0)
        return (uint32_t)state.head.n_bytes;
    return (uint32_t)vit158_tensor_view_bytes(&state.draft.tensors[state.head.order[index - 1]]);
}
