/* SPDX-License-Identifier: MIT
 *
 * The tensors that belong to a block's matrix, one row of a table each: its name, what the file
 * must hold there, the rule for its values, and where it goes in the opened model. Names, layout,
 * checks of values, views, facts and the writer ask this table; a new tensor beside the weights is
 * a number in names.h, a row here and what the engine makes of it.
 */
#ifndef VIT158_MODEL_LINEAR_PARTS_H
#define VIT158_MODEL_LINEAR_PARTS_H

#include "model/layout.h"

typedef struct vit158_linear_part {
    const char *name; /* after "blocks.0.attn.qkv." */
    bool positive;    /* its values must be above 0 */
    bool of_scales;   /* its bytes count among those of the scales */
    bool is_newer;    /* needs format version 2 */
    float random[2];  /* range of the values that synth makes up, if it is optional */
    vit158_expectation (*expect)(const vit158_layout *layout, uint32_t block, uint32_t linear);
    /* Puts the checked tensor at `data` into the view; NULL: views.c does, for all matrices. */
    void (*set)(vit158_linear *linear, const void *data, const vit158_tensor_entry *tensor);
} vit158_linear_part;

extern const vit158_linear_part vit158_linear_parts[VIT158_LINEAR_PARTS];

#endif
