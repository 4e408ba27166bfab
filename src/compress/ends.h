/* SPDX-License-Identifier: MIT
 *
 * The two ends of a model, its embedding and its head, rounded to int8 with a scale a row: patch
 * weights a row an output, positions a row a token, the head a row a class. 8 bits are enough for
 * rounding to nearest.
 */
#ifndef VIT158_COMPRESS_ENDS_H
#define VIT158_COMPRESS_ENDS_H

#include "model/model.h"

typedef struct vit158_int8_rows {
    uint32_t rows, n;
    int8_t *codes; /* [rows][n] */
    float *scale;  /* [rows], exact in F16 */
    float *values; /* [rows][n] what they stand for */
} vit158_int8_rows;

typedef struct vit158_ends {
    vit158_int8_rows patch, positions, head;
    vit158_model model; /* the float model with these; views into both, not to be closed */
} vit158_ends;

/* Errors: VIT158_E_MEMORY. The float model must outlive the result. */
vit158_status vit158_ends_create(vit158_ends *ends, const vit158_model *model, vit158_error *error);
void vit158_ends_free(vit158_ends *ends);

#endif
