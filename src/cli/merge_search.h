/* SPDX-License-Identifier: MIT
 *
 * Lists of merges for a model, each with what it costs and what it changes: one family of lists,
 * measured on images against the model that merges nothing.
 */
#ifndef VIT158_CLI_MERGE_SEARCH_H
#define VIT158_CLI_MERGE_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vit158.h"

#define VIT158_MERGE_TEXT_BYTES 160U

typedef struct vit158_merge_point {
    char merge[VIT158_MERGE_TEXT_BYTES]; /* as options.merge has it */
    double *ratios; /* [images], owned: processor time of an image against the unmerged model's */
    size_t images;  /* seen so far */
    double time;    /* their median */
    double kl;      /* mean over images of KL(unmerged || merged), in nats; their sum on the way */
    double kl_square; /* sum of squares on the way, then unused */
    double kl_error;  /* standard error of the mean */
    double agreement; /* share of images with the same first class */
    bool is_out;      /* too far from the curve for more images */
    bool is_on_curve; /* none that has seen all images is both quicker and closer */
} vit158_merge_point;

typedef struct vit158_merge_search {
    const vit158_model *model;
    vit158_session *plain; /* owned */
    vit158_merge_point *points;
    size_t count;
    size_t images;      /* seen so far */
    size_t capacity;    /* of images */
    size_t first_stage; /* after so many images only what is near the curve goes on; 0: all do */
} vit158_merge_search;

/* Makes the lists of the family; for at most `images` images. Errors: VIT158_E_UNSUPPORTED (a model
 * without classes, or too small for any list), VIT158_E_MEMORY. */
vit158_status vit158_merge_search_begin(vit158_merge_search *search, const vit158_model *model,
                                        size_t images, vit158_error *error);

/* Runs one image through all that are not out, one after the other. */
vit158_status vit158_merge_search_add(vit158_merge_search *search, const vit158_image *image,
                                      vit158_error *error);

/* From sums to means; sorts by time. */
void vit158_merge_search_finish(vit158_merge_search *search);

/* The quickest that is not out whose KL, with its standard error added, is at most `kl`; NULL if
 * none is. */
const vit158_merge_point *vit158_merge_search_best(const vit158_merge_search *search, double kl);

void vit158_merge_search_free(vit158_merge_search *search);

#endif
