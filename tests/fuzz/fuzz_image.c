/* SPDX-License-Identifier: MIT
 *
 * Any bytes as an image: decoding gives an image that can be classified, or an error with a
 * sentence. PNG files are tried with their checksums repaired too, or no change would get past
 * them.
 */
#include <stdlib.h>
#include <string.h>

#include "image/preprocess.h"
#include "unit/mutate.h"
#include "vit158.h"

#define MAX_BYTES (1U << 26)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

/* Resizes the image as a small model would. */
static void preprocess(const vit158_image *image)
{
    static const vit158_recipe recipe = {.channels = 3,
                                         .crop_size = 8,
                                         .resize_size = 9,
                                         .filter = VIT158_FILTER_BICUBIC,
                                         .std = {1, 1, 1}};
    static void *block; /* kept for the next input */
    vit158_arena arena = {0};
    vit158_preprocess_plan(&arena, &recipe);
    if (block == NULL)
        block = aligned_alloc(VIT158_ARENA_ALIGN, arena.used);
    arena = vit158_arena_over(block, arena.used);
    vit158_preprocess *p = vit158_preprocess_plan(&arena, &recipe);
    if (vit158_preprocess_begin(p, image->width, image->height, image->pixels, NULL) != VIT158_OK ||
        vit158_preprocess_rows(p, image->data, image->row_bytes, image->height, NULL) !=
            VIT158_OK ||
        vit158_preprocess_pixels(p) == NULL)
        abort();
}

static void decode(const uint8_t *data, size_t n_bytes)
{
    vit158_image image;
    vit158_error error = {0};
    const vit158_status status = vit158_image_decode(&image, data, n_bytes, MAX_BYTES, &error);
    if (status == VIT158_OK) {
        if ((image.pixels != 1 && image.pixels != 3) ||
            image.row_bytes != image.width * image.pixels ||
            (uint64_t)image.row_bytes * image.height > MAX_BYTES)
            abort();
        preprocess(&image);
    } else if (error.status != status || strlen(error.message) < 10 || image.data != NULL) {
        abort();
    }
    vit158_image_free(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    decode(data, n_bytes);
    if (n_bytes > 8 && data[0] == 0x89) {
        uint8_t *copy = malloc(n_bytes);
        if (copy == NULL)
            return 0;
        memcpy(copy, data, n_bytes);
        test_fix_crcs(copy, n_bytes);
        decode(copy, n_bytes);
        free(copy);
    }
    return 0;
}
