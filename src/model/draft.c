/* SPDX-License-Identifier: MIT */
#include "model/draft.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "model/encoding.h"
#include "model/half.h"
#include "model/linear_parts.h"

#define NUMBER_BYTES 24U
#define NAME_BYTES 64U
#define F16_LEAST_NORMAL 0x0400U

vit158_draft vit158_draft_start(vit158_dtype rest)
{
    return (vit158_draft){.rest = rest};
}

void vit158_draft_clear(vit158_draft *draft)
{
    for (size_t i = 0; i < draft->tensor_count; i++) {
        free((void *)draft->tensors[i].name);
        free((void *)draft->tensors[i].data);
    }
    for (size_t i = 0; i < draft->metadata_count; i++) {
        free((void *)draft->metadata[i].key);
        free((void *)draft->metadata[i].value);
    }
    free(draft->tensors);
    free(draft->metadata);
    free(draft->encodings);
    *draft = (vit158_draft){0};
}

static bool failed(const vit158_draft *draft)
{
    return draft->failure.status != VIT158_OK;
}

static void no_memory(vit158_draft *draft)
{
    vit158_fail(&draft->failure, VIT158_E_MEMORY, "not enough memory for the new model");
}

/* Makes room for one more element; false after a failure. */
static bool grow(vit158_draft *draft, void **array, size_t *capacity, size_t count, size_t size)
{
    if (failed(draft))
        return false;
    if (count < *capacity)
        return true;
    const size_t more = *capacity == 0 ? 64 : 2 * *capacity;
    void *grown = realloc(*array, more * size);
    if (grown == NULL) {
        no_memory(draft);
        return false;
    }
    *array = grown;
    *capacity = more;
    return true;
}

/* ---- Metadata ---- */

static size_t find_key(const vit158_draft *draft, const char *key)
{
    size_t i = 0;
    while (i < draft->metadata_count && strcmp(draft->metadata[i].key, key) != 0)
        i++;
    return i;
}

void vit158_draft_set(vit158_draft *draft, const char *key, const char *value)
{
    void *array = draft->metadata;
    const bool room = grow(draft, &array, &draft->metadata_capacity, draft->metadata_count,
                           sizeof *draft->metadata);
    draft->metadata = array;
    if (!room)
        return;
    char *new_value = vit158_copy_text(value);
    const size_t i = find_key(draft, key);
    if (i < draft->metadata_count) {
        if (new_value == NULL) {
            no_memory(draft);
            return;
        }
        free((void *)draft->metadata[i].value);
        draft->metadata[i].value = new_value;
        return;
    }
    char *new_key = vit158_copy_text(key);
    if (new_key == NULL || new_value == NULL) {
        free(new_key);
        free(new_value);
        no_memory(draft);
        return;
    }
    draft->metadata[draft->metadata_count++] = (vit158_metadata_pair){new_key, new_value};
}

void vit158_draft_set_count(vit158_draft *draft, const char *key, uint64_t value)
{
    char digits[NUMBER_BYTES];
    vit158_format(digits, sizeof digits, "%llu", (unsigned long long)value);
    vit158_draft_set(draft, key, digits);
}

void vit158_draft_default(vit158_draft *draft, const char *key, const char *value)
{
    if (find_key(draft, key) == draft->metadata_count)
        vit158_draft_set(draft, key, value);
}

/* ---- Tensors ---- */

void *vit158_draft_tensor(vit158_draft *draft, const char *name, vit158_dtype dtype, uint32_t rank,
                          const uint64_t *shape)
{
    void *array = draft->tensors;
    const bool room =
        grow(draft, &array, &draft->tensor_capacity, draft->tensor_count, sizeof *draft->tensors);
    draft->tensors = array;
    if (!room)
        return NULL;
    vit158_tensor_view view = {.dtype = dtype, .rank = rank};
    size_t n_bytes = vit158_dtype_bytes(dtype);
    for (uint32_t i = 0; i < rank; i++) {
        view.shape[i] = shape[i];
        n_bytes *= (size_t)shape[i];
    }
    void *data = malloc(n_bytes > 0 ? n_bytes : 1);
    view.name = vit158_copy_text(name);
    view.data = data;
    if (view.name == NULL || data == NULL) {
        free((void *)view.name);
        free(data);
        no_memory(draft);
        return NULL;
    }
    draft->tensors[draft->tensor_count++] = view;
    return data;
}

void vit158_draft_rest(vit158_draft *draft, const char *name, uint32_t rank, const uint64_t *shape,
                       const float *values)
{
    void *data = vit158_draft_tensor(draft, name, draft->rest, rank, shape);
    if (data == NULL)
        return;
    size_t count = 1;
    for (uint32_t i = 0; i < rank; i++)
        count *= (size_t)shape[i];
    if (draft->rest == VIT158_DTYPE_F32) {
        memcpy(data, values, count * sizeof *values);
        return;
    }
    uint16_t *halves = data;
    for (size_t i = 0; i < count; i++) {
        const bool fits = draft->rest == VIT158_DTYPE_BF16
                              ? vit158_bf16_narrow(&halves[i], values[i])
                              : vit158_f16_narrow(&halves[i], values[i]);
        if (!fits) {
            vit158_fail(&draft->failure, VIT158_E_VALUE,
                        "tensor %s: value %zu does not fit %s; store the rest as F32", name, i,
                        vit158_dtype_name(draft->rest));
            return;
        }
    }
}

