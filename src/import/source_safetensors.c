/* SPDX-License-Identifier: MIT
 *
 * A safetensors file, and an index with its shards (Hugging Face's layout of large models).
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "import/json_value.h"
#include "import/source.h"

#define MAX_SHARD_NAME_BYTES 256U

static vit158_status add_tensors(vit158_source *source, uint32_t file, uint64_t data_start,
                                 vit158_error *error)
{
    const vit158_header *header = source->headers[file];
    for (uint32_t i = 0; i < header->tensor_count; i++) {
        const vit158_tensor_entry *entry = &header->tensors[i];
        vit158_source_tensor *tensor = vit158_source_add(source);
        if (tensor == NULL)
            return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the tensors' names");
        tensor->name = entry->name;
        tensor->dtype = entry->dtype;
        tensor->rank = entry->rank;
        memcpy(tensor->shape, entry->shape, sizeof tensor->shape);
        tensor->n_elements = entry->n_elements;
        tensor->file = file;
        tensor->offset = data_start + entry->begin;
    }
    return VIT158_OK;
}

static vit158_status parse_header(vit158_source *source, uint32_t file, const char *json,
                                  size_t n_bytes, vit158_error *error)
{
    vit158_error reason;
    vit158_header *header = calloc(1, sizeof *header);
    if (header == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to read the header");
    source->headers[file] = header;
    const vit158_status status = vit158_header_parse_foreign(header, json, n_bytes, &reason);
    return status == VIT158_OK
               ? VIT158_OK
               : vit158_fail(error, status, "%s: %s", source->file_names[file], reason.message);
}

vit158_status vit158_source_open_safetensors(vit158_source *source, const char *name,
                                             vit158_error *error)
{
    uint8_t prefix[VIT158_PREFIX_BYTES];
    VIT158_RETURN_IF_ERROR(
        vit158_import_read(source->files, name, 0, prefix, sizeof prefix, error));
    vit158_bytes in = vit158_bytes_over(prefix, sizeof prefix);
    const uint64_t header_bytes = vit158_bytes_u64(&in, false);
    const uint64_t size = source->files->size(source->files->context, name);
    if (header_bytes > VIT158_MAX_HEADER_BYTES)
        return vit158_fail(error, VIT158_E_LIMIT, "%s: a header of %llu bytes, above the limit",
                           name, (unsigned long long)header_bytes);
    VIT158_RETURN_IF_ERROR(vit158_source_add_file(source, name, error));
    const uint32_t file = source->file_count - 1;
    char *json = malloc((size_t)header_bytes + 1);
    if (json == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to read %s", name);
    vit158_status status = vit158_import_read(source->files, name, VIT158_PREFIX_BYTES, json,
                                              (size_t)header_bytes, error);
    if (status == VIT158_OK)
        status = parse_header(source, file, json, (size_t)header_bytes, error);
    free(json);
    VIT158_RETURN_IF_ERROR(status);
    const uint64_t data_start = VIT158_PREFIX_BYTES + header_bytes;
    if (source->headers[file]->data_bytes > size - data_start)
        return vit158_fail(error, VIT158_E_TRUNCATED, "%s ends too early: the download is cut off",
                           name);
    if (source->headers[file]->data_bytes < size - data_start)
        return vit158_fail(error, VIT158_E_FORMAT, "%s: bytes follow its last tensor", name);
    return add_tensors(source, file, data_start, error);
}

/* ---- Index ---- */

typedef struct index_reader {
    vit158_source *source;
    const char *name; /* of the index */
    char **tensors;   /* names, and for each its shard */
    uint32_t *shards;
    uint32_t count;
    char *text; /* owns the names */
    vit158_error *error;
} index_reader;

static vit158_status bad_index(const index_reader *r, const char *why)
{
    return vit158_fail(r->error, VIT158_E_JSON, "%s: %s", r->name, why);
}

/* A shard must be a plain name: an index may not lead out of its folder. */
static vit158_status find_shard(index_reader *r, const vit158_json_value *value, uint32_t *shard)
{
    char name[MAX_SHARD_NAME_BYTES];
    if (!vit158_json_copy(name, sizeof name, value) || name[0] == 0)
        return bad_index(r, "weight_map names a shard that is no file name");
    if (strchr(name, '/') != NULL || strstr(name, "..") != NULL) /* a \ was an escape */
        return vit158_fail(r->error, VIT158_E_UNSUPPORTED,
                           "%s: the shard's name %s leads out of the folder", r->name, name);
    for (*shard = 0; *shard < r->source->file_count; (*shard)++) {
        if (strcmp(r->source->file_names[*shard], name) == 0)
            return VIT158_OK;
    }
    if (!vit158_import_exists(r->source->files, name))
        return vit158_fail(r->error, VIT158_E_IO,
                           "%s is missing (%s names it): the download is incomplete", name,
                           r->name);
    return vit158_source_open_safetensors(r->source, name, r->error);
}

