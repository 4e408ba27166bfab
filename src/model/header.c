/* SPDX-License-Identifier: MIT */
#include "model/header.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/sha256.h"
#include "model/json_in.h"

#define DIGEST_BYTES 32U

typedef struct parser {
    vit158_json_in in;
    vit158_header *out;
    size_t text_used;         /* bytes of out->text */
    uint32_t tensor_capacity; /* elements of out->tensors */
    bool has_metadata;
    vit158_dtype dtype_limit; /* element types below it are taken */
    vit158_error *error;
} parser;

static const struct {
    const char *name;
    uint32_t n_bytes;
} dtypes[] = {[VIT158_DTYPE_F32] = {"F32", 4},   [VIT158_DTYPE_F16] = {"F16", 2},
              [VIT158_DTYPE_BF16] = {"BF16", 2}, [VIT158_DTYPE_U8] = {"U8", 1},
              [VIT158_DTYPE_I8] = {"I8", 1},     [VIT158_DTYPE_F64] = {"F64", 8},
              [VIT158_DTYPE_I64] = {"I64", 8},   [VIT158_DTYPE_I32] = {"I32", 4},
              [VIT158_DTYPE_I16] = {"I16", 2},   [VIT158_DTYPE_BOOL] = {"BOOL", 1}};

const char *vit158_dtype_name(vit158_dtype dtype)
{
    return dtypes[dtype].name;
}

uint32_t vit158_dtype_bytes(vit158_dtype dtype)
{
    return dtypes[dtype].n_bytes;
}

static vit158_status no_memory(const parser *p)
{
    return vit158_fail(p->error, VIT158_E_MEMORY, "header: not enough memory");
}

static vit158_status json_status(const parser *p)
{
    if (p->in.problem == NULL)
        return VIT158_OK;
    return vit158_fail(p->error, VIT158_E_JSON, "header: %s at byte %zu", p->in.problem,
                       p->in.position);
}

/* Copies a string into the header's text. Decoding never lengthens, and the two quotes pay for the
 * NUL, so n_bytes bytes of text hold every string of n_bytes bytes of JSON. */
static const char *keep(parser *p, const vit158_json_string *string)
{
    char *kept = p->out->text + p->text_used;
    p->text_used += vit158_json_string_decode(kept, string) + 1;
    return kept;
}

static bool string_is(const vit158_json_string *string, const char *text)
{
    return string->raw_bytes == strlen(text) && memcmp(string->raw, text, string->raw_bytes) == 0;
}

/* ---- __metadata__ ---- */

static vit158_status keep_metadata_json(parser *p, size_t start)
{
    const size_t n_bytes = p->in.position - start;
    char *json = malloc(n_bytes + 1);
    if (json == NULL)
        return no_memory(p);
    memcpy(json, p->in.text + start, n_bytes);
    json[n_bytes] = 0;
    p->out->metadata_json = json;
    return VIT158_OK;
}

/* Whether the key is another than those before it. Digests are compared, not keys: 256 keys of 16
 * kB that differ in their last letter would take seconds, and no two keys have one SHA-256. */
static bool is_new_key(uint8_t (*digests)[DIGEST_BYTES], uint32_t count, const char *key)
{
    vit158_sha256 hash = vit158_sha256_start();
    vit158_sha256_add(&hash, key, strlen(key));
    vit158_sha256_end(&hash, digests[count]);
    uint32_t i = 0;
    while (memcmp(digests[i], digests[count], DIGEST_BYTES) != 0)
        i++;
    return i == count;
}

static vit158_status parse_pairs(parser *p, uint8_t (*digests)[DIGEST_BYTES])
{
    vit158_header *out = p->out;
    vit158_json_in_enter(&p->in, '{');
    while (vit158_json_in_next(&p->in, '}')) {
        vit158_json_string key, value;
        if (!vit158_json_in_key(&p->in, &key) || !vit158_json_in_text(&p->in, &value))
            break;
        if (out->metadata_count == VIT158_MAX_METADATA)
            return vit158_fail(p->error, VIT158_E_LIMIT, "header: more than %u metadata entries",
                               VIT158_MAX_METADATA);
        const char *name = keep(p, &key);
        if (!is_new_key(digests, out->metadata_count, name))
            return vit158_fail(p->error, VIT158_E_JSON, "header: metadata %s occurs twice", name);
        out->metadata_keys[out->metadata_count] = name;
        out->metadata_values[out->metadata_count] = keep(p, &value);
        out->metadata_count++;
    }
    return json_status(p);
}