/* Adds "NAME":{"type":TYPE,"n_in":..,"n_out":..} to the encodings, and "rows":.. unless 0. */
static void note_encoding(vit158_draft *draft, const char *name, const char *type, uint32_t n_out,
                          uint32_t n_in, uint32_t rows)
{
    char more[NUMBER_BYTES + 8] = "";
    if (rows > 0)
        vit158_format(more, sizeof more, ",\"rows\":%u", rows);
    const size_t needed = draft->encodings_bytes + strlen(name) + 128;
    while (draft->encodings_capacity < needed) {
        void *array = draft->encodings;
        const bool room =
            grow(draft, &array, &draft->encodings_capacity, draft->encodings_capacity, 1);
        draft->encodings = array;
        if (!room)
            return;
    }
    draft->encodings_bytes +=
        vit158_format(draft->encodings + draft->encodings_bytes,
                      draft->encodings_capacity - draft->encodings_bytes,
                      "%s\"%s\":{\"type\":\"%s\",\"n_in\":%u,\"n_out\":%u%s}",
                      draft->encodings_bytes > 0 ? "," : "", name, type, n_in, n_out, more);
}

void vit158_draft_part(vit158_draft *draft, const char *prefix, uint32_t part, uint32_t count,
                       const float *values)
{
    char name[NAME_BYTES];
    const uint64_t shape = count;
    vit158_format(name, sizeof name, "%s.%s", prefix, vit158_linear_parts[part].name);
    float *place = vit158_draft_tensor(draft, name, VIT158_DTYPE_F32, 1, &shape);
    if (place != NULL)
        memcpy(place, values, count * sizeof *values);
    draft->newer |= vit158_linear_parts[part].is_newer;
}

static void add_scale(vit158_draft *draft, const char *prefix, const float *scale, uint32_t count)
{
    vit158_draft_part(draft, prefix, VIT158_LINEAR_SCALE, count, scale);
}

void *vit158_draft_coded(vit158_draft *draft, const char *prefix, vit158_encoding encoding,
                         uint32_t n_out, uint32_t n_in, const float *scale, uint32_t scale_count)
{
    const vit158_stored_type *type = vit158_stored_type_for(encoding, draft->rest);
    char name[NAME_BYTES];
    uint64_t shape[VIT158_MAX_RANK];
    add_scale(draft, prefix, scale, scale_count);
    vit158_format(name, sizeof name, "%s.weight", prefix);
    note_encoding(draft, name, type->name, n_out, n_in, 0);
    type->shape(shape, n_out, n_in);
    return vit158_draft_tensor(draft, name, type->dtype, type->rank, shape);
}

/* F16 if all of them are normal numbers there. */
static void add_half_scales(vit158_draft *draft, const char *prefix, const float *scale,
                            uint32_t count)
{
    char name[NAME_BYTES];
    const uint64_t shape = count;
    uint16_t half;
    for (uint32_t i = 0; i < count; i++) {
        if (!vit158_f16_narrow(&half, scale[i]) || half < F16_LEAST_NORMAL) {
            add_scale(draft, prefix, scale, count);
            return;
        }
    }
    draft->newer = true;
    vit158_format(name, sizeof name, "%s.scale", prefix);
    uint16_t *place = vit158_draft_tensor(draft, name, VIT158_DTYPE_F16, 1, &shape);
    for (uint32_t i = 0; place != NULL && i < count; i++)
        vit158_f16_narrow(&place[i], scale[i]);
}

uint8_t *vit158_draft_sums(vit158_draft *draft, const char *prefix, uint32_t n_out, uint32_t n_in,
                           const uint8_t *counts, const float *scale, vit158_dtype scale_dtype)
{
    const vit158_stored_type *type = vit158_stored_type_for(VIT158_ENCODING_TRIT, draft->rest);
    char name[NAME_BYTES];
    uint64_t shape[VIT158_MAX_RANK];
    uint32_t rows = 0;
    bool same = true;
    for (uint32_t o = 0; o < n_out; o++) {
        rows += counts[o];
        same = same && counts[o] == counts[0];
    }
    if (rows > n_out) {
        const uint64_t n_counts = same ? 1 : n_out;
        vit158_format(name, sizeof name, "%s.rows", prefix);
        void *place = vit158_draft_tensor(draft, name, VIT158_DTYPE_U8, 1, &n_counts);
        if (place != NULL)
            memcpy(place, counts, (size_t)n_counts);
        draft->newer = true;
    }
    if (scale_dtype == VIT158_DTYPE_F16)
        add_half_scales(draft, prefix, scale, rows);
    else
        add_scale(draft, prefix, scale, rows);
    vit158_format(name, sizeof name, "%s.weight", prefix);
    note_encoding(draft, name, type->name, n_out, n_in, rows > n_out ? rows : 0);
    type->shape(shape, rows, n_in);
    return vit158_draft_tensor(draft, name, type->dtype, type->rank, shape);
}

