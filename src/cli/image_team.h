/* SPDX-License-Identifier: MIT
 *
 * Many images: shared out to threads, each with a session of its own over the one model, answered
 * in the order given. Only what the threads are at is in memory.
 */
#ifndef VIT158_CLI_IMAGE_TEAM_H
#define VIT158_CLI_IMAGE_TEAM_H

#include "cli/image_classifier.h"

#define VIT158_MAX_WORKERS 64

/* The row of a command's option table that sets how many work; `value` 0 = by cores. */
vit158_option vit158_workers_option(uint32_t *value);

/* As many as told, no more than images (SIZE_MAX: nobody knows how many); untold, one a core, but
 * at most 8, and one alone if an image has threads of its own. A worker costs a session, which is
 * little. */
uint32_t vit158_choose_workers(uint32_t told, uint32_t threads, size_t images);

typedef struct vit158_image_item {
    char *path;           /* owned; "-" is standard input */
    vit158_status status; /* if not OK it has failed already, `error` says how */
    vit158_error error;
} vit158_image_item;

/* Called for each image in order, by one thread at a time. `index` counts from 0. `c` has its
 * results; `error` is NULL unless it failed. */
typedef void (*vit158_image_done)(void *context, size_t index, const vit158_image_item *item,
                                  vit158_classifier *c, const vit158_image_timing *timing,
                                  const vit158_error *error);

typedef struct vit158_image_work {
    /* The next image, false after the last; by one thread at a time, while others work. */
    bool (*take)(void *context, vit158_image_item *item);
    void *source; /* context of take */
    vit158_image_done done;
    void *context; /* of done */
} vit158_image_work;

/* Runs all images; the calling thread works too. If memory or threads are short, fewer work. */
void vit158_run_images(vit158_classifier *c, const vit158_image_work *work, uint32_t workers);

#endif
