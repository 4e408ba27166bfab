/* SPDX-License-Identifier: MIT
 *
 * The beginning of a safetensors file, prefix and header, and the order in which the tensors follow
 * it; without files, for whoever writes the pieces himself.
 */
#ifndef VIT158_MODEL_WRITER_HEAD_H
#define VIT158_MODEL_WRITER_HEAD_H

#include "model/writer.h"

typedef struct vit158_file_head {
    char *text; /* prefix and header with padding, not terminated */
    size_t n_bytes;
    uint32_t *order; /* indices of the contents' tensors, in the order of their data */
} vit158_file_head;

/* The caller ends it with vit158_head_clear. Errors: VIT158_E_ARGUMENT (contents that
 * vit158_header_parse would refuse), _MEMORY. */
vit158_status vit158_head_build(vit158_file_head *out, const vit158_contents *contents,
                                vit158_error *error);
void vit158_head_clear(vit158_file_head *head);

/* Bytes of a tensor's data. */
uint64_t vit158_tensor_view_bytes(const vit158_tensor_view *view);

#endif
