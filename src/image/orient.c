/* SPDX-License-Identifier: MIT */
#include "image/orient.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

static inline void copy_pixel(uint8_t *to, const uint8_t *from, uint32_t pixels)
{
    for (uint32_t c = 0; c < pixels; c++)
        to[c] = from[c];
}

static inline void mirror_rows(uint8_t *data, uint32_t width, uint32_t height, uint32_t pixels)
{
    for (uint32_t y = 0; y < height; y++) {
        uint8_t *left = data + (size_t)y * width * pixels;
        uint8_t *right = left + (size_t)(width - 1) * pixels;
        for (; left < right; left += pixels, right -= pixels) {
            uint8_t kept[4];
            copy_pixel(kept, left, pixels);
            copy_pixel(left, right, pixels);
            copy_pixel(right, kept, pixels);
        }
    }
}

static void flip(uint8_t *data, uint32_t width, uint32_t height, uint32_t pixels)
{
    const size_t row_bytes = (size_t)width * pixels;
    for (uint32_t y = 0; y < height / 2; y++) {
        uint8_t *top = data + y * row_bytes;
        uint8_t *bottom = data + (height - 1 - y) * row_bytes;
        for (size_t i = 0; i < row_bytes; i++) {
            const uint8_t kept = top[i];
            top[i] = bottom[i];
            bottom[i] = kept;
        }
    }
}

/* Orientations 5 to 8: upright pixel (x, y) is stored at column y of row x, columns counted from
 * their far end in orientations 7 and 8, rows in 6 and 7. Tile by tile, because a column touches
 * another cache line with every pixel. */
static inline void transpose(uint8_t *out, const uint8_t *in, uint32_t width, uint32_t height,
                             uint32_t pixels, uint32_t orientation)
{
    const uint32_t tile = 32;
    const bool far_rows = orientation == 6 || orientation == 7;
    const ptrdiff_t row_step = (ptrdiff_t)width * pixels * (far_rows ? -1 : 1);
    for (uint32_t y0 = 0; y0 < width; y0 += tile) {
        const uint32_t y1 = width - y0 > tile ? y0 + tile : width;
        for (uint32_t x0 = 0; x0 < height; x0 += tile) {
            const uint32_t n = height - x0 > tile ? tile : height - x0;
            const uint32_t row = far_rows ? height - 1 - x0 : x0;
            for (uint32_t y = y0; y < y1; y++) {
                const uint32_t column = orientation >= 7 ? width - 1 - y : y;
                const uint8_t *from = in + ((size_t)row * width + column) * pixels;
                uint8_t *to = out + ((size_t)y * height + x0) * pixels;
                for (uint32_t i = 0; i < n; i++)
                    copy_pixel(to + (size_t)i * pixels, from + (ptrdiff_t)i * row_step, pixels);
            }
        }
    }
}

void vit158_orient(uint8_t *out, const uint8_t *in, uint32_t width, uint32_t height,
                   uint32_t pixels, uint32_t orientation)
{
    assert(pixels == 1 || pixels == 3);
    if (vit158_orientation_swaps(orientation)) {
        assert(out != in);
        if (pixels == 1) /* so that the compiler knows the size of a pixel */
            transpose(out, in, width, height, 1, orientation);
        else
            transpose(out, in, width, height, 3, orientation);
        return;
    }
    assert(out == in);
    if (orientation == 2 || orientation == 3) {
        if (pixels == 1)
            mirror_rows(out, width, height, 1);
        else
            mirror_rows(out, width, height, 3);
    }
    if (orientation == 3 || orientation == 4)
        flip(out, width, height, pixels);
}
