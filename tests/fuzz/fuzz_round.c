/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a safetensors file: what is read and written again is the same tensors, shapes,
 * metadata and bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/memory_disk.h"
#include "model/safetensors.h"
#include "model/writer.h"

#define IN MEMORY_DISK "in"
#define OUT MEMORY_DISK "out"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void *bytes_of(const vit158_safetensors *file, const vit158_tensor_entry *entry)
{
    vit158_error error;
    void *bytes = malloc((size_t)(entry->end - entry->begin) + 1);
    require(bytes != NULL && vit158_safetensors_read(file, entry, bytes, &error) == VIT158_OK);
    return bytes;
}

static void compare_tensor(const vit158_safetensors *file, const vit158_tensor_entry *before,
                           const void *data)
{
    const vit158_tensor_entry *after = vit158_safetensors_find(file, before->name);
    require(after != NULL && after->dtype == before->dtype && after->rank == before->rank &&
            after->end - after->begin == before->end - before->begin &&
            memcmp(after->shape, before->shape, sizeof before->shape) == 0);
    void *bytes = bytes_of(file, after);
    require(memcmp(bytes, data, (size_t)(before->end - before->begin)) == 0);
    free(bytes);
}

static void compare(const vit158_header *before, const vit158_tensor_view *views)
{
    vit158_safetensors *file;
    vit158_error error;
    require(vit158_safetensors_open(&file, OUT, &error) == VIT158_OK);
    const vit158_header *after = vit158_safetensors_header(file);
    require(after->tensor_count == before->tensor_count &&
            after->metadata_count == before->metadata_count);
    for (uint32_t i = 0; i < before->metadata_count; i++)
        require(strcmp(before->metadata_keys[i], after->metadata_keys[i]) == 0 &&
                strcmp(before->metadata_values[i], after->metadata_values[i]) == 0);
    for (uint32_t i = 0; i < before->tensor_count; i++)
        compare_tensor(file, &before->tensors[i], views[i].data);
    vit158_safetensors_close(file);
}

static void write_again(const vit158_safetensors *file)
{
    vit158_error error = {VIT158_OK, ""};
    const vit158_header *header = vit158_safetensors_header(file);
    vit158_tensor_view *views = calloc(header->tensor_count + 1U, sizeof *views);
    vit158_metadata_pair *pairs = calloc(header->metadata_count + 1U, sizeof *pairs);
    require(views != NULL && pairs != NULL);
    for (uint32_t i = 0; i < header->tensor_count; i++) {
        const vit158_tensor_entry *entry = &header->tensors[i];
        views[i] = (vit158_tensor_view){.name = entry->name,
                                        .dtype = entry->dtype,
                                        .rank = entry->rank,
                                        .data = bytes_of(file, entry)};
        memcpy(views[i].shape, entry->shape, sizeof entry->shape);
    }
    for (uint32_t i = 0; i < header->metadata_count; i++)
        pairs[i] = (vit158_metadata_pair){header->metadata_keys[i], header->metadata_values[i]};
    const vit158_contents contents = {views, header->tensor_count, pairs, header->metadata_count};
    const vit158_status status = vit158_safetensors_write(OUT, &contents, NULL, NULL, &error);
    if (status == VIT158_OK)
        compare(header, views);
    else /* what is written is never shorter: escapes are, at most, as long */
        require(status == error.status && strstr(error.message, "header of") != NULL);
    for (uint32_t i = 0; i < header->tensor_count; i++)
        free((void *)(uintptr_t)views[i].data);
    free(views);
    free(pairs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    vit158_safetensors *file;
    vit158_error error = {VIT158_OK, ""};
    memory_disk_put(IN, data, n_bytes);
    const vit158_status status = vit158_safetensors_open(&file, IN, &error);
    if (status == VIT158_OK)
        write_again(file);
    else
        require(error.status == status && strlen(error.message) >= 5 && file == NULL);
    vit158_safetensors_close(file);
    memory_disk_clear();
    return 0;
}
