/* SPDX-License-Identifier: MIT
 *
 * Whole files in, and files that appear only when they are complete. Native only; every file of
 * this project that is written goes through here.
 *
 * A file is written beside its final name under a name of its own (created exclusively, so two
 * writers never share one), synced, renamed, and its folder synced: whoever opens the final name
 * finds the old file or the new one, whole, even after a crash, a full disk or two writers at once,
 * of which the last to finish wins.
 */
#ifndef VIT158_BASE_FILE_H
#define VIT158_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vit158.h"

/* Reads a file, pipe or device of at most max_bytes (0 = no limit). The caller frees *bytes; one
 * NUL byte follows the n_bytes. Errors, without the path: VIT158_E_IO, VIT158_E_LIMIT,
 * VIT158_E_MEMORY. */
vit158_status vit158_file_read(uint8_t **bytes, size_t *n_bytes, const char *path, size_t max_bytes,
                               vit158_error *error);

/* The rest of an open file, which stays open. */
vit158_status vit158_file_read_open(uint8_t **bytes, size_t *n_bytes, FILE *file, size_t max_bytes,
                                    vit158_error *error);

typedef struct vit158_file_writer {
    FILE *file;
    char *path;      /* owned */
    char *temporary; /* owned; where the bytes are until commit */
    bool failed;
    int cause; /* errno of the first failure */
} vit158_file_writer;

/* Errors: VIT158_E_IO, VIT158_E_MEMORY; nothing is left to end then. */
vit158_status vit158_file_begin(vit158_file_writer *out, const char *path, vit158_error *error);

/* Failures are kept and reported by commit. */
void vit158_file_add(vit158_file_writer *out, const void *bytes, size_t n_bytes);
void vit158_file_add_u32(vit158_file_writer *out, uint32_t value); /* little-endian */

/* Everything to the disk, still under the temporary name: for a check of what was written. */
vit158_status vit158_file_flush(vit158_file_writer *out, vit158_error *error);

/* Either ends the writer. commit: the file takes its name, or, with an error, the temporary file is
 * removed and the old one is as it was. abandon: the temporary file is removed. */
vit158_status vit158_file_commit(vit158_file_writer *out, vit158_error *error);
void vit158_file_abandon(vit158_file_writer *out);

#endif
