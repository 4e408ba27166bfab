/* SPDX-License-Identifier: MIT
 *
 * Model files taken apart and put together again without any of the writer's checks, so that a test
 * or a fuzzer can break one rule at a time.
 */
#ifndef VIT158_TESTS_MODEL_PARTS_H
#define VIT158_TESTS_MODEL_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "model/synth.h"

#define PART_NAME_BYTES 80
#define PART_MAX_RANK 6

typedef struct file_tensor {
    char name[PART_NAME_BYTES];
    char dtype[8];
    uint32_t rank;
    uint64_t shape[PART_MAX_RANK];
    uint8_t *data; /* owned; NULL if only claimed */
    uint64_t n_bytes;
} file_tensor;

typedef struct file_pair {
    char key[PART_NAME_BYTES];
    char *value; /* owned */
} file_pair;

typedef struct file_parts {
    file_pair pairs[64];
    size_t pair_count;
    file_tensor tensors[256];
    size_t tensor_count;
} file_parts;

/* Any bytes that are a whole file, owned by whoever holds it. */
typedef struct file_bytes {
    uint8_t *data;
    size_t n_bytes;
} file_bytes;

/* A small model by vit158_synth_file: 12 x 12 pixels in patches of 4, dim 10, depth 2, heads 2,
 * mlp_dim 13, 3 classes, two outer norms, F32; change fields of `synth_small` for others. */
vit158_synth_options synth_small(void);
file_bytes synth_bytes(const vit158_synth_options *options);

/* Takes a valid file apart. Ended by parts_free. */
file_parts *parts_of(file_bytes file);
void parts_free(file_parts *parts);

/* Puts a file together: tensors in their order, data only where there is some. */
file_bytes parts_build(const file_parts *parts);

/* The tensor or value of that name; fails the test if there is none. */
file_tensor *parts_tensor(file_parts *parts, const char *name);
char *parts_value(file_parts *parts, const char *key);

/* Sets a metadata value (adding the key), or removes the key with NULL. */
void parts_set(file_parts *parts, const char *key, const char *value);

/* Removes a tensor; adds one with zeroed data, or only claimed if `claimed`; changes shape (and
 * data, kept as far as it goes, then zeros). */
void parts_remove(file_parts *parts, const char *name);
file_tensor *parts_add(file_parts *parts, const char *name, const char *dtype, uint32_t rank,
                       const uint64_t *shape, int claimed);
void parts_reshape(file_tensor *tensor, const char *dtype, uint32_t rank, const uint64_t *shape,
                   int claimed);

/* A copy of the file with the first `old` in its header replaced; fails the test if it is absent.
 */
file_bytes header_replace(file_bytes file, const char *old, const char *new_text);

/* A copy with another header text. */
file_bytes header_set(file_bytes file, const void *json, size_t n_bytes);

/* Opens the file as a whole and, without telling its length, in pieces of several sizes; fails the
 * test unless all give `status`, no model, and a message that contains `text`. Frees the file. */
extern const char *refusal_label; /* named by a failure */
void expect_refused(file_bytes file, vit158_status status, const char *text);

/* The same of these parts put together, which are given back. */
void parts_refused(file_parts *parts, vit158_status status, const char *text);

/* The header's length as stored, without the prefix. */
size_t header_length(file_bytes file);

#endif
