/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "unit/test.h"

#include "unit/model_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/header.h"
#include "unit/model_files.h"

#define PREFIX 8

static void *need(void *block)
{
    if (block == NULL)
        abort();
    return block;
}

static char *copy_text(const char *text)
{
    return strcpy(need(malloc(strlen(text) + 1)), text);
}

vit158_synth_options synth_small(void)
{
    return (vit158_synth_options){.image_size = 12,
                                  .patch_size = 4,
                                  .channels = 3,
                                  .dim = 10,
                                  .depth = 2,
                                  .heads = 2,
                                  .mlp_dim = 13,
                                  .classes = 3,
                                  .outer_norms = true,
                                  .inner_norms = true,
                                  .encoding = VIT158_ENCODING_TRIT,
                                  .rest = VIT158_DTYPE_F32,
                                  .seed = 7};
}

file_bytes synth_bytes(const vit158_synth_options *options)
{
    char path[64];
    snprintf(path, sizeof path, "model_parts.%ld.safetensors", (long)getpid());
    vit158_error error;
    if (vit158_synth_file(path, options, NULL, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    file_bytes file;
    file.data = read_all(path, &file.n_bytes);
    remove(path);
    return file;
}

/* ---- Apart and together ---- */

file_parts *parts_of(file_bytes file)
{
    vit158_header header;
    vit158_error error;
    const size_t json_bytes = header_length(file);
    if (vit158_header_parse(&header, file.data + PREFIX, json_bytes, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    file_parts *parts = need(calloc(1, sizeof *parts));
    for (uint32_t i = 0; i < header.metadata_count; i++)
        parts_set(parts, header.metadata_keys[i], header.metadata_values[i]);
    for (uint32_t i = 0; i < header.tensor_count; i++) {
        const vit158_tensor_entry *entry = &header.tensors[i];
        file_tensor *tensor = parts_add(parts, entry->name, vit158_dtype_name(entry->dtype),
                                        entry->rank, entry->shape, 0);
        assert_int_equal(tensor->n_bytes, entry->end - entry->begin);
        memcpy(tensor->data, file.data + PREFIX + json_bytes + entry->begin,
               (size_t)tensor->n_bytes);
    }
    vit158_header_clear(&header);
    return parts;
}

void parts_free(file_parts *parts)
{
    for (size_t i = 0; i < parts->pair_count; i++)
        free(parts->pairs[i].value);
    for (size_t i = 0; i < parts->tensor_count; i++)
        free(parts->tensors[i].data);
    free(parts);
}

/* Text that grows. */
typedef struct text {
    char *bytes;
    size_t length;
    size_t capacity;
} text;

static void put(text *out, const char *bytes, size_t n_bytes)
{
    if (out->length + n_bytes > out->capacity) {
        out->capacity = 2 * (out->length + n_bytes);
        out->bytes = need(realloc(out->bytes, out->capacity));
    }
    memcpy(out->bytes + out->length, bytes, n_bytes);
    out->length += n_bytes;
}

static void put_text(text *out, const char *bytes)
{
    put(out, bytes, strlen(bytes));
}

static void put_number(text *out, uint64_t value)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    put_text(out, digits);
}

static void put_json_string(text *out, const char *string)
{
    put_text(out, "\"");
    for (; *string != 0; string++) {
        if (*string == '"' || *string == '\\')
            put_text(out, "\\");
        put(out, string, 1);
    }
    put_text(out, "\"");
}

static void put_header(text *out, const file_parts *parts)
{
    put_text(out, "{\"__metadata__\":{");
    for (size_t i = 0; i < parts->pair_count; i++) {
        put_text(out, i > 0 ? "," : "");
        put_json_string(out, parts->pairs[i].key);
        put_text(out, ":");
        put_json_string(out, parts->pairs[i].value);
    }
    put_text(out, "}");
    uint64_t begin = 0;
    for (size_t i = 0; i < parts->tensor_count; i++) {
        const file_tensor *t = &parts->tensors[i];
        put_text(out, ",");
        put_json_string(out, t->name);
        put_text(out, ":{\"dtype\":");
        put_json_string(out, t->dtype);
        put_text(out, ",\"shape\":[");
        for (uint32_t k = 0; k < t->rank; k++) {
            put_text(out, k > 0 ? "," : "");
            put_number(out, t->shape[k]);
        }
        put_text(out, "],\"data_offsets\":[");
        put_number(out, begin);
        put_text(out, ",");
        begin += t->n_bytes;
        put_number(out, begin);
        put_text(out, "]}");
    }
    put_text(out, "}");
}

/* Prefix, header and data in one block. */
static file_bytes join(const void *json, size_t json_bytes, const void *data, size_t data_bytes)
{
    file_bytes file = {need(malloc(PREFIX + json_bytes + data_bytes)),
                       PREFIX + json_bytes + data_bytes};
    for (size_t i = 0; i < PREFIX; i++)
        file.data[i] = (uint8_t)((uint64_t)json_bytes >> 8 * i);
    memcpy(file.data + PREFIX, json, json_bytes);
    if (data_bytes > 0)
        memcpy(file.data + PREFIX + json_bytes, data, data_bytes);
    return file;
}

file_bytes parts_build(const file_parts *parts)
{
    text json = {0}, data = {0};
    put_header(&json, parts);
    for (size_t i = 0; i < parts->tensor_count; i++) {
        if (parts->tensors[i].data != NULL)
            put(&data, (const char *)parts->tensors[i].data, (size_t)parts->tensors[i].n_bytes);
    }
    const file_bytes file = join(json.bytes, json.length, data.bytes, data.length);
    free(json.bytes);
    free(data.bytes);
    return file;
}

/* ---- Changes ---- */

file_tensor *parts_tensor(file_parts *parts, const char *name)
{
    for (size_t i = 0; i < parts->tensor_count; i++) {
        if (strcmp(parts->tensors[i].name, name) == 0)
            return &parts->tensors[i];
    }
    fail_msg("no tensor %s", name);
    return NULL;
}

static file_pair *find_pair(file_parts *parts, const char *key)
{
    for (size_t i = 0; i < parts->pair_count; i++) {
        if (strcmp(parts->pairs[i].key, key) == 0)
            return &parts->pairs[i];
    }
    return NULL;
}

char *parts_value(file_parts *parts, const char *key)
{
    const file_pair *pair = find_pair(parts, key);
    if (pair == NULL)
        fail_msg("no metadata %s", key);
    return pair->value;
}

void parts_set(file_parts *parts, const char *key, const char *value)
{
    file_pair *pair = find_pair(parts, key);
    char *copy = value != NULL ? copy_text(value) : NULL;
    if (pair != NULL)
        free(pair->value);
    if (value == NULL) {
        assert_non_null(pair);
        *pair = parts->pairs[--parts->pair_count];
        return;
    }
    if (pair == NULL) {
        assert_true(parts->pair_count < sizeof parts->pairs / sizeof parts->pairs[0]);
        pair = &parts->pairs[parts->pair_count++];
        snprintf(pair->key, sizeof pair->key, "%s", key);
    }
    pair->value = copy;
}

void parts_remove(file_parts *parts, const char *name)
{
    file_tensor *tensor = parts_tensor(parts, name);
    free(tensor->data);
    parts->tensor_count--;
    memmove(tensor, tensor + 1,
            (size_t)(parts->tensors + parts->tensor_count - tensor) * sizeof *tensor);
}

void parts_reshape(file_tensor *tensor, const char *dtype, uint32_t rank, const uint64_t *shape,
                   int claimed)
{
    assert_true(rank <= PART_MAX_RANK);
    const uint64_t old_bytes = tensor->data != NULL ? tensor->n_bytes : 0;
    memmove(tensor->dtype, dtype, strlen(dtype) + 1); /* may be the tensor's own */
    tensor->rank = rank;
    tensor->n_bytes = strcmp(dtype, "F32") == 0 ? 4 : strchr(dtype, '8') != NULL ? 1 : 2;
    for (uint32_t i = 0; i < rank; i++) {
        tensor->shape[i] = shape[i];
        tensor->n_bytes *= shape[i];
    }
    if (claimed) {
        free(tensor->data);
        tensor->data = NULL;
        return;
    }
    uint8_t *data = need(calloc((size_t)tensor->n_bytes + 1, 1));
    if (old_bytes > 0)
        memcpy(data, tensor->data,
               (size_t)(old_bytes < tensor->n_bytes ? old_bytes : tensor->n_bytes));
    free(tensor->data);
    tensor->data = data;
}

file_tensor *parts_add(file_parts *parts, const char *name, const char *dtype, uint32_t rank,
                       const uint64_t *shape, int claimed)
{
    assert_true(parts->tensor_count < sizeof parts->tensors / sizeof parts->tensors[0]);
    file_tensor *tensor = &parts->tensors[parts->tensor_count++];
    memset(tensor, 0, sizeof *tensor);
    snprintf(tensor->name, sizeof tensor->name, "%s", name);
    parts_reshape(tensor, dtype, rank, shape, claimed);
    return tensor;
}

/* ---- Header text ---- */

size_t header_length(file_bytes file)
{
    uint64_t length = 0;
    for (int i = PREFIX - 1; i >= 0; i--)
        length = length << 8 | file.data[i];
    assert_true(length <= file.n_bytes - PREFIX);
    return (size_t)length;
}

file_bytes header_set(file_bytes file, const void *json, size_t n_bytes)
{
    const size_t old = PREFIX + header_length(file);
    return join(json, n_bytes, file.data + old, file.n_bytes - old);
}

file_bytes header_replace(file_bytes file, const char *old, const char *new_text)
{
    const size_t length = header_length(file);
    char *json = need(malloc(length + 1));
    memcpy(json, file.data + PREFIX, length);
    json[length] = 0;
    char *where = strstr(json, old);
    if (where == NULL)
        fail_msg("the header has no %s", old);
    const size_t before = (size_t)(where - json);
    const size_t after = length - before - strlen(old);
    const size_t n_bytes = before + strlen(new_text) + after;
    char *changed = need(malloc(n_bytes + 1));
    memcpy(changed, json, before);
    memcpy(changed + before, new_text, strlen(new_text));
    memcpy(changed + before + strlen(new_text), where + strlen(old), after);
    const file_bytes result = header_set(file, changed, n_bytes);
    free(json);
    free(changed);
    return result;
}

/* ---- Refusals ---- */

const char *refusal_label = "";

static vit158_status open_in_pieces(file_bytes file, size_t piece, vit158_model **model,
                                    vit158_error *error)
{
    vit158_loader *loader = NULL;
    assert_int_equal(vit158_loader_create(&loader, 0, error), VIT158_OK);
    vit158_status status = VIT158_OK;
    for (size_t at = 0; status == VIT158_OK && at < file.n_bytes; at += piece) {
        const size_t left = file.n_bytes - at;
        status = vit158_loader_push(loader, file.data + at, left < piece ? left : piece, error);
    }
    if (status == VIT158_OK)
        status = vit158_loader_finish(loader, model, error);
    else
        assert_int_equal(vit158_loader_push(loader, "", 1, NULL), VIT158_E_STATE);
    vit158_loader_close(loader);
    return status;
}

static void check_refusal(vit158_status got, const vit158_model *model, const vit158_error *error,
                          vit158_status status, const char *part, const char *how)
{
    if (got != status)
        fail_msg("%s %s: %s instead of %s (%s)", refusal_label, how, vit158_status_name(got),
                 vit158_status_name(status), got == VIT158_OK ? "opened" : error->message);
    assert_null(model);
    assert_int_equal(error->status, status);
    if (strstr(error->message, part) == NULL)
        fail_msg("%s %s: message \"%s\" lacks \"%s\"", refusal_label, how, error->message, part);
}

void expect_refused(file_bytes file, vit158_status status, const char *part)
{
    static const size_t pieces[] = {1, 7, 1000};
    vit158_model *model = NULL;
    vit158_error error = {0};
    const vit158_status whole = vit158_model_open(&model, file.data, file.n_bytes, &error);
    check_refusal(whole, model, &error, status, part, "as a whole");
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        memset(&error, 0, sizeof error);
        const vit158_status got = open_in_pieces(file, pieces[i], &model, &error);
        check_refusal(got, model, &error, status, part, "in pieces");
    }
    free(file.data);
}

void parts_refused(file_parts *parts, vit158_status status, const char *part)
{
    expect_refused(parts_build(parts), status, part);
    parts_free(parts);
}