static vit158_status parse_metadata(parser *p)
{
    vit158_header *out = p->out;
    if (p->has_metadata)
        return vit158_fail(p->error, VIT158_E_JSON, "header: __metadata__ occurs twice");
    p->has_metadata = true;
    out->metadata_keys = malloc(VIT158_MAX_METADATA * sizeof *out->metadata_keys);
    out->metadata_values = malloc(VIT158_MAX_METADATA * sizeof *out->metadata_values);
    uint8_t(*digests)[DIGEST_BYTES] = malloc(VIT158_MAX_METADATA * sizeof *digests);
    vit158_json_in_peek(&p->in);
    const size_t start = p->in.position;
    const vit158_status status =
        out->metadata_keys != NULL && out->metadata_values != NULL && digests != NULL
            ? parse_pairs(p, digests)
            : no_memory(p);
    free(digests);
    return status == VIT158_OK ? keep_metadata_json(p, start) : status;
}

/* ---- Tensors ---- */

static vit158_status parse_dtype(parser *p, vit158_tensor_entry *entry)
{
    vit158_json_string dtype;
    if (!vit158_json_in_text(&p->in, &dtype))
        return json_status(p);
    for (unsigned i = 0; i < (unsigned)p->dtype_limit; i++) {
        if (string_is(&dtype, dtypes[i].name)) {
            entry->dtype = (vit158_dtype)i;
            return VIT158_OK;
        }
    }
    return vit158_fail(p->error, VIT158_E_UNSUPPORTED,
                       "tensor %s: element type %.*s is not one of %sF32, F16, BF16, %s",
                       entry->name, (int)(dtype.raw_bytes < 16 ? dtype.raw_bytes : 16),
                       (const char *)dtype.raw, p->dtype_limit > VIT158_DTYPE_F64 ? "F64, " : "",
                       p->dtype_limit > VIT158_DTYPE_F64 ? "I64, I32, I16, I8, U8, BOOL"
                                                         : "U8, I8");
}

static vit158_status parse_shape(parser *p, vit158_tensor_entry *entry)
{
    entry->n_elements = 1;
    vit158_json_in_enter(&p->in, '[');
    while (vit158_json_in_next(&p->in, ']')) {
        uint64_t side;
        if (!vit158_json_in_u64(&p->in, &side))
            break;
        if (entry->rank == VIT158_MAX_RANK)
            return vit158_fail(p->error, VIT158_E_LIMIT, "tensor %s: more than %u dimensions",
                               entry->name, VIT158_MAX_RANK);
        if (side != 0 && entry->n_elements > UINT64_MAX / side)
            return vit158_fail(p->error, VIT158_E_TENSOR, "tensor %s: its shape overflows",
                               entry->name);
        entry->shape[entry->rank++] = side;
        entry->n_elements *= side;
    }
    return json_status(p);
}

static vit158_status parse_offsets(parser *p, vit158_tensor_entry *entry)
{
    uint64_t offsets[2] = {0, 0};
    unsigned count = 0;
    vit158_json_in_enter(&p->in, '[');
    while (vit158_json_in_next(&p->in, ']')) {
        if (count == 2)
            vit158_json_in_problem(&p->in, "data_offsets with more than two numbers");
        else
            vit158_json_in_u64(&p->in, &offsets[count++]);
    }
    if (p->in.problem == NULL && count != 2)
        vit158_json_in_problem(&p->in, "data_offsets without two numbers");
    entry->begin = offsets[0];
    entry->end = offsets[1];
    return json_status(p);
}

