/* SPDX-License-Identifier: MIT
 *
 * The images that a command calibrates on: drawn from folders and archives as its options say, some
 * held out, embedded once, and read again when training wants fresh views of them.
 */
#ifndef VIT158_CLI_QUANTIZE_IMAGES_H
#define VIT158_CLI_QUANTIZE_IMAGES_H

#include "cli/console.h"
#include "cli/image_source.h"
#include "cli/options.h"
#include "compress/fresh_views.h"
#include "compress/streams.h"

#define VIT158_MAX_CALIBRATION_SOURCES 32

/* What the options below fill; starts by vit158_quantize_images_start. */
typedef struct vit158_quantize_images {
    const char *command; /* who complains of images that cannot be read */
    const char *paths[VIT158_MAX_CALIBRATION_SOURCES];
    vit158_option_list calibrate; /* over these */
    uint32_t drawn;               /* so many of all images; 0: all */
    uint32_t held;                /* so many judge the result and calibrate nothing */
    uint32_t seed;                /* of the draw */
    vit158_image_source source;
    size_t *places;             /* in `source`, of the images that calibrate */
    size_t learned;             /* so many of them */
    vit158_image_reader reader; /* of them; valid as long as this stays where it is */
} vit158_quantize_images;

void vit158_quantize_images_start(vit158_quantize_images *images, const char *command);

/* --calibrate, --images and --hold-out; --seed is the command's own, which may draw more by it. */
vit158_option vit158_calibrate_option(vit158_quantize_images *images);
vit158_option vit158_images_option(vit158_quantize_images *images);
vit158_option vit158_hold_out_option(vit158_quantize_images *images);

/* Draws the images that calibrate and those held out. Errors: those of vit158_image_source_add,
 * VIT158_E_ARGUMENT (none left). */
vit158_status vit158_quantize_images_collect(vit158_quantize_images *images, vit158_error *error);

/* Puts all that can be read into the embedder, those held out last; complains of the others and
 * says how many there were. Errors: VIT158_E_ARGUMENT (none can be read), VIT158_E_ABORTED
 * (*stop), those of the embedder. */
vit158_status vit158_quantize_images_embed(vit158_quantize_images *images,
                                           vit158_embedder *embedder, vit158_progress *bar,
                                           const volatile int *stop, vit158_error *error);
void vit158_quantize_images_free(vit158_quantize_images *images);

#endif
