/* SPDX-License-Identifier: MIT
 *
 * Models of a given geometry with seeded random weights, for load, speed and memory work and for
 * tests: valid files that classify nothing. Native only.
 */
#ifndef VIT158_MODEL_SYNTH_H
#define VIT158_MODEL_SYNTH_H

#include <stdbool.h>

#include "model/model.h"

/* Each output has 1 to 4 rows, by the seed. */
#define VIT158_SYNTH_MIXED 5U

typedef struct vit158_synth_options {
    uint32_t image_size; /* a multiple of patch_size */
    uint32_t patch_size;
    uint32_t channels; /* 1 or 3 */
    uint32_t dim;
    uint32_t depth;
    uint32_t heads; /* divides dim */
    uint32_t mlp_dim;
    uint32_t classes;
    bool uneven; /* blocks have 1 to `heads` heads and a hidden width of at least half, by the seed
                  */
    bool outer_norms;
    bool inner_norms;         /* at least one of the two */
    bool row_scales;          /* a scale for each output instead of one for the matrix */
    vit158_encoding encoding; /* of the four matrices of each block; F32 is stored as `rest` */
    uint32_t rows;            /* of trits an output: 0 and 1 one, to 4, or VIT158_SYNTH_MIXED */
    uint32_t parts;           /* optional ones of every coded matrix: bits 1 << VIT158_LINEAR_... */
    const vit158_variant *variant; /* NULL: the plain model; its inner_norms say which of them */
    bool int8_rest;                /* patch, head and positions as int8 */
    vit158_dtype rest;             /* VIT158_DTYPE_F16 or VIT158_DTYPE_F32 */
    uint64_t seed;
    double unsure; /* metadata: answers below this score are marked; 0: none */
} vit158_synth_options;

/* Geometry of a preset (METHODS.md 1.1): 't', 's', 'b' or 'l' at 224 pixels, patch 16, 1000
 * classes, outer and inner norms, trits, F16, seed 1. False for another letter. */
bool vit158_synth_preset(vit158_synth_options *out, char arch);

/* Writes the file; the same options give the same bytes on every machine with IEEE floats and the
 * same libm. Metadata says trained = "false". `info` may be NULL.
 * Errors: VIT158_E_ARGUMENT and those of vit158_draft_write. */
vit158_status vit158_synth_file(const char *path, const vit158_synth_options *options,
                                vit158_model_info *info, vit158_error *error);

#endif