static vit158_status check_size(const parser *p, const vit158_tensor_entry *entry)
{
    const uint32_t element = vit158_dtype_bytes(entry->dtype);
    if (entry->begin > entry->end)
        return vit158_fail(p->error, VIT158_E_TENSOR, "tensor %s: its data ends before it begins",
                           entry->name);
    if (entry->n_elements > UINT64_MAX / element ||
        entry->n_elements * element != entry->end - entry->begin)
        return vit158_fail(p->error, VIT158_E_TENSOR,
                           "tensor %s: %llu elements of %s do not fill %llu bytes", entry->name,
                           (unsigned long long)entry->n_elements, vit158_dtype_name(entry->dtype),
                           (unsigned long long)(entry->end - entry->begin));
    return VIT158_OK;
}

static vit158_status parse_tensor(parser *p, vit158_tensor_entry *entry)
{
    static const char *const keys[] = {"dtype", "shape", "data_offsets"};
    static vit158_status (*const members[])(parser *, vit158_tensor_entry *) = {
        parse_dtype, parse_shape, parse_offsets};
    unsigned seen = 0;
    vit158_json_in_enter(&p->in, '{');
    while (vit158_json_in_next(&p->in, '}')) {
        vit158_json_string key;
        if (!vit158_json_in_key(&p->in, &key))
            break;
        unsigned which = 0;
        while (which < 3 && !string_is(&key, keys[which]))
            which++;
        if (which == 3 || (seen >> which & 1U) != 0)
            return vit158_fail(p->error, VIT158_E_JSON,
                               "tensor %s: its entry has a repeated or unknown member",
                               entry->name);
        seen |= 1U << which;
        VIT158_RETURN_IF_ERROR(members[which](p, entry));
    }
    VIT158_RETURN_IF_ERROR(json_status(p));
    if (seen != 7)
        return vit158_fail(p->error, VIT158_E_JSON,
                           "tensor %s: its entry lacks dtype, shape or data_offsets", entry->name);
    return check_size(p, entry);
}

static vit158_status add_tensor(parser *p, const vit158_json_string *key)
{
    vit158_header *out = p->out;
    if (out->tensor_count == VIT158_MAX_TENSORS)
        return vit158_fail(p->error, VIT158_E_LIMIT, "header: more than %u tensors",
                           VIT158_MAX_TENSORS);
    if (out->tensor_count == p->tensor_capacity) {
        const uint32_t capacity = p->tensor_capacity == 0 ? 64 : 2 * p->tensor_capacity;
        vit158_tensor_entry *grown = realloc(out->tensors, capacity * sizeof *grown);
        if (grown == NULL)
            return no_memory(p);
        out->tensors = grown;
        p->tensor_capacity = capacity;
    }
    vit158_tensor_entry *entry = &out->tensors[out->tensor_count++];
    memset(entry, 0, sizeof *entry);
    entry->name = keep(p, key);
    return parse_tensor(p, entry);
}

/* ---- Order ---- */

typedef bool (*entry_before)(const vit158_tensor_entry *a, const vit158_tensor_entry *b);

static bool name_before(const vit158_tensor_entry *a, const vit158_tensor_entry *b)
{
    return strcmp(a->name, b->name) < 0;
}

static bool data_before(const vit158_tensor_entry *a, const vit158_tensor_entry *b)
{
    return a->begin != b->begin ? a->begin < b->begin : a->end < b->end;
}

static void sift_down(vit158_tensor_entry *entries, uint32_t root, uint32_t count,
                      entry_before before)
{
    const vit158_tensor_entry moved = entries[root];
    for (uint32_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
        if (child + 1 < count && before(&entries[child], &entries[child + 1]))
            child++;
        if (!before(&moved, &entries[child]))
            break;
        entries[root] = entries[child];
        root = child;
    }
    entries[root] = moved;
}

/* Heapsort: no recursion, no hostile order that makes it slow. */
static void sort(vit158_tensor_entry *entries, uint32_t count, entry_before before)
{
    for (uint32_t i = count / 2; i-- > 0;)
        sift_down(entries, i, count, before);
    for (uint32_t last = count; last-- > 1;) {
        const vit158_tensor_entry top = entries[0];
        entries[0] = entries[last];
        entries[last] = top;
        sift_down(entries, 0, last, before);
    }
}

