/* SPDX-License-Identifier: MIT
 *
 * The facts of a checkpoint with latent float weights, which no model can be opened from: zeros and
 * scales are those that packing will give. Native only.
 */
#ifndef VIT158_MODEL_LATENT_FACTS_H
#define VIT158_MODEL_LATENT_FACTS_H

#include "model/facts.h"
#include "model/safetensors.h"

/* Whether a file holds latent weights, so that it is not to be opened but packed. False for what is
 * no model at all. VIT158_E_MEMORY. */
vit158_status vit158_is_latent(bool *latent, const vit158_safetensors *file, vit158_error *error);

/* Errors: those of vit158_layout_geometry and of reading; VIT158_E_TENSOR and _VALUE for matrices
 * that are missing or damaged; VIT158_E_MEMORY. On success the caller ends it with
 * vit158_facts_clear. */
vit158_status vit158_facts_of_latent(vit158_facts *out, const vit158_safetensors *file,
                                     vit158_error *error);

#endif
