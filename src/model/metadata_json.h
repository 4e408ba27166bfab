/* SPDX-License-Identifier: MIT
 *
 * Metadata from a JSON object of strings, such as {"heads":"3"}, which tools add to a model's own.
 * Native only.
 */
#ifndef VIT158_MODEL_METADATA_JSON_H
#define VIT158_MODEL_METADATA_JSON_H

#include "model/header.h"

/* Fills the metadata of `header`, to be ended with vit158_header_clear on success.
 * Errors: VIT158_E_JSON, VIT158_E_MEMORY. */
vit158_status vit158_metadata_of_json(vit158_header *header, const char *json, size_t n_bytes,
                                      vit158_error *error);

#endif