static vit158_status read_map(index_reader *r, const vit158_json_value *map)
{
    vit158_json_in in = vit158_json_in_of(map);
    size_t used = 0;
    vit158_json_in_enter(&in, '{');
    vit158_json_string key;
    vit158_json_value value;
    while (vit158_json_in_member(&in, &key, &value)) {
        if (r->count == VIT158_MAX_TENSORS)
            return bad_index(r, "weight_map has more than 8,192 tensors");
        r->tensors[r->count] = r->text + used;
        used += vit158_json_string_decode(r->text + used, &key) + 1;
        VIT158_RETURN_IF_ERROR(find_shard(r, &value, &r->shards[r->count]));
        r->count++;
    }
    return VIT158_OK;
}

static int by_name(const void *left, const void *right)
{
    const vit158_source_tensor *a = *(const vit158_source_tensor *const *)left;
    const vit158_source_tensor *b = *(const vit158_source_tensor *const *)right;
    const int order = strcmp(a->name, b->name);
    return order != 0 ? order : (a->file > b->file) - (a->file < b->file);
}

/* Every tensor of the shards is in the map with its shard, and the other way round; `sorted` has
 * room for all of them. */
static vit158_status check_map(const index_reader *r, const vit158_source_tensor **sorted)
{
    const vit158_source *source = r->source;
    const uint32_t count = source->tensor_count;
    if (sorted == NULL)
        return vit158_fail(r->error, VIT158_E_MEMORY, "not enough memory to read %s", r->name);
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = &source->tensors[i];
    qsort(sorted, count, sizeof *sorted, by_name);
    for (uint32_t i = 0; i < r->count; i++) {
        const vit158_source_tensor named = {.name = r->tensors[i], .file = r->shards[i]};
        const vit158_source_tensor *const key = &named;
        if (bsearch(&key, sorted, count, sizeof *sorted, by_name) == NULL)
            return vit158_fail(r->error, VIT158_E_TENSOR, "%s: tensor %s is not in %s", r->name,
                               r->tensors[i], source->file_names[r->shards[i]]);
    }
    if (r->count != count)
        return vit158_fail(r->error, VIT158_E_TENSOR, "%s lists %u tensors, but its shards hold %u",
                           r->name, r->count, count);
    return VIT158_OK;
}

static vit158_status read_index(index_reader *r, const char *text, size_t n_bytes)
{
    vit158_json_in in = vit158_json_in_over(text, n_bytes);
    vit158_json_value map = {0};
    bool found = false;
    vit158_json_in_enter(&in, '{');
    vit158_json_string key;
    vit158_json_value value;
    while (vit158_json_in_member(&in, &key, &value)) {
        if (vit158_json_is(&key, "weight_map")) {
            if (found)
                return bad_index(r, "weight_map occurs twice");
            found = true;
            map = value;
        }
    }
    vit158_json_in_end(&in);
    if (in.problem != NULL)
        return bad_index(r, in.problem);
    if (!found || map.kind != VIT158_JSON_OBJECT)
        return bad_index(r, "there is no weight_map of tensors and shards");
    VIT158_RETURN_IF_ERROR(read_map(r, &map));
    if (r->count == 0)
        return bad_index(r, "weight_map is empty");
    const vit158_source_tensor **sorted =
        malloc(((size_t)r->source->tensor_count + 1) * sizeof *sorted);
    const vit158_status status = check_map(r, sorted);
    free(sorted);
    return status;
}

vit158_status vit158_source_open_index(vit158_source *source, const char *name, vit158_error *error)
{
    char *text = NULL;
    size_t n_bytes = 0;
    VIT158_RETURN_IF_ERROR(vit158_import_read_text(&text, &n_bytes, source->files, name, error));
    index_reader r = {.source = source, .name = name, .error = error};
    r.tensors = malloc(VIT158_MAX_TENSORS * sizeof *r.tensors);
    r.shards = malloc(VIT158_MAX_TENSORS * sizeof *r.shards);
    r.text = malloc(n_bytes + 1);
    const vit158_status status =
        r.tensors != NULL && r.shards != NULL && r.text != NULL
            ? read_index(&r, text, n_bytes)
            : vit158_fail(error, VIT158_E_MEMORY, "not enough memory to read %s", name);
    free(r.tensors);
    free(r.shards);
    free(r.text);
    free(text);
    return status;
}
