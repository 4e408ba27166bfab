/* SPDX-License-Identifier: MIT */
#include "image/decoded.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "image/orient.h"

#define DEFAULT_MAX_BYTES ((size_t)1 << 30)

/* Every block starts with its size; 16 bytes keep the alignment of malloc. */
#define BLOCK_HEAD 16

void *vit158_block_alloc(size_t n_bytes)
{
    /* UNREACHABLE: sizes here are below 2^32. */
    if (n_bytes > SIZE_MAX - BLOCK_HEAD)
        return NULL;
    uint8_t *block = calloc(1, n_bytes + BLOCK_HEAD);
    if (block == NULL)
        return NULL;
    memcpy(block, &n_bytes, sizeof n_bytes);
    return block + BLOCK_HEAD;
}

size_t vit158_block_bytes(const void *block)
{
    size_t n_bytes;
    memcpy(&n_bytes, (const uint8_t *)block - BLOCK_HEAD, sizeof n_bytes);
    return n_bytes;
}

void vit158_block_free(void *block)
{
    if (block != NULL)
        free((uint8_t *)block - BLOCK_HEAD);
}

size_t vit158_decoded_limit(size_t max_bytes)
{
    const size_t limit = max_bytes != 0 ? max_bytes : DEFAULT_MAX_BYTES;
    return limit < INT32_MAX ? limit : INT32_MAX;
}

vit158_status vit158_decoded_fits(uint64_t needed, size_t max_bytes, uint32_t width,
                                  uint32_t height, vit158_error *error)
{
    if (needed > max_bytes)
        return vit158_fail(error, VIT158_E_LIMIT,
                           "image: decoding %u x %u pixels needs %llu bytes, the limit is %zu",
                           width, height, (unsigned long long)needed, max_bytes);
    return VIT158_OK;
}

vit158_status vit158_decoded_turn(vit158_decoded *image, uint32_t orientation, vit158_error *error)
{
    const uint32_t width = image->width, height = image->height;
    uint8_t *turned = image->data;
    if (vit158_orientation_swaps(orientation)) {
        turned = vit158_block_alloc((size_t)width * height * image->channels);
        if (turned == NULL)
            return vit158_fail(error, VIT158_E_MEMORY, "image: no memory to turn %u x %u pixels",
                               width, height);
        image->width = height;
        image->height = width;
    }
    vit158_orient(turned, image->data, width, height, image->channels, orientation);
    if (turned != image->data)
        vit158_block_free(image->data);
    image->data = turned;
    return VIT158_OK;
}

vit158_status vit158_decoded_finish(vit158_image *out, vit158_decoded *image, vit158_status status,
                                    const vit158_error *found, vit158_error *error)
{
    if (status != VIT158_OK) {
        vit158_block_free(image->data);
        if (error != NULL)
            *error = *found;
        return status;
    }
    *out = (vit158_image){.width = image->width,
                          .height = image->height,
                          .pixels = image->channels,
                          .row_bytes = image->width * image->channels,
                          .data = image->data};
    return VIT158_OK;
}

void vit158_image_free(vit158_image *image)
{
    if (image == NULL)
        return;
    vit158_block_free(image->data);
    *image = (vit158_image){0};
}
