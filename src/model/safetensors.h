/* SPDX-License-Identifier: MIT
 *
 * Reading any safetensors file by tensor name; for tools (pack, inspect, the trainer's
 * checkpoints). The header is read and checked when the file is opened, tensors when asked for, so
 * that memory stays small. Models for inference are opened by the loader instead.
 */
#ifndef VIT158_MODEL_SAFETENSORS_H
#define VIT158_MODEL_SAFETENSORS_H

#include "model/header.h"

typedef struct vit158_safetensors vit158_safetensors;

/* Where a file's bytes come from. */
typedef struct vit158_file_bytes {
    void *context;
    uint64_t count;
    /* n_bytes bytes from a position, which may lie beyond the end. Errors: VIT158_E_IO,
     * VIT158_E_TRUNCATED. */
    vit158_status (*read)(void *context, uint64_t position, void *out, size_t n_bytes,
                          vit158_error *error);
    void (*close)(void *context); /* NULL: nothing is to be done */
} vit158_file_bytes;

/* Checks header and length of a file, which is closed with the result, or on failure.
 * Errors: VIT158_E_FORMAT, _TRUNCATED, _MEMORY, those of vit158_header_parse and of reading. */
vit158_status vit158_safetensors_over(vit158_safetensors **out, const vit158_file_bytes *bytes,
                                      vit158_error *error);

/* Opens a file (safetensors_open.c, native) and checks its header and its length.
 * Errors: VIT158_E_IO, _FORMAT, _TRUNCATED and those of vit158_header_parse. */
vit158_status vit158_safetensors_open(vit158_safetensors **out, const char *path,
                                      vit158_error *error);
/* The same for callers that do not name the file: the error's sentence begins with `path`. */
vit158_status vit158_tensors_open(vit158_safetensors **out, const char *path, vit158_error *error);
void vit158_safetensors_close(vit158_safetensors *file);

/* Tensors (in data order) and metadata; valid until the file is closed. */
const vit158_header *vit158_safetensors_header(const vit158_safetensors *file);
/* Length of the whole file, and of its prefix and header with padding. */
uint64_t vit158_safetensors_file_bytes(const vit158_safetensors *file);
uint64_t vit158_safetensors_header_bytes(const vit158_safetensors *file);

/* The tensor of that name, or NULL. */
const vit158_tensor_entry *vit158_safetensors_find(const vit158_safetensors *file,
                                                   const char *name);

/* The tensor's stored bytes, entry->end - entry->begin of them. Errors: VIT158_E_IO. */
vit158_status vit158_safetensors_read(const vit158_safetensors *file,
                                      const vit158_tensor_entry *entry, void *out,
                                      vit158_error *error);

/* The values of an F32, F16 or BF16 tensor as F32, entry->n_elements of them, all finite.
 * Errors: VIT158_E_IO, VIT158_E_TENSOR (not a float tensor), VIT158_E_VALUE (not finite). */
vit158_status vit158_safetensors_read_f32(const vit158_safetensors *file,
                                          const vit158_tensor_entry *entry, float *out,
                                          vit158_error *error);

/* The same by name and checked element count, for callers that know what they want.
 * Errors: as above, and VIT158_E_TENSOR if the tensor is missing or has another element count. */
vit158_status vit158_safetensors_get_f32(const vit158_safetensors *file, const char *name,
                                         float *out, uint64_t n_elements, vit158_error *error);

#endif