int8_t *vit158_draft_i8_rest(vit158_draft *draft, const char *name, uint32_t rank,
                             const uint64_t *shape, const float *scale, vit158_dtype scale_dtype)
{
    char prefix[NAME_BYTES];
    const size_t n_bytes = strlen(name), ending = strlen(".weight");
    const bool positions = n_bytes < ending || strcmp(name + n_bytes - ending, ".weight") != 0;
    const uint32_t n_out = (uint32_t)shape[positions ? 1 : 0];
    uint64_t n_in = 1;
    for (uint32_t i = positions ? 2 : 1; i < rank; i++)
        n_in *= shape[i];
    vit158_format(prefix, sizeof prefix, "%.*s", (int)(positions ? n_bytes : n_bytes - ending),
                  name);
    if (scale_dtype == VIT158_DTYPE_F16)
        add_half_scales(draft, prefix, scale, n_out);
    else
        add_scale(draft, prefix, scale, n_out);
    note_encoding(draft, name, "i8", n_out, (uint32_t)n_in, 0);
    draft->newer = true;
    return vit158_draft_tensor(draft, name, VIT158_DTYPE_I8, rank, shape);
}

void vit158_draft_float_matrix(vit158_draft *draft, const char *prefix, uint32_t n_out,
                               uint32_t n_in, const float *values)
{
    const vit158_stored_type *type = vit158_stored_type_for(VIT158_ENCODING_F32, draft->rest);
    char name[NAME_BYTES];
    uint64_t shape[VIT158_MAX_RANK];
    vit158_format(name, sizeof name, "%s.weight", prefix);
    note_encoding(draft, name, type->name, n_out, n_in, 0);
    type->shape(shape, n_out, n_in);
    vit158_draft_rest(draft, name, type->rank, shape, values);
}

/* ---- Finishing ---- */

static void set_encodings(vit158_draft *draft)
{
    char *json = malloc(draft->encodings_bytes + 3);
    if (json == NULL) {
        no_memory(draft);
        return;
    }
    vit158_format(json, draft->encodings_bytes + 3, "{%.*s}", (int)draft->encodings_bytes,
                  draft->encodings != NULL ? draft->encodings : "");
    vit158_draft_set(draft, "encodings", json);
    free(json);
}

void vit158_draft_variant(vit158_draft *draft, const vit158_variant *variant)
{
    const vit158_variant *v = variant;
    draft->newer |= vit158_variant_beyond_plain(v, true) != NULL;
    vit158_draft_set(draft, "pooling", vit158_pooling_name(v->pooling));
    if (v->prefix_tokens != 1)
        vit158_draft_set_count(draft, "prefix_tokens", v->prefix_tokens);
    if (v->head_tokens != 1)
        vit158_draft_set_count(draft, "head_tokens", v->head_tokens);
    if (v->activation != VIT158_ACTIVATION_GELU)
        vit158_draft_set(draft, "activation", vit158_activation_name(v->activation));
    if (v->headless)
        vit158_draft_set(draft, "head", "none");
    if (v->inner_rms)
        vit158_draft_set(draft, "inner_norm", "rms");
}

void vit158_draft_complete(vit158_draft *draft, const vit158_model_info *info)
{
    vit158_draft_set(draft, "format", "vit158");
    if (find_key(draft, "resize_mode") < draft->metadata_count)
        draft->newer = true;
    const bool own_head_dim = info->head_dim != 0 && info->head_dim * info->heads != info->dim;
    draft->newer |= own_head_dim;
    vit158_draft_set(draft, "format_version", draft->newer ? "2" : "1");
    vit158_draft_set_count(draft, "image_size", info->image_size);
    vit158_draft_set_count(draft, "patch_size", info->patch_size);
    vit158_draft_set_count(draft, "channels", info->channels);
    vit158_draft_set_count(draft, "dim", info->dim);
    vit158_draft_set_count(draft, "depth", info->depth);
    vit158_draft_set_count(draft, "heads", info->heads);
    if (own_head_dim)
        vit158_draft_set_count(draft, "head_dim", info->head_dim);
    vit158_draft_set_count(draft, "mlp_dim", info->mlp_dim);
    if (info->classes > 0)
        vit158_draft_set_count(draft, "classes", info->classes);
    vit158_draft_default(draft, "pooling", "cls");
    vit158_draft_default(draft, "interpolation", "bicubic");
    vit158_draft_default(draft, "norm_eps", "1e-6");
    vit158_draft_default(draft, "inner_norm_eps", "1e-5");
    set_encodings(draft);
}

vit158_status vit158_draft_contents(vit158_contents *out, const vit158_draft *draft,
                                    vit158_error *error)
{
    if (failed(draft)) {
        if (error != NULL)
            *error = draft->failure;
        return draft->failure.status;
    }
    *out = (vit158_contents){draft->tensors, draft->tensor_count, draft->metadata,
                             draft->metadata_count};
    return VIT158_OK;
}
