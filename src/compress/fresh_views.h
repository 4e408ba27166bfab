/* SPDX-License-Identifier: MIT
 *
 * Fresh views of the calibration images: a square part of each, drawn at random and mirrored half
 * of the time, with the residual stream that the rounded network begins with and the logits that
 * the float network gives. What is trained on few images would otherwise learn them by heart.
 */
#ifndef VIT158_COMPRESS_FRESH_VIEWS_H
#define VIT158_COMPRESS_FRESH_VIEWS_H

#include "base/parallel.h"
#include "base/rng.h"
#include "vit158.h"

/* Reads calibration image `image`, counted from 0 in the order in which they were embedded; the
 * caller frees it. Called from all threads of the pool. */
typedef struct vit158_image_reader {
    vit158_status (*read)(void *context, uint32_t image, vit158_image *out, vit158_error *error);
    void *context;
} vit158_image_reader;

typedef struct vit158_fresh_views {
    const vit158_image_reader *reader;
    vit158_pool *pool;
    uint32_t count;         /* of a draw */
    size_t stride, classes; /* of inputs and targets */
    struct viewer *viewers; /* [pool->workers] */
    float *inputs,
        *targets; /* [count][stride] streams, [count][classes] logits, of the last draw */
} vit158_fresh_views;

/* Of `count` images a draw. All that is given must outlive the views. Errors: VIT158_E_MEMORY. */
vit158_status vit158_fresh_views_create(vit158_fresh_views *views,
                                        const vit158_image_reader *reader,
                                        const vit158_model *teacher, const vit158_model *student,
                                        vit158_pool *pool, uint32_t count, vit158_error *error);
void vit158_fresh_views_free(vit158_fresh_views *views);

/* One view of each of images[count]; the same `seed` gives the same views on any number of threads.
 * Errors: those of reading and of running a session. */
vit158_status vit158_fresh_views_draw(vit158_fresh_views *views, const uint32_t *images,
                                      uint64_t seed, vit158_error *error);

/* A square of VIT158_LEAST_VIEW to all of the shorter side, somewhere in the image, maybe mirrored.
 * The caller frees its data by free(). Errors: VIT158_E_MEMORY. */
#define VIT158_LEAST_VIEW 0.6F
vit158_status vit158_view_of(vit158_image *view, const vit158_image *image, vit158_rng *rng,
                             vit158_error *error);

#endif
