/* SPDX-License-Identifier: MIT
 *
 * Metadata from a JSON object of strings, such as {"heads":"3"}, which is added to a model's own.
 */
#ifndef VIT158_MODEL_METADATA_JSON_H
#define VIT158_MODEL_METADATA_JSON_H

#include "model/header.h"

/* Fills the metadata of `header`, to be ended with vit158_header_clear on success.
 * Errors: VIT158_E_JSON, VIT158_E_MEMORY. */
vit158_status vit158_metadata_of_json(vit158_header *header, const char *json, size_t n_bytes,
                                      vit158_error *error);

/* Replaces or adds the metadata of `added`, which is empty afterwards, once at most; metadata_json
 * stays as it is in the file. Errors: VIT158_E_LIMIT, VIT158_E_MEMORY; then both are as before. */
vit158_status vit158_metadata_add(vit158_header *header, vit158_header *added, vit158_error *error);

#endif
