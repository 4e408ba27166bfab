/* SPDX-License-Identifier: MIT */
#include "model/loader.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "model/layout.h"
#include "model/metadata_json.h"
#include "model/recipe_read.h"
#include "model/views.h"
#include "model/weights.h"

typedef enum stage {
    STAGE_PREFIX, /* the header's length, and its first byte */
    STAGE_HEADER,
    STAGE_DATA,
    STAGE_COMPLETE,
    STAGE_OVER /* the model has been handed out, or something was wrong */
} stage;

#define FIRST_JSON_BYTES 4096U

struct vit158_loader {
    stage stage;
    uint64_t expected_bytes; /* 0 = unknown */
    uint64_t received;
    uint64_t file_bytes; /* once the header is known */
    uint8_t prefix[VIT158_PREFIX_BYTES + 1];
    uint8_t *json; /* the header's bytes so far */
    size_t json_bytes;
    size_t json_count;
    size_t json_capacity;
    vit158_layout *layout;
    vit158_header added; /* metadata for the header that is to come */
    vit158_model *model;
    vit158_weights weights;
};

vit158_status vit158_loader_create(vit158_loader **out, uint64_t expected_bytes,
                                   vit158_error *error)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory");
    (*out)->expected_bytes = expected_bytes;
    return VIT158_OK;
}

static void clear(vit158_loader *l)
{
    free(l->json);
    free(l->layout);
    vit158_header_clear(&l->added);
    vit158_weights_clear(&l->weights);
    vit158_model_close(l->model);
    l->json = NULL;
    l->layout = NULL;
    l->model = NULL;
    l->stage = STAGE_OVER;
}

void vit158_loader_close(vit158_loader *loader)
{
    if (loader == NULL)
        return;
    clear(loader);
    free(loader);
}

static vit158_status no_memory(vit158_error *error)
{
    return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the model's header");
}

/* ---- Prefix and header ---- */

static vit158_status check_prefix(vit158_loader *l, vit158_error *error)
{
    vit158_bytes in = vit158_bytes_over(l->prefix, VIT158_PREFIX_BYTES);
    const uint64_t json_bytes = vit158_bytes_u64(&in, false);
    if (l->prefix[VIT158_PREFIX_BYTES] != '{')
        return vit158_fail(error, VIT158_E_FORMAT, "not a model file: byte 8 is not {");
    if (json_bytes > VIT158_MAX_HEADER_BYTES)
        return vit158_fail(error, VIT158_E_LIMIT, "header: %llu bytes, the limit is %u",
                           (unsigned long long)json_bytes, VIT158_MAX_HEADER_BYTES);
    if (json_bytes < 2)
        return vit158_fail(error, VIT158_E_FORMAT, "header: %llu bytes cannot hold one",
                           (unsigned long long)json_bytes);
    if (l->expected_bytes != 0 && l->expected_bytes < VIT158_PREFIX_BYTES + json_bytes)
        return vit158_fail(error, VIT158_E_TRUNCATED, "the file ends inside its header");
    l->json_bytes = (size_t)json_bytes;
    l->stage = STAGE_HEADER;
    return VIT158_OK;
}

/* Takes bytes of the prefix; returns how many. */
static size_t take_prefix(vit158_loader *l, const uint8_t *bytes, size_t n_bytes)
{
    const size_t have = (size_t)l->received;
    const size_t part = sizeof l->prefix - have < n_bytes ? sizeof l->prefix - have : n_bytes;
    memcpy(l->prefix + have, bytes, part);
    return part;
}

static vit158_status append_json(vit158_loader *l, const uint8_t *bytes, size_t n_bytes,
                                 vit158_error *error)
{
    const size_t needed = l->json_count + n_bytes;
    if (needed > l->json_capacity) {
        size_t capacity = l->json_capacity == 0 ? FIRST_JSON_BYTES : 2 * l->json_capacity;
        if (l->expected_bytes != 0 || capacity > l->json_bytes)
            capacity = l->json_bytes;
        if (capacity < needed)
            capacity = needed;
        uint8_t *grown = realloc(l->json, capacity);
        if (grown == NULL)
            return no_memory(error);
        l->json = grown;
        l->json_capacity = capacity;
    }
    memcpy(l->json + l->json_count, bytes, n_bytes);
    l->json_count = needed;
    return VIT158_OK;
}

static vit158_status check_length(const vit158_loader *l, vit158_error *error)
{
    if (l->expected_bytes == 0 || l->expected_bytes == l->file_bytes)
        return VIT158_OK;
    const bool shorter = l->expected_bytes < l->file_bytes;
    return vit158_fail(error, shorter ? VIT158_E_TRUNCATED : VIT158_E_FORMAT,
                       "the file has %llu bytes, its header describes %llu",
                       (unsigned long long)l->expected_bytes, (unsigned long long)l->file_bytes);
}

/* The header is complete: everything about the model but its weights. */
static vit158_status read_header(vit158_loader *l, vit158_error *error)
{
    l->model = calloc(1, sizeof *l->model);
    l->layout = malloc(sizeof *l->layout);
    if (l->model == NULL || l->layout == NULL)
        return no_memory(error);
    vit158_model *model = l->model;
    vit158_header *header = &model->header;
    VIT158_RETURN_IF_ERROR(vit158_header_parse(header, l->json, l->json_count, error));
    free(l->json);
    l->json = NULL;
    if (l->added.metadata_count > 0)
        VIT158_RETURN_IF_ERROR(vit158_metadata_add(header, &l->added, error));
    VIT158_RETURN_IF_ERROR(vit158_layout_read(l->layout, header, error));
    model->info = l->layout->info;
    model->variant = l->layout->variant;
    VIT158_RETURN_IF_ERROR(vit158_recipe_read(model, header, error));
    VIT158_RETURN_IF_ERROR(vit158_labels_read(model, header, error));
    l->file_bytes = VIT158_PREFIX_BYTES + l->json_bytes + header->data_bytes;
    VIT158_RETURN_IF_ERROR(check_length(l, error));
    model->blocks = calloc(model->info.depth, sizeof *model->blocks);
    if (model->blocks == NULL)
        return no_memory(error);
    l->stage = STAGE_DATA;
    return vit158_weights_plan(&l->weights, header, l->layout, l->expected_bytes == 0, error);
}

