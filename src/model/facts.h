/* SPDX-License-Identifier: MIT
 *
 * What a model is made of: the facts that `inspect` tells. They come from the header and, where
 * only values tell, from the weights of an open model; latent_facts.h reads them off a checkpoint
 * that cannot be opened. One list each, here and in vit158.h: structs, text and JSON are made from
 * these lists.
 */
#ifndef VIT158_MODEL_FACTS_H
#define VIT158_MODEL_FACTS_H

#include <stdbool.h>

#include "model/json_out.h"
#include "model/layout.h"

typedef enum vit158_file_kind {
    VIT158_FILE_TERNARY, /* at least one matrix of trit codes */
    VIT158_FILE_LATENT,  /* float weights that a ternary model is trained with: to be packed */
    VIT158_FILE_DENSE    /* float or int8 matrices */
} vit158_file_kind;

/* "ternary" and the like; static storage. */
const char *vit158_file_kind_name(vit158_file_kind kind);

/* Parts of a file that add up to its size. */
#define VIT158_FILE_PARTS(PART)                                                                    \
    PART(header)   /* length word, JSON and padding */                                             \
    PART(matrices) /* the four of each block */                                                    \
    PART(scales)   /* of these, with row counts and steps */                                       \
    PART(rest)     /* everything else */

typedef struct vit158_matrix_facts {
    uint32_t slot; /* of its weight, see names.h */
    const vit158_stored_type *type;
    uint32_t n_out;
    uint32_t n_in;
    uint32_t n_rows; /* ternary rows that add up to the outputs, else n_out */
    uint64_t n_bytes;
    uint32_t scale_count; /* stored ones */
    float scale;          /* the first one; of latent weights, what packing will give; else 0 */
    uint64_t zeros;       /* ternary weights that are 0, stored or as packing will give them */
    bool ternary;         /* zeros has a meaning */
} vit158_matrix_facts;

/* What, beside the geometry, decides the size of a file. */
typedef struct vit158_stored_form {
    bool outer_norms;
    bool inner_norms;
    bool row_scales;          /* a scale for each output, not one for the matrix */
    vit158_encoding encoding; /* of the matrices; F32 stands for `rest` */
    vit158_dtype rest;        /* element type of all that is neither matrix nor scale */
    int64_t newer_bytes;      /* what the formula of a plain file leaves out */
} vit158_stored_form;

typedef struct vit158_facts {
    vit158_file_kind kind;
    vit158_model_info info; /* of a latent file weight_bytes is 0 */
    vit158_variant variant;
    vit158_stored_form form; /* as the class token and the first matrix are stored */
#define VIT158_FILE_PART(name) uint64_t name;
    struct {
        VIT158_FILE_PARTS(VIT158_FILE_PART)
    } bytes;
#undef VIT158_FILE_PART
    uint64_t formula_bytes; /* FORMAT.md's size of a file with this header and geometry */
    uint32_t matrix_count;
    vit158_matrix_facts *matrices; /* owned */
} vit158_facts;

/* Of an open model. The only error is VIT158_E_MEMORY. On success the caller ends it with
 * vit158_facts_clear. */
vit158_status vit158_facts_of_model(vit158_facts *out, const vit158_model *model,
                                    vit158_error *error);
void vit158_facts_clear(vit158_facts *facts);

/* The step before: all that the header tells. Scales and zeros of the matrices are left 0. `layout`
 * is one of vit158_layout_geometry at least; of matrices without a type it takes that of their
 * elements. VIT158_E_TENSOR if a matrix is missing. */
vit158_status vit158_facts_of_header(vit158_facts *out, vit158_file_kind otherwise,
                                     const vit158_layout *layout, const vit158_header *header,
                                     uint64_t file_bytes, vit158_error *error);

/* FORMAT.md's size formula: bytes of a file with `header_bytes` of prefix, JSON and padding. */
uint64_t vit158_file_size_formula(const vit158_model_info *info, const vit158_stored_form *form,
                                  uint64_t header_bytes);

/* Bits that the file spends on a weight of the matrices, their scales included. */
double vit158_bits_per_weight(const vit158_facts *facts);
/* Share of a matrix's ternary weights that is 0. */
double vit158_zero_share(const vit158_matrix_facts *matrix);

/* "2 outer, 4 inner" and the like; static storage. */
const char *vit158_norms_of_block(const vit158_facts *facts);

/* Metadata that is not for reading: labels, encodings and the like. */
bool vit158_metadata_is_long(const char *key);

/* ---- As JSON ---- */

/* A member for each field of vit158_model_info; if `of_file` only those that the file decides. */
void vit158_info_json(vit158_json *json, const vit158_model_info *info, bool of_file);
/* The member "metadata"; unless `all` without what is too long to read. */
void vit158_metadata_json(vit158_json *json, const vit158_header *header, bool all);

/* The members of what `inspect --json` prints, all but the file's name; `header` with its tensors.
 */
void vit158_facts_json(vit158_json *json, const vit158_facts *facts, const vit158_header *header);

/* A model as a JSON object, NUL-terminated, which the caller frees: if `of_file` the members of
 * vit158_facts_json, else {"info", "metadata"}, the fields of vit158_model_info and all metadata.
 * NULL if memory is short. */
char *vit158_model_json(const vit158_model *model, bool of_file, vit158_error *error);

#endif
