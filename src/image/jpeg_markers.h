/* SPDX-License-Identifier: MIT
 *
 * Markers of JPEG segments (ITU-T T.81, table B.1): the second byte, after FF.
 */
#ifndef VIT158_IMAGE_JPEG_MARKERS_H
#define VIT158_IMAGE_JPEG_MARKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    VIT158_JPEG_TEM = 0x01,
    VIT158_JPEG_SOF0 = 0xC0,
    VIT158_JPEG_SOF1 = 0xC1,
    VIT158_JPEG_SOF2 = 0xC2,
    VIT158_JPEG_DHT = 0xC4,
    VIT158_JPEG_SOF9 = 0xC9,
    VIT158_JPEG_SOF10 = 0xCA,
    VIT158_JPEG_DAC = 0xCC,
    VIT158_JPEG_SOF15 = 0xCF,
    VIT158_JPEG_RST0 = 0xD0,
    VIT158_JPEG_RST7 = 0xD7,
    VIT158_JPEG_SOI = 0xD8,
    VIT158_JPEG_EOI = 0xD9,
    VIT158_JPEG_SOS = 0xDA,
    VIT158_JPEG_DQT = 0xDB,
    VIT158_JPEG_DNL = 0xDC,
    VIT158_JPEG_DRI = 0xDD,
    VIT158_JPEG_DHP = 0xDE,
    VIT158_JPEG_EXP = 0xDF,
    VIT158_JPEG_APP0 = 0xE0,
    VIT158_JPEG_APP1 = 0xE1,
    VIT158_JPEG_APP14 = 0xEE,
    VIT158_JPEG_APP15 = 0xEF,
    VIT158_JPEG_COM = 0xFE
};

/* Whether the data of an APP0 segment are those of JFIF to libjpeg. */
static inline bool vit158_jpeg_is_jfif(const uint8_t *data, size_t n_bytes)
{
    return n_bytes >= 14 && memcmp(data, "JFIF", 5) == 0;
}

/* Whether three components are YCbCr whatever their names, as libjpeg's default_decompress_parms
 * has it: JFIF says so, else the Adobe segment's transform (-1 without one). */
static inline bool vit158_jpeg_is_ycc(bool jfif, int adobe)
{
    return jfif || adobe > 0;
}

#endif
