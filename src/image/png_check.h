/* SPDX-License-Identifier: MIT
 *
 * Structure of a PNG file (PNG specification, 3rd edition): chunk lengths, order and checksums,
 * header values. As in browsers, ancillary chunks with a wrong checksum are skipped, and so is
 * whatever stands behind the image data; what cannot be read there ends the file. What passes is
 * safe to hand to stb_image; the compressed data are not looked into.
 */
#ifndef VIT158_IMAGE_PNG_CHECK_H
#define VIT158_IMAGE_PNG_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vit158.h"

/* Values of the header's colour type. */
enum {
    VIT158_PNG_GRAY = 0,
    VIT158_PNG_RGB = 2,
    VIT158_PNG_INDEXED = 3,
    VIT158_PNG_GRAY_ALPHA = 4,
    VIT158_PNG_RGBA = 6
};

typedef struct vit158_png_info {
    uint32_t width;
    uint32_t height;
    uint32_t depth;      /* bits a sample: 1, 2, 4, 8, 16 */
    uint32_t color_type; /* a VIT158_PNG_ value */
    bool interlaced;
    uint32_t channels;   /* samples a pixel as stored; 1 if indexed */
    uint64_t raw_bytes;  /* of the decompressed data, at least */
    size_t idat_offset;  /* first IDAT chunk; the others follow without a gap */
    size_t idat_end;     /* end of the last */
    size_t stray_offset; /* an IDAT chunk behind a gap, which is not read; else 0 */
    uint32_t idat_bytes; /* of image data in all IDAT chunks */
    size_t palette_offset;
    uint32_t palette_count; /* entries of 3 bytes that an index can name; 0 unless indexed */
    uint32_t orientation;   /* of an eXIf chunk, else 1 */
    bool ended;             /* by IEND; else by what cannot be read after the image data */
} vit158_png_info;

/* `bytes` starts with the PNG signature. */
vit158_status vit158_png_check(vit158_png_info *out, const uint8_t *bytes, size_t n_bytes,
                               vit158_error *error);

/* Most bytes in use at once while stb_image decodes and the result is brought into shape.
 * `growing`: if the data inflate to more than raw_bytes, as interlaced ones may. */
uint64_t vit158_png_memory(const vit158_png_info *info, bool growing);

#endif
