/* SPDX-License-Identifier: MIT
 *
 * Images without labels from folders (at any depth) and tar archives: their names, and the bytes
 * of each when asked for. Files that are not named as images are counted and left alone.
 */
#ifndef VIT158_CLI_IMAGE_SOURCE_H
#define VIT158_CLI_IMAGE_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "vit158.h"

typedef struct vit158_source_image {
    char *name;           /* owned: path of a file, or ARCHIVE:NAME */
    const uint8_t *bytes; /* within an archive; NULL: the file `name` */
    size_t n_bytes;
    size_t root_bytes; /* of the name: the folder or archive that was added */
} vit158_source_image;

typedef struct vit158_image_source {
    vit158_source_image *images;
    size_t count, capacity;
    size_t skipped;     /* other files */
    uint8_t **archives; /* owned */
    size_t archive_count;
} vit158_image_source;

/* Adds a folder or a tar archive (POSIX ustar or GNU, not compressed, at most 2 GiB) to `source`,
 * which starts zeroed. Names that start with a dot are left out. Errors: VIT158_E_IO,
 * VIT158_E_FORMAT, VIT158_E_TRUNCATED, VIT158_E_MEMORY, VIT158_E_LIMIT (folders nested too deep).
 */
vit158_status vit158_image_source_add(vit158_image_source *source, const char *path,
                                      vit158_error *error);

/* Puts the images in order and, with limit > 0, keeps so many, drawn by `seed`. The order is that
 * of what was added, then of the files' own names, then of their paths: sorting images into other
 * folders, which are their labels, changes nothing as long as their own names differ. */
vit158_status vit158_image_source_draw(vit158_image_source *source, size_t limit, uint64_t seed,
                                       vit158_error *error);

/* Decodes image `index`; the caller ends it with vit158_image_free. */
vit158_status vit158_image_source_decode(const vit158_image_source *source, size_t index,
                                         vit158_image *image, vit158_error *error);

void vit158_image_source_free(vit158_image_source *source);

#endif
