/* SPDX-License-Identifier: MIT
 *
 * What every decoder hands out: pixels in a block of zeroed memory, and what is done to them in the
 * end. vit158_image_free, which ends an image, is here too.
 */
#ifndef VIT158_IMAGE_DECODED_H
#define VIT158_IMAGE_DECODED_H

#include "vit158.h"

/* A block for pixels, zeroed; ended with vit158_block_free (NULL allowed). NULL: no memory. */
void *vit158_block_alloc(size_t n_bytes);
size_t vit158_block_bytes(const void *block); /* as asked for */
void vit158_block_free(void *block);

typedef struct vit158_decoded {
    uint32_t width;
    uint32_t height;
    uint32_t channels; /* as stored, 1 to 4; CMYK and YCCK become 3 */
    uint8_t *data;     /* [height][width][channels], a block */
} vit158_decoded;

/* The bytes of memory that a decoder may take: max_bytes of vit158_image_decode, 0 being the
 * default, never more than INT32_MAX. */
size_t vit158_decoded_limit(size_t max_bytes);

/* E_LIMIT if decoding width x height pixels needs more bytes than max_bytes. */
vit158_status vit158_decoded_fits(uint64_t needed, size_t max_bytes, uint32_t width,
                                  uint32_t height, vit158_error *error);

/* Turns pixels of 1 or 3 channels and of this EXIF orientation upright. */
vit158_status vit158_decoded_turn(vit158_decoded *image, uint32_t orientation, vit158_error *error);

/* If decoding gave `status` OK: *out takes the pixels over. Otherwise they are freed, and *error
 * (NULL allowed) becomes *found, what went wrong. Returns status. */
vit158_status vit158_decoded_finish(vit158_image *out, vit158_decoded *image, vit158_status status,
                                    const vit158_error *found, vit158_error *error);

#endif
