/* SPDX-License-Identifier: MIT
 *
 * The golden file of `record` and `verify`: what a model gave for some images. web/README.md
 * describes it; web/lib/golden_file.js reads and writes the same bytes. It is checked whole before
 * any of it is used.
 */
#ifndef VIT158_CLI_GOLDEN_FILE_H
#define VIT158_CLI_GOLDEN_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "vit158.h"

typedef struct vit158_golden_step {
    char name[32];
    char sha256[65];
} vit158_golden_step;

typedef struct vit158_golden_image {
    char *file; /* relative to the golden file */
    char sha256[65];
    uint32_t top1_index;
    char *top1_label;
    char logits_sha256[65];
    vit158_golden_step *steps; /* "preprocess" to the last "mlp" */
    size_t step_count;
    float *logits;
    size_t logit_count;
} vit158_golden_image;

typedef struct vit158_golden {
    uint32_t numerics_version;
    char *model_file; /* relative to the golden file */
    char model_sha256[65];
    char *merge; /* what the session merged, as vit158_session_merges has it; NULL: nothing */
    vit158_golden_image *images;
    size_t image_count;
} vit158_golden;

/* All strings and arrays are the struct's. On failure there is nothing to free. */
vit158_status vit158_golden_read(vit158_golden *golden, const char *path, vit158_error *error);

/* As vit158_golden_read, of the file's text. */
vit158_status vit158_golden_parse(vit158_golden *golden, const void *text, size_t n_bytes,
                                  vit158_error *error);

/* Under another name first: there is a whole file or none. `n_bytes` gets its size. */
vit158_status vit158_golden_write(size_t *n_bytes, const vit158_golden *golden, const char *path,
                                  vit158_error *error);

void vit158_golden_image_free(vit158_golden_image *image);
void vit158_golden_free(vit158_golden *golden);

#endif
