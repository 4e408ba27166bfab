/* SPDX-License-Identifier: MIT
 *
 * The images of a quantization: drawn from folders and archives, some held out, embedded once, and
 * read again when training wants fresh views of them.
 */
#ifndef VIT158_CLI_QUANTIZE_IMAGES_H
#define VIT158_CLI_QUANTIZE_IMAGES_H

#include "cli/console.h"
#include "cli/image_source.h"
#include "compress/fresh_views.h"
#include "compress/streams.h"

typedef struct vit158_quantize_images {
    const char *command; /* who complains of images that cannot be read; given */
    vit158_image_source source;
    size_t held;                /* so many judge the result and calibrate nothing */
    size_t *places;             /* in `source`, of the images that calibrate */
    size_t learned;             /* so many of them */
    vit158_image_reader reader; /* of them; valid as long as this stays where it is */
} vit158_quantize_images;

/* Draws `images` (0: takes all) by `seed` from paths[count], `held` of them to be held out; starts
 * zeroed but for `command`. Errors: those of vit158_image_source_add, VIT158_E_ARGUMENT (none
 * left). */
vit158_status vit158_quantize_images_collect(vit158_quantize_images *images,
                                             const char *const *paths, size_t count, size_t drawn,
                                             size_t held, uint64_t seed, vit158_error *error);

/* Puts all that can be read into the embedder, those held out last; complains of the others and
 * says how many there were. Errors: VIT158_E_ARGUMENT (none can be read), VIT158_E_ABORTED
 * (*stop), those of the embedder. */
vit158_status vit158_quantize_images_embed(vit158_quantize_images *images,
                                           vit158_embedder *embedder, vit158_progress *bar,
                                           const volatile int *stop, vit158_error *error);
void vit158_quantize_images_free(vit158_quantize_images *images);

#endif
