/* SPDX-License-Identifier: MIT
 *
 * Puts a model's views (model.h) onto the weights that the loader has laid in memory.
 */
#ifndef VIT158_MODEL_VIEWS_H
#define VIT158_MODEL_VIEWS_H

#include "model/layout.h"

/* Fills patch, cls, pos, norm, head and the blocks. `data[i]` is where tensor i of the header lies.
 * model->blocks has layout->info.depth elements. Errors: VIT158_E_MEMORY. */
vit158_status vit158_views_set(vit158_model *model, const vit158_layout *layout,
                               const vit158_header *header, uint8_t *const *data,
                               vit158_error *error);

#endif
