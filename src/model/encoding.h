/* SPDX-License-Identifier: MIT
 *
 * The types a matrix may be stored as, one row of a table each: what `encodings` calls it, its
 * elements and shape, what is checked, and what it counts as. Everything that reads, writes or
 * describes matrices asks this table; the kernels are found by `encoding` (kernels.h).
 */
#ifndef VIT158_MODEL_ENCODING_H
#define VIT158_MODEL_ENCODING_H

#include <stdbool.h>

#include "base/coding.h"
#include "model/header.h"

typedef struct vit158_stored_type {
    const char *name;         /* in the metadata key `encodings` */
    const char *shown;        /* by `inspect` */
    vit158_dtype dtype;       /* of M.weight */
    vit158_encoding encoding; /* in memory */
    bool coded; /* its inputs are quantized to int8, it has M.scale, and it needs an entry */
    uint32_t rank;
    /* The shape of M.weight for n_rows rows of n_in weights, `rank` sizes. */
    void (*shape)(uint64_t *shape, uint32_t n_rows, uint32_t n_in);
    /* The index of the first of n bytes that does not belong there, n if all do; NULL: floats. */
    size_t (*first_bad)(const uint8_t *bytes, size_t n);
    const char *element; /* what a byte should have been */
    /* Weights that are 0; NULL where that is of no interest. */
    uint64_t (*zeros)(const uint8_t *bytes, uint32_t n_rows, uint32_t n_in);
    bool sums;    /* an output may have several rows */
    bool of_rest; /* patch, head and positions may be stored so too; they become float */
    uint64_t *(*counter)(vit158_model_info *info); /* beside `parameters`; NULL: none */
} vit158_stored_type;

/* The rule for M.rows, whose bytes are counts. */
extern const vit158_stored_type vit158_row_counts;

/* By the name in `encodings`; NULL if there is none. */
const vit158_stored_type *vit158_stored_type_named(const char *name);

/* The type that elements of `dtype` speak of, should there be no entry. */
const vit158_stored_type *vit158_stored_type_of(vit158_dtype dtype);

/* How a file whose floats are `rest` stores a matrix of this encoding. */
const vit158_stored_type *vit158_stored_type_for(vit158_encoding encoding, vit158_dtype rest);

/* Bytes of M.weight. */
uint64_t vit158_stored_bytes(const vit158_stored_type *type, uint32_t n_rows, uint32_t n_in);

#endif
