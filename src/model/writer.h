/* SPDX-License-Identifier: MIT
 *
 * Writes safetensors files; native tools only. The bytes depend on nothing but the contents given:
 * the same contents give the same file on every machine.
 *
 * Tensors are laid out by alignment (F32, then F16 and BF16, then U8 and I8; within a class in the
 * order given) without holes, the header's JSON lists __metadata__ first and the tensors in the
 * order of their data, and spaces pad it so that the data starts at a multiple of 64 bytes.
 *
 *   const vit158_tensor_view tensors[] = {
 *       {"cls_token", VIT158_DTYPE_F32, 3, {1, 1, 192}, cls},
 *       {"blocks.0.attn.qkv.weight", VIT158_DTYPE_F32, 2, {576, 192}, qkv}};
 *   const vit158_metadata_pair metadata[] = {{"dim", "192"}, {"heads", "3"}};
 *   const vit158_contents contents = {tensors, 2, metadata, 2};
 *   status = vit158_safetensors_write("model.safetensors", &contents, NULL, NULL, &error);
 *
 * Any tensor name is allowed here ("optimizer.m.blocks.0..."), as are all five dtypes; opening a
 * file as a model allows only the names of FORMAT.md.
 */
#ifndef VIT158_MODEL_WRITER_H
#define VIT158_MODEL_WRITER_H

#include "model/header.h"

typedef struct vit158_tensor_view {
    const char *name; /* valid UTF-8, unique, not "__metadata__" */
    vit158_dtype dtype;
    uint32_t rank; /* 0 .. VIT158_MAX_RANK */
    uint64_t shape[VIT158_MAX_RANK];
    const void *data; /* row-major, elements in the machine's (little-endian) order */
} vit158_tensor_view;

typedef struct vit158_metadata_pair {
    const char *key; /* valid UTF-8, unique */
    const char *value;
} vit158_metadata_pair;

typedef struct vit158_contents {
    const vit158_tensor_view *tensors;
    size_t tensor_count;
    const vit158_metadata_pair *metadata;
    size_t metadata_count;
} vit158_contents;

/* Looks at the complete temporary file `path` before it takes its final name; a status other than
 * VIT158_OK removes it and becomes the writer's status. */
typedef vit158_status (*vit158_write_check)(void *context, const char *path, vit158_error *error);

/* Writes a temporary file (base/file.h), runs `check` (may be NULL) on it and renames it to `path`:
 * whatever happens, `path` holds either its former bytes or all the new ones.
 * Errors: VIT158_E_ARGUMENT (contents that vit158_header_parse would refuse), _IO (with the
 * system's reason), _MEMORY, or the check's status. */
vit158_status vit158_safetensors_write(const char *path, const vit158_contents *contents,
                                       vit158_write_check check, void *context,
                                       vit158_error *error);

/* The size of the file that these contents make, whatever their data; 0 if it
 * cannot be written. */
uint64_t vit158_safetensors_bytes(const vit158_contents *contents);

#endif
