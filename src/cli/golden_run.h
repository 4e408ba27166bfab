/* SPDX-License-Identifier: MIT
 *
 * What a model gives for one image, as a golden file holds it, and where that differs from what
 * was recorded.
 */
#ifndef VIT158_CLI_GOLDEN_RUN_H
#define VIT158_CLI_GOLDEN_RUN_H

#include <stdbool.h>

#include "cli/golden_file.h"
#include "cli/image_classifier.h"

/* Runs an image file in memory. `file` of the result is NULL; the caller ends it with
 * vit158_golden_image_free. */
vit158_status vit158_golden_run(vit158_golden_image *out, vit158_classifier *c,
                                const uint8_t *bytes, size_t n_bytes, vit158_error *error);

typedef struct vit158_golden_difference {
    bool ok;
    char first[32];     /* step that differs first, "" if none does */
    double max_logit;   /* largest difference of a logit */
    char message[1024]; /* "same", or what differs, for people */
} vit158_golden_difference;

/* `tolerance` < 0: every bit counts. Both images have the same number of logits. */
void vit158_golden_compare(vit158_golden_difference *out, const vit158_golden_image *expected,
                           const vit158_golden_image *found, double tolerance);

#endif
