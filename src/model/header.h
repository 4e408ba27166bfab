/* SPDX-License-Identifier: MIT
 *
 * The header of a safetensors file: a JSON object of tensors and of metadata strings. Parsed under
 * the container rules of FORMAT.md (sizes, limits, no duplicates, no holes); names and geometry of
 * a Vision Transformer are not known here.
 */
#ifndef VIT158_MODEL_HEADER_H
#define VIT158_MODEL_HEADER_H

#include "vit158.h"

#define VIT158_PREFIX_BYTES 8U /* the header's length, little-endian */
#define VIT158_MAX_HEADER_BYTES (4U << 20)
#define VIT158_MAX_TENSORS 8192U
#define VIT158_MAX_METADATA 256U /* pairs */
#define VIT158_MAX_RANK 4U

typedef enum vit158_dtype {
    VIT158_DTYPE_F32,
    VIT158_DTYPE_F16,
    VIT158_DTYPE_BF16,
    VIT158_DTYPE_U8,
    VIT158_DTYPE_I8,
    VIT158_DTYPE_MODEL_COUNT, /* those above may stand in a model file, those below in a source of
                                 `vit158 import` only */
    VIT158_DTYPE_F64 = VIT158_DTYPE_MODEL_COUNT,
    VIT158_DTYPE_I64,
    VIT158_DTYPE_I32,
    VIT158_DTYPE_I16,
    VIT158_DTYPE_BOOL,
    VIT158_DTYPE_COUNT
} vit158_dtype;

/* "F32" and the like; static storage. */
const char *vit158_dtype_name(vit158_dtype dtype);
/* 8, 4, 2 or 1. */
uint32_t vit158_dtype_bytes(vit158_dtype dtype);

typedef struct vit158_tensor_entry {
    const char *name; /* NUL-terminated UTF-8, owned by the header */
    vit158_dtype dtype;
    uint32_t rank;
    uint64_t shape[VIT158_MAX_RANK]; /* the product of the first `rank` is n_elements */
    uint64_t n_elements;
    uint64_t begin; /* bytes from the data's start */
    uint64_t end;
} vit158_tensor_entry;

typedef struct vit158_header {
    uint32_t tensor_count;
    vit158_tensor_entry *tensors; /* in the order of their data: no holes, no overlap */
    uint64_t data_bytes;          /* end of the last tensor */
    uint32_t metadata_count;
    const char **metadata_keys; /* pairs in file order, NUL-terminated UTF-8 */
    const char **metadata_values;
    char *metadata_json; /* the __metadata__ object as it stands in the file, "{}" if none */
    char *text;          /* owns names, keys and values */
    char *added_text;    /* the same of metadata added later, or NULL */
} vit158_header;

/* Parses `n_bytes` bytes of JSON. On success the caller ends `out` with vit158_header_clear; on
 * failure it is empty. Memory: less than 8 * n_bytes + 64 kB.
 * Errors: VIT158_E_JSON, _LIMIT, _TENSOR, _UNSUPPORTED, _MEMORY (see FORMAT.md). */
vit158_status vit158_header_parse(vit158_header *out, const void *json, size_t n_bytes,
                                  vit158_error *error);
/* The same for a foreign file, which may hold elements of every vit158_dtype. */
vit158_status vit158_header_parse_foreign(vit158_header *out, const void *json, size_t n_bytes,
                                          vit158_error *error);
void vit158_header_clear(vit158_header *header);

/* The value of a metadata key, or NULL. */
const char *vit158_header_metadata(const vit158_header *header, const char *key);

#endif
