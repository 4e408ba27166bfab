/* SPDX-License-Identifier: MIT
 *
 * Classes of one's own over a model's embeddings (web/FILES.md): the file, and the scores of a
 * image. web/lib/own_classes.js gives the same bits: sums are in double, in the file's order.
 */
#ifndef VIT158_CLI_OWN_CLASSES_H
#define VIT158_CLI_OWN_CLASSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vit158.h"

typedef struct vit158_own_class {
    char *name;
    float *vectors; /* [count][dim] */
    size_t count;
} vit158_own_class;

typedef struct vit158_own_match {
    uint32_t index; /* of the class */
    float score;
    float similarity; /* largest cosine */
} vit158_own_match;

typedef struct vit158_own_direction {
    uint32_t owner; /* the class */
    double similarity;
} vit158_own_direction;

typedef struct vit158_own_classes {
    char *model_name;
    char model_sha256[65];
    uint32_t dim;
    bool neighbours;
    bool has_unlike;
    double unlike;
    vit158_own_class *classes;
    size_t count;
    /* What an image is compared with, and room for doing so: */
    double *directions; /* [direction_count][dim], of length 1 */
    vit158_own_direction *found;
    vit158_own_direction *nearest;
    double *wanted;  /* [dim] */
    double *weights; /* [count] */
    size_t direction_count;
} vit158_own_classes;

/* Reads and checks a file; the caller ends it with vit158_own_classes_free. */
vit158_status vit158_own_classes_read(vit158_own_classes *own, const char *path,
                                      vit158_error *error);
vit158_status vit158_own_classes_parse(vit158_own_classes *own, const void *text, size_t n_bytes,
                                       vit158_error *error);
void vit158_own_classes_free(vit158_own_classes *own);

/* For the reader: what an image is compared with, once all vectors are there. */
vit158_status vit158_own_classes_prepare(vit158_own_classes *own, vit158_error *error);

/* Every class that has vectors, best first, into matches[own->count]; returns how many. `unsure`:
 * the image is like none of them. 0 if the embedding is no direction. */
size_t vit158_own_classes_match(vit158_own_classes *own, const float *embedding,
                                vit158_own_match *matches, bool *unsure);

#endif
