/* SPDX-License-Identifier: MIT
 *
 * Whole files in, and files that appear only when complete: written under a temporary name, synced,
 * then renamed over the old one. A full disk leaves the old file as it was.
 */
#ifndef VIT158_TRAIN_FILE_H
#define VIT158_TRAIN_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vit158.h"

/* The caller frees *bytes; one NUL byte follows the n_bytes. */
vit158_status vit158_train_file_read(uint8_t **bytes, size_t *n_bytes, const char *path,
                                     vit158_error *error);

typedef struct vit158_train_file_writer {
    FILE *file;
    char path[1000];
    char temporary[1012];
    bool failed;
    int cause; /* errno of the first failure */
} vit158_train_file_writer;

vit158_status vit158_train_file_begin(vit158_train_file_writer *out, const char *path,
                                      vit158_error *error);
/* Failures are remembered and reported by commit. */
void vit158_train_file_add(vit158_train_file_writer *out, const void *bytes, size_t n_bytes);
void vit158_train_file_add_u32(vit158_train_file_writer *out, uint32_t value);
vit158_status vit158_train_file_commit(vit158_train_file_writer *out, vit158_error *error);
/* Removes the temporary file. */
void vit158_train_file_abandon(vit158_train_file_writer *out);

#endif
