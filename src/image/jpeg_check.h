/* SPDX-License-Identifier: MIT
 *
 * Structure of a JPEG file (ITU-T T.81 annex B): markers, segment lengths, tables, frame and scan
 * headers. What passes is safe to hand to stb_image 2.27, which for one does not bound the number
 * of Huffman codes; entropy-coded data are only skipped over.
 */
#ifndef VIT158_IMAGE_JPEG_CHECK_H
#define VIT158_IMAGE_JPEG_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vit158.h"

#define VIT158_JPEG_MAX_SCANS 100 /* each scan of a progressive image costs a pass over it */

typedef struct vit158_jpeg_component {
    uint8_t id;
    uint8_t across; /* sampling factors, 1 .. 4 */
    uint8_t down;
    uint8_t quantizer; /* number of its table, 0 .. 3 */
    bool begun;        /* a scan with its lowest frequency was seen */
} vit158_jpeg_component;

typedef struct vit158_jpeg_info {
    uint32_t width;
    uint32_t height;
    uint32_t components; /* 1 grey, 3 YCbCr or RGB, 4 CMYK or YCCK; 0 before the frame header */
    bool progressive;
    vit158_jpeg_component component[4];
    uint32_t across_max; /* largest sampling factors */
    uint32_t down_max;
    uint32_t scans;
    uint64_t entropy_bytes; /* of all scans */
    uint32_t orientation;   /* of an Exif APP1 segment, else 1 */
} vit158_jpeg_info;

/* `bytes` starts with FF D8 FF. Bytes after the end marker are ignored. */
vit158_status vit158_jpeg_check(vit158_jpeg_info *out, const uint8_t *bytes, size_t n_bytes,
                                vit158_error *error);

/* Most bytes in use at once while stb_image decodes and the result is turned upright. */
uint64_t vit158_jpeg_memory(const vit158_jpeg_info *info);

#endif
