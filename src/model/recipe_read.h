/* SPDX-License-Identifier: MIT
 *
 * The parts of a model that come from metadata alone: preprocessing recipe, norm epsilons, labels.
 */
#ifndef VIT158_MODEL_RECIPE_READ_H
#define VIT158_MODEL_RECIPE_READ_H

#include "model/header.h"
#include "model/model.h"

/* Fills model->recipe, norm_eps and inner_norm_eps; model->info must hold the geometry.
 * Errors: VIT158_E_METADATA, _LIMIT, _UNSUPPORTED (pooling, interpolation). */
vit158_status vit158_recipe_read(vit158_model *model, const vit158_header *header,
                                 vit158_error *error);

/* Fills model->labels and labels_text (allocated) from the labels metadata, if there is one: a JSON
 * array of as many strings as there are classes. Errors: VIT158_E_METADATA, _MEMORY. */
vit158_status vit158_labels_read(vit158_model *model, const vit158_header *header,
                                 vit158_error *error);

#endif
