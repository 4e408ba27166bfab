/* SPDX-License-Identifier: MIT
 *
 * Any bytes as an index of shards: the index, and after bytes of FF the headers of two shards,
 * whose lengths are put before them and whose data are zeros. Tensors that lie within their files,
 * or an error with a sentence.
 */
#include <stdlib.h>
#include <string.h>

#include "import/source.h"
#include "unit/memory_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

enum { DATA_BYTES = 256, PREFIX = 8 };

/* A shard of a header: its length, itself, and some data. */
static memory_file make_shard(const char *name, const uint8_t *header, size_t n_bytes)
{
    uint8_t *file = calloc(1, PREFIX + n_bytes + DATA_BYTES);
    if (file == NULL)
        abort();
    for (unsigned i = 0; i < PREFIX; i++)
        file[i] = (uint8_t)((uint64_t)n_bytes >> 8 * i);
    if (n_bytes > 0)
        memcpy(file + PREFIX, header, n_bytes);
    return (memory_file){name, file, PREFIX + n_bytes + DATA_BYTES};
}

static void check_source(const vit158_source *source, const memory_files *all)
{
    for (uint32_t i = 0; i < source->tensor_count; i++) {
        const vit158_source_tensor *tensor = &source->tensors[i];
        const memory_file *file = memory_find(all, source->file_names[tensor->file]);
        const uint64_t n_bytes = tensor->n_elements * vit158_dtype_bytes(tensor->dtype);
        if (file == NULL || tensor->offset > file->n_bytes ||
            n_bytes > file->n_bytes - tensor->offset)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    static const char *const shards[] = {"a.safetensors", "b.safetensors"};
    vit158_source source;
    vit158_error error = {VIT158_OK, ""};
    const uint8_t *end = n_bytes > 0 ? memchr(data, 0xFF, n_bytes) : NULL;
    size_t at = end != NULL ? (size_t)(end - data) : n_bytes;
    memory_files all = {.files = {{"model.safetensors.index.json", data, at}}, .count = 1};
    while (end != NULL && all.count < 3) {
        at++;
        end = at < n_bytes ? memchr(data + at, 0xFF, n_bytes - at) : NULL;
        const size_t length = end != NULL ? (size_t)(end - (data + at)) : n_bytes - at;
        all.files[all.count] = make_shard(shards[all.count - 1], data + at, length);
        all.count++;
        at += length;
    }
    const vit158_import_files files = memory_source(&all);
    const vit158_status status = vit158_source_open(&source, &files, all.files[0].name, &error);
    if (status == VIT158_OK)
        check_source(&source, &all);
    else if (error.status != status || error.message[0] == 0 || source.tensors != NULL)
        abort();
    vit158_source_clear(&source);
    for (size_t i = 1; i < all.count; i++)
        free((void *)(uintptr_t)all.files[i].bytes);
    return 0;
}