static vit158_status check_order(parser *p)
{
    vit158_header *out = p->out;
    sort(out->tensors, out->tensor_count, name_before);
    for (uint32_t i = 1; i < out->tensor_count; i++) {
        if (strcmp(out->tensors[i - 1].name, out->tensors[i].name) == 0)
            return vit158_fail(p->error, VIT158_E_JSON, "header: tensor %s occurs twice",
                               out->tensors[i].name);
    }
    sort(out->tensors, out->tensor_count, data_before);
    for (uint32_t i = 0; i < out->tensor_count; i++) {
        const vit158_tensor_entry *entry = &out->tensors[i];
        if (entry->begin != out->data_bytes)
            return vit158_fail(
                p->error, VIT158_E_TENSOR, "tensor %s: its data begins %s", entry->name,
                entry->begin < out->data_bytes ? "inside another tensor's" : "after a hole");
        out->data_bytes = entry->end;
    }
    return VIT158_OK;
}

/* ---- */

/* The entries stay as long as a model does: gives back what growing took too much. */
static vit158_status trim_tensors(parser *p)
{
    vit158_header *out = p->out;
    if (out->tensor_count == 0)
        return VIT158_OK;
    vit158_tensor_entry *trimmed = realloc(out->tensors, out->tensor_count * sizeof *out->tensors);
    if (trimmed == NULL)
        return no_memory(p);
    out->tensors = trimmed;
    return VIT158_OK;
}

static vit158_status parse_root(parser *p)
{
    vit158_json_in_enter(&p->in, '{');
    while (vit158_json_in_next(&p->in, '}')) {
        vit158_json_string key;
        if (!vit158_json_in_key(&p->in, &key))
            break;
        if (string_is(&key, "__metadata__"))
            VIT158_RETURN_IF_ERROR(parse_metadata(p));
        else
            VIT158_RETURN_IF_ERROR(add_tensor(p, &key));
    }
    vit158_json_in_end(&p->in);
    VIT158_RETURN_IF_ERROR(json_status(p));
    VIT158_RETURN_IF_ERROR(trim_tensors(p));
    if (!p->has_metadata) {
        p->out->metadata_json = calloc(3, 1);
        if (p->out->metadata_json == NULL)
            return no_memory(p);
        memcpy(p->out->metadata_json, "{}", 2);
    }
    return check_order(p);
}

static vit158_status parse(vit158_header *out, const void *json, size_t n_bytes,
                           vit158_dtype dtype_limit, vit158_error *error)
{
    memset(out, 0, sizeof *out);
    parser p = {.in = vit158_json_in_over(json, n_bytes),
                .out = out,
                .dtype_limit = dtype_limit,
                .error = error};
    out->text = malloc(n_bytes + 1);
    const vit158_status status = out->text != NULL ? parse_root(&p) : no_memory(&p);
    if (status != VIT158_OK)
        vit158_header_clear(out);
    return status;
}

vit158_status vit158_header_parse(vit158_header *out, const void *json, size_t n_bytes,
                                  vit158_error *error)
{
    return parse(out, json, n_bytes, VIT158_DTYPE_MODEL_COUNT, error);
}

vit158_status vit158_header_parse_foreign(vit158_header *out, const void *json, size_t n_bytes,
                                          vit158_error *error)
{
    return parse(out, json, n_bytes, VIT158_DTYPE_COUNT, error);
}

void vit158_header_clear(vit158_header *header)
{
    free(header->tensors);
    free(header->metadata_keys);
    free(header->metadata_values);
    free(header->metadata_json);
    free(header->text);
    free(header->added_text);
    memset(header, 0, sizeof *header);
}

const char *vit158_header_metadata(const vit158_header *header, const char *key)
{
    for (uint32_t i = 0; i < header->metadata_count; i++) {
        if (strcmp(header->metadata_keys[i], key) == 0)
            return header->metadata_values[i];
    }
    return NULL;
}
