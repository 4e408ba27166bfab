/* SPDX-License-Identifier: MIT
 *
 * A model file in the making: metadata and tensors collected one after the other, then written.
 * Native tools only. Owns copies of names, values and data; tensors keep the order of adding,
 * except for the writer's order by alignment.
 *
 * Functions that add return no status: the first failure (memory, a value that does not fit F16) is
 * kept and reported by vit158_draft_write, so that a caller adds everything and checks once.
 */
#ifndef VIT158_MODEL_DRAFT_H
#define VIT158_MODEL_DRAFT_H

#include <stdbool.h>

#include "model/model.h"
#include "model/writer.h"

typedef struct vit158_draft {
    vit158_dtype rest;    /* F32, F16 or BF16: how vit158_draft_rest stores */
    bool newer;           /* something needs format version 2 */
    vit158_error failure; /* status VIT158_OK while all went well */
    vit158_tensor_view *tensors;
    size_t tensor_count;
    size_t tensor_capacity;
    vit158_metadata_pair *metadata;
    size_t metadata_count;
    size_t metadata_capacity;
    char *encodings; /* JSON members so far, without the braces */
    size_t encodings_bytes;
    size_t encodings_capacity;
} vit158_draft;

vit158_draft vit158_draft_start(vit158_dtype rest);
void vit158_draft_clear(vit158_draft *draft);

/* Sets a metadata key; an existing one keeps its place and gets the new value. */
void vit158_draft_set(vit158_draft *draft, const char *key, const char *value);
void vit158_draft_set_count(vit158_draft *draft, const char *key, uint64_t value);
/* Sets a key unless it exists. */
void vit158_draft_default(vit158_draft *draft, const char *key, const char *value);

/* Memory for the data of a new tensor, owned by the draft; NULL after a failure. */
void *vit158_draft_tensor(vit158_draft *draft, const char *name, vit158_dtype dtype, uint32_t rank,
                          const uint64_t *shape);

/* A float tensor, stored as draft->rest: F16 and BF16 round half to even, and a value that does not
 * fit fails with VIT158_E_VALUE. */
void vit158_draft_rest(vit158_draft *draft, const char *name, uint32_t rank, const uint64_t *shape,
                       const float *values);

/* Memory for the bytes of a coded matrix PREFIX.weight (vit158_stored_bytes); adds PREFIX.scale, 1
 * or n_out values, and the matrix's encoding. NULL after a failure. */
void *vit158_draft_coded(vit158_draft *draft, const char *prefix, vit158_encoding encoding,
                         uint32_t n_out, uint32_t n_in, const float *scale, uint32_t scale_count);

/* Memory for the codes of a sum of ternary rows, PREFIX.weight: counts[o] rows for output o, 1 to
 * 4, R together, in the order of base/planes.h; vit158_trit_bytes(R, n_in) bytes. Adds PREFIX.rows
 * unless all counts are 1, PREFIX.scale (R values, F32, or F16 if each is a normal number there)
 * and the encoding. NULL after a failure. */
uint8_t *vit158_draft_sums(vit158_draft *draft, const char *prefix, uint32_t n_out, uint32_t n_in,
                           const uint8_t *counts, const float *scale, vit158_dtype scale_dtype);

/* Memory for the integers of an int8 "head.weight", "patch_embed.proj.weight" or "pos_embed"; adds
 * its scales, one a row (a token of the positions), and its encoding. NULL after a failure. */
int8_t *vit158_draft_i8_rest(vit158_draft *draft, const char *name, uint32_t rank,
                             const uint64_t *shape, const float *scale, vit158_dtype scale_dtype);

/* PREFIX.scale, PREFIX.step and the like: a part of a coded matrix (names.h), [count] as F32. */
void vit158_draft_part(vit158_draft *draft, const char *prefix, uint32_t part, uint32_t count,
                       const float *values);

/* A float matrix of a block, PREFIX.weight, stored as draft->rest, and its encoding. */
void vit158_draft_float_matrix(vit158_draft *draft, const char *prefix, uint32_t n_out,
                               uint32_t n_in, const float *values);

/* Metadata of a variant, and format version 2 if it is beyond the plain model. */
void vit158_draft_variant(vit158_draft *draft, const vit158_variant *variant);

/* The metadata that every file of ours has: format and version, geometry, encodings; defaults for
 * pooling, interpolation, norm_eps and inner_norm_eps where the draft has none. Call it last. */
void vit158_draft_complete(vit158_draft *draft, const vit158_model_info *info);

/* What is to be written; borrows from the draft. Errors: the draft's failure. */
vit158_status vit158_draft_contents(vit158_contents *out, const vit158_draft *draft,
                                    vit158_error *error);

/* Writes the file (draft_write.c). Before it takes its final name the loader opens it, so nothing
 * is written that cannot be read; `info`, if not NULL, gets what the loader found. Errors: the
 * draft's failure, those of vit158_safetensors_write, and the loader's. */
vit158_status vit158_draft_write(const vit158_draft *draft, const char *path,
                                 vit158_model_info *info, vit158_error *error);

#endif
