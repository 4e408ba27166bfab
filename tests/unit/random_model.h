/* SPDX-License-Identifier: MIT
 *
 * Models with seeded random weights, built in memory without a file.
 */
#ifndef VIT158_TESTS_RANDOM_MODEL_H
#define VIT158_TESTS_RANDOM_MODEL_H

#include "model/model.h"

typedef struct random_shape {
    uint32_t side, patch, channels, dim, depth, heads, mlp_dim, classes;
    bool outer_norms, inner_norms;
    vit158_encoding encoding; /* of the four matrices per block */
    bool row_scales;          /* one scale a row instead of one a matrix */
    float spread;             /* standard deviation of the weights */
    uint32_t prefix;          /* tokens before the patches; 0: one, the class token */
    bool average;             /* the head reads the mean of the patches */
    bool uneven;              /* blocks from the second on have one head less and a narrower MLP */
} random_shape;

/* Ended by random_model_free. */
vit158_model *random_model_make(random_shape shape, uint64_t seed);
void random_model_free(vit158_model *model);

#endif
