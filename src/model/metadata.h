/* SPDX-License-Identifier: MIT
 *
 * Typed values of metadata keys. A missing key leaves the output as it is, so the caller sets the
 * default first; a malformed value is VIT158_E_METADATA with the key's name.
 */
#ifndef VIT158_MODEL_METADATA_H
#define VIT158_MODEL_METADATA_H

#include "model/header.h"

/* A whole number in 1 .. max. Larger is VIT158_E_LIMIT. */
vit158_status vit158_metadata_count(uint32_t *out, const vit158_header *header, const char *key,
                                    uint32_t max, vit158_error *error);

/* A number with low < value <= high. */
vit158_status vit158_metadata_number(double *out, const vit158_header *header, const char *key,
                                     double low, double high, vit158_error *error);

/* What a norm adds to variances; `missing` where the key is. */
vit158_status vit158_metadata_eps(float *out, double missing, const vit158_header *header,
                                  const char *key, vit158_error *error);

/* `count` numbers with low <= value <= high, separated by commas and optional spaces. The key must
 * exist. */
vit158_status vit158_metadata_numbers(float *out, uint32_t count, const vit158_header *header,
                                      const char *key, double low, double high,
                                      vit158_error *error);

#endif