/* ---- Pushing ---- */

static vit158_status push(vit158_loader *l, const uint8_t *bytes, size_t n_bytes,
                          vit158_error *error)
{
    if (l->stage == STAGE_PREFIX) {
        const size_t part = take_prefix(l, bytes, n_bytes);
        l->received += part;
        bytes += part;
        n_bytes -= part;
        if (l->received < sizeof l->prefix)
            return VIT158_OK;
        VIT158_RETURN_IF_ERROR(check_prefix(l, error));
        VIT158_RETURN_IF_ERROR(append_json(l, l->prefix + VIT158_PREFIX_BYTES, 1, error));
    }
    if (l->stage == STAGE_HEADER) {
        const size_t left = l->json_bytes - l->json_count;
        const size_t part = left < n_bytes ? left : n_bytes;
        VIT158_RETURN_IF_ERROR(append_json(l, bytes, part, error));
        l->received += part;
        bytes += part;
        n_bytes -= part;
        if (l->json_count < l->json_bytes)
            return VIT158_OK;
        VIT158_RETURN_IF_ERROR(read_header(l, error));
    }
    if (l->stage == STAGE_DATA) {
        const uint64_t left = l->file_bytes - l->received;
        const size_t part = left < n_bytes ? (size_t)left : n_bytes;
        VIT158_RETURN_IF_ERROR(vit158_weights_take(&l->weights, bytes, part, error));
        l->received += part;
        n_bytes -= part;
        if (l->received == l->file_bytes)
            l->stage = STAGE_COMPLETE;
    }
    if (n_bytes > 0)
        return vit158_fail(error, VIT158_E_FORMAT, "the file goes on after its last tensor");
    return VIT158_OK;
}

static vit158_status over(vit158_error *error)
{
    return vit158_fail(error, VIT158_E_STATE,
                       "this loader has finished or has failed; make a new one");
}

vit158_status vit158_loader_push(vit158_loader *loader, const void *bytes, size_t n_bytes,
                                 vit158_error *error)
{
    if (loader->stage == STAGE_OVER)
        return over(error);
    if (n_bytes == 0)
        return VIT158_OK;
    if (bytes == NULL)
        return vit158_fail(error, VIT158_E_ARGUMENT, "%zu bytes at NULL", n_bytes);
    const vit158_status status = push(loader, bytes, n_bytes, error);
    if (status != VIT158_OK)
        clear(loader);
    return status;
}

vit158_status vit158_loader_set_metadata(vit158_loader *loader, const char *json, size_t n_bytes,
                                         vit158_error *error)
{
    if (loader->stage != STAGE_PREFIX || loader->received > 0)
        return vit158_fail(error, VIT158_E_STATE, "metadata is added before the first byte");
    vit158_header_clear(&loader->added);
    return vit158_metadata_of_json(&loader->added, json, n_bytes, error);
}

/* ---- Finishing ---- */

static uint64_t memory_of(const vit158_loader *l)
{
    const vit158_model *model = l->model;
    return sizeof *model + model->info.depth * sizeof *model->blocks + model->labels_bytes +
           model->planes_bytes + vit158_weights_bytes(&model->header) + l->json_bytes +
           strlen(model->header.metadata_json) +
           model->header.tensor_count * sizeof *model->header.tensors;
}

vit158_status vit158_loader_finish(vit158_loader *loader, vit158_model **out, vit158_error *error)
{
    vit158_loader *l = loader;
    *out = NULL;
    if (l->stage == STAGE_OVER)
        return over(error);
    if (l->stage != STAGE_COMPLETE) {
        const vit158_status status =
            l->stage == STAGE_DATA
                ? vit158_fail(error, VIT158_E_TRUNCATED, "the file ends after %llu of %llu bytes",
                              (unsigned long long)l->received, (unsigned long long)l->file_bytes)
                : vit158_fail(error, VIT158_E_TRUNCATED,
                              "the file ends after %llu bytes, before its header does",
                              (unsigned long long)l->received);
        clear(l);
        return status;
    }
    vit158_model *model = l->model;
    vit158_status status = vit158_weights_finish(&l->weights, error);
    if (status == VIT158_OK)
        status = vit158_views_set(model, l->layout, &model->header, l->weights.data, error);
    if (status != VIT158_OK) {
        clear(l);
        return status;
    }
    model->info.file_bytes = l->file_bytes;
    model->info.weight_bytes = memory_of(l);
    model->pieces = l->weights.pieces;
    model->piece_count = l->weights.piece_count;
    l->weights.pieces = NULL;
    l->model = NULL;
    clear(l);
    *out = model;
    return VIT158_OK;
}

vit158_status vit158_model_open(vit158_model **out, const void *bytes, size_t n_bytes,
                                vit158_error *error)
{
    *out = NULL;
    vit158_loader *loader;
    VIT158_RETURN_IF_ERROR(vit158_loader_create(&loader, n_bytes, error));
    vit158_status status = vit158_loader_push(loader, bytes, n_bytes, error);
    if (status == VIT158_OK)
        status = vit158_loader_finish(loader, out, error);
    vit158_loader_close(loader);
    return status;
}
