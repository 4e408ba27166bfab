/* SPDX-License-Identifier: MIT
 *
 * What a model file is made of: bytes by part, matrices with their share of zeros, and whether its
 * size is what FORMAT.md's formula says. Reads packed models and checkpoints alike. Native only.
 */
#ifndef VIT158_MODEL_INSPECT_H
#define VIT158_MODEL_INSPECT_H

#include <stdbool.h>

#include "model/layout.h"
#include "model/safetensors.h"

typedef enum vit158_file_kind {
    VIT158_FILE_TERNARY, /* at least one matrix of trit codes */
    VIT158_FILE_LATENT,  /* float weights that a ternary model is trained with: to be packed */
    VIT158_FILE_DENSE    /* float or int8 matrices */
} vit158_file_kind;

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
    int64_t newer_bytes;      /* what format version 2 adds to the size */
} vit158_stored_form;

typedef struct vit158_inspection {
    vit158_file_kind kind;
    vit158_model_info info; /* weight_bytes 0 */
    vit158_variant variant;
    vit158_stored_form form; /* as the class token and the first matrix are stored */
    uint64_t header_bytes;
    uint64_t matrix_bytes;  /* the four matrices of each block */
    uint64_t scale_bytes;   /* with row counts and steps */
    uint64_t rest_bytes;    /* everything else */
    uint64_t formula_bytes; /* FORMAT.md's size of a file with this header and geometry */
    uint32_t matrix_count;
    vit158_matrix_facts *matrices; /* owned */
} vit158_inspection;

/* Errors: those of vit158_safetensors_read and vit158_layout_geometry; VIT158_E_TENSOR and _VALUE
 * for matrices that are missing or damaged; VIT158_E_MEMORY. On success the caller ends it with
 * vit158_inspection_clear. */
vit158_status vit158_inspect(vit158_inspection *out, const vit158_safetensors *file,
                             vit158_error *error);
void vit158_inspection_clear(vit158_inspection *inspection);

/* FORMAT.md's size formula: bytes of a file with `header_bytes` of prefix, JSON and padding. */
uint64_t vit158_file_size_formula(const vit158_model_info *info, const vit158_stored_form *form,
                                  uint64_t header_bytes);

#endif
