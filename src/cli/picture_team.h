/* SPDX-License-Identifier: MIT
 *
 * Many pictures: shared out to threads, each with a session of its own over the one model, answered
 * in the order given. Only what the threads are at is in memory.
 */
#ifndef VIT158_CLI_PICTURE_TEAM_H
#define VIT158_CLI_PICTURE_TEAM_H

#include "cli/picture_classifier.h"

#define VIT158_MAX_WORKERS 64

/* The row of a command's option table that sets how many work; `value` 0 = by cores. */
vit158_option vit158_workers_option(uint32_t *value);

/* As many as told, no more than pictures (SIZE_MAX: nobody knows how many); untold, one a core, but
 * at most 8, and one alone if a picture has threads of its own. A worker costs a session, which is
 * little. */
uint32_t vit158_choose_workers(uint32_t told, uint32_t threads, size_t pictures);

typedef struct vit158_picture_item {
    char *path;           /* owned; "-" is standard input */
    vit158_status status; /* if not OK it has failed already, `error` says how */
    vit158_error error;
} vit158_picture_item;

/* Called for each picture in order, by one thread at a time. `index` counts from 0. `c` has its
 * results; `error` is NULL unless it failed. */
typedef void (*vit158_picture_done)(void *context, size_t index, const vit158_picture_item *item,
                                    vit158_classifier *c, const vit158_picture_timing *timing,
                                    const vit158_error *error);

typedef struct vit158_picture_work {
    /* The next picture, false after the last; by one thread at a time, while others work. */
    bool (*take)(void *context, vit158_picture_item *item);
    void *source; /* context of take */
    vit158_picture_done done;
    void *context; /* of done */
} vit158_picture_work;

/* Runs all pictures; the calling thread works too. If memory or threads are short, fewer work. */
void vit158_run_pictures(vit158_classifier *c, const vit158_picture_work *work, uint32_t workers);

#endif
