/* SPDX-License-Identifier: MIT
 *
 * Position embeddings for another size of images: bicubic with antialiasing, a = -0.5, as timm's
 * resample_abs_pos_embed gets it from PyTorch.
 */
#ifndef VIT158_IMPORT_POSITIONS_H
#define VIT158_IMPORT_POSITIONS_H

#include "vit158.h"

/* out [to*to][dim] from in [from*from][dim], sides of square grids.
 * Errors: VIT158_E_MEMORY. */
vit158_status vit158_resize_positions(float *out, uint32_t to, const float *in, uint32_t from,
                                      uint32_t dim, vit158_error *error);

#endif
