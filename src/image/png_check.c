/* SPDX-License-Identifier: MIT */
#include "image/png_check.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc32.h"
#include "base/error.h"
#include "image/exif.h"
#include "image/orient.h"

#define SIGNATURE_BYTES 8
#define MAX_CHUNK_BYTES 0x7FFFFFFFU
#define MAX_BYTES ((1U << 30) - 4) /* stb_image counts image data in int, and is shown 4 more */
#define MAX_DEFLATE_RATIO 1032     /* 258 bytes for at least 2 bits */
#define SLACK_BYTES 65536          /* stb_image's own state and rounding */

typedef struct chunk {
    size_t offset; /* of the length field */
    uint32_t n_bytes;
    char type[5]; /* empty until it was read, and if it is no word */
    const uint8_t *data;
    bool damaged; /* ancillary, with a wrong checksum */
} chunk;

typedef struct walk {
    vit158_bytes in;
    uint32_t crc_table[256];
    vit158_png_info *info;
    bool seen_idat;
    bool idat_over; /* another chunk came after the IDATs */
    bool seen_exif;
} walk;

static bool is_type(const chunk *c, const char *type)
{
    return memcmp(c->type, type, 4) == 0;
}

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_critical(const chunk *c)
{
    return (c->type[0] & 32) == 0;
}

/* What browsers skip whatever its type is: an ancillary chunk behind the header, as its checksum
 * says. The walk is at its data. */
static bool is_nameless_chunk(const walk *w, const uint8_t *type, uint32_t n_bytes)
{
    vit158_bytes in = w->in;
    vit158_bytes_take(&in, n_bytes);
    const uint32_t stored = vit158_bytes_u32(&in, true);
    return w->info->width != 0 && (type[0] & 32) != 0 && !in.failed &&
           vit158_crc32(w->crc_table, type, (size_t)n_bytes + 4) == stored;
}

static vit158_status read_chunk(chunk *out, walk *w, vit158_error *error)
{
    *out = (chunk){.offset = w->in.position};
    out->n_bytes = vit158_bytes_u32(&w->in, true);
    const uint8_t *type = vit158_bytes_take(&w->in, 4);
    if (type == NULL)
        return vit158_fail(error, VIT158_E_TRUNCATED, "PNG: the file ends at byte %zu without IEND",
                           w->in.n_bytes);
    const bool word =
        is_letter(type[0]) && is_letter(type[1]) && is_letter(type[2]) && is_letter(type[3]);
    if (!word && !is_nameless_chunk(w, type, out->n_bytes))
        return vit158_fail(error, VIT158_E_IMAGE, "PNG: no chunk type at byte %zu",
                           out->offset + 4);
    if (word)
        memcpy(out->type, type, 4);
    if (out->n_bytes > MAX_CHUNK_BYTES)
        return vit158_fail(error, VIT158_E_IMAGE, "PNG: chunk %s at byte %zu has length %u",
                           out->type, out->offset, out->n_bytes);
    out->data = vit158_bytes_take(&w->in, out->n_bytes);
    const uint32_t stored = vit158_bytes_u32(&w->in, true);
    if (w->in.failed)
        return vit158_fail(error, VIT158_E_TRUNCATED,
                           "PNG: the file ends at byte %zu inside chunk %s", w->in.n_bytes,
                           out->type);
    out->damaged = vit158_crc32(w->crc_table, type, (size_t)out->n_bytes + 4) != stored;
    if (out->damaged && is_critical(out))
        return vit158_fail(error, VIT158_E_IMAGE, "PNG: wrong checksum of chunk %s at byte %zu",
                           out->type, out->offset);
    return VIT158_OK;
}

/* Bit d is set if d is a depth of the colour type (table 11.1 of the specification). */
static uint32_t allowed_depths(uint32_t color_type)
{
    switch (color_type) {
    case VIT158_PNG_GRAY:
        return 1U << 1 | 1U << 2 | 1U << 4 | 1U << 8 | 1U << 16;
    case VIT158_PNG_INDEXED:
        return 1U << 1 | 1U << 2 | 1U << 4 | 1U << 8;
    case VIT158_PNG_RGB:
    case VIT158_PNG_GRAY_ALPHA:
    case VIT158_PNG_RGBA:
        return 1U << 8 | 1U << 16;
    default:
        return 0;
    }
}

static uint32_t channels_of(uint32_t color_type)
{
    switch (color_type) {
    case VIT158_PNG_RGB:
        return 3;
    case VIT158_PNG_GRAY_ALPHA:
        return 2;
    case VIT158_PNG_RGBA:
        return 4;
    default:
        return 1;
    }
}

static uint64_t pass_bytes(uint32_t width, uint32_t height, uint32_t bits)
{
    return width == 0 ? 0 : (((uint64_t)width * bits + 7) / 8 + 1) * height;
}

static uint64_t raw_bytes_of(const vit158_png_info *info)
{
    const uint32_t bits = info->depth * info->channels;
    if (!info->interlaced)
        return pass_bytes(info->width, info->height, bits);
    /* Adam7: first column, first row, column step, row step. */
    static const uint8_t passes[7][4] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                                         {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
    uint64_t total = 0;
    for (int i = 0; i < 7; i++) {
        const uint8_t *p = passes[i];
        total += pass_bytes((info->width + p[2] - 1U - p[0]) / p[2],
                            (info->height + p[3] - 1U - p[1]) / p[3], bits);
    }
    return total;
}

static vit158_status check_header(vit158_png_info *info, const chunk *c, vit158_error *error)
{
    if (!is_type(c, "IHDR"))
        return vit158_fail(error, is_type(c, "CgBI") ? VIT158_E_UNSUPPORTED : VIT158_E_IMAGE,
                           "PNG: the first chunk is %s, not IHDR", c->type);
    if (c->n_bytes != 13)
        return vit158_fail(error, VIT158_E_IMAGE, "PNG: IHDR has length %u, not 13", c->n_bytes);
    vit158_bytes in = vit158_bytes_over(c->data, c->n_bytes);
    info->width = vit158_bytes_u32(&in, true);
    info->height = vit158_bytes_u32(&in, true);
    info->depth = vit158_bytes_u8(&in);
    info->color_type = vit158_bytes_u8(&in);
    const uint32_t compression = vit158_bytes_u8(&in);
    const uint32_t filter = vit158_bytes_u8(&in);
    const uint32_t interlace = vit158_bytes_u8(&in);
    if (info->width == 0 || info->height == 0)
        return vit158_fail(error, VIT158_E_IMAGE, "PNG: %u x %u pixels", info->width, info->height);
    if (info->depth > 16 || (allowed_depths(info->color_type) >> info->depth & 1) == 0)
        return vit158_fail(error, VIT158_E_IMAGE,
                           "PNG: colour type %u with %u bits a sample does not exist",
                           info->color_type, info->depth);
    if (compression != 0 || filter != 0 || interlace > 1)
        return vit158_fail(error, VIT158_E_IMAGE,
                           "PNG: unknown compression %u, filter %u or interlace %u method",
                           compression, filter, interlace);
    if (info->width > VIT158_MAX_IMAGE_SIDE || info->height > VIT158_MAX_IMAGE_SIDE)
        return vit158_fail(error, VIT158_E_LIMIT, "PNG: %u x %u pixels, at most %d a side",
                           info->width, info->height, VIT158_MAX_IMAGE_SIDE);
    info->interlaced = interlace == 1;
    info->channels = channels_of(info->color_type);
    info->raw_bytes = raw_bytes_of(info);
    info->orientation = 1;
    return VIT158_OK;
}

static vit158_status take_palette(walk *w, const chunk *c, vit158_error *error)
{
    vit158_png_info *info = w->info;
    if (info->color_type != VIT158_PNG_INDEXED)
        return VIT158_OK; /* a suggestion for displays */
    if (info->palette_count != 0)
        return vit158_fail(error, VIT158_E_IMAGE, "PNG: misplaced PLTE at byte %zu", c->offset);
    if (c->n_bytes / 3 == 0 || c->n_bytes / 3 > 256)
        return vit158_fail(error, VIT158_E_IMAGE,
                           "PNG: PLTE of %u bytes, not 3 for each of 1 to 256 colours", c->n_bytes);
    const uint32_t count = c->n_bytes / 3, most = 1U << info->depth;
    info->palette_offset = c->offset + 8;
    info->palette_count = count < most ? count : most;
    return VIT158_OK;
}

static vit158_status take_data(walk *w, const chunk *c, vit158_error *error)
{
    vit158_png_info *info = w->info;
    if (info->color_type == VIT158_PNG_INDEXED && info->palette_count == 0)
        return vit158_fail(error, VIT158_E_IMAGE, "PNG: an indexed image without PLTE");
    if (!w->seen_idat)
        info->idat_offset = c->offset;
    w->seen_idat = true;
    info->idat_end = w->in.position;
    info->idat_bytes += c->n_bytes;
    return VIT158_OK;
}

static vit158_status take_chunk(walk *w, const chunk *c, vit158_error *error)
{
    if (is_type(c, "IDAT") && !w->idat_over)
        return take_data(w, c, error);
    w->idat_over = w->seen_idat;
    if (is_type(c, "eXIf") && !c->damaged && !w->seen_exif) {
        w->seen_exif = true;
        w->info->orientation = vit158_exif_orientation(c->data, c->n_bytes);
    }
    if (is_type(c, "IDAT") && w->info->stray_offset == 0)
        w->info->stray_offset = c->offset;
    if (w->idat_over || c->type[0] == '\0')
        return VIT158_OK; /* without a word, or behind the image: nobody looks */
    if (is_type(c, "PLTE"))
        return take_palette(w, c, error);
    if (is_type(c, "IHDR"))
        return vit158_fail(error, VIT158_E_IMAGE, "PNG: a second IHDR at byte %zu", c->offset);
    if (is_critical(c))
        return vit158_fail(error, VIT158_E_UNSUPPORTED, "PNG: unknown critical chunk %s", c->type);
    return VIT158_OK;
}

static vit158_status check_end(const walk *w, vit158_error *error)
{
    const vit158_png_info *info = w->info;
    if (!w->seen_idat)
        return vit158_fail(error, VIT158_E_IMAGE, "PNG: no IDAT chunk");
    /* So no memory is taken for an image whose data cannot be there. */
    if (info->raw_bytes > (uint64_t)info->idat_bytes * MAX_DEFLATE_RATIO)
        return vit158_fail(error, VIT158_E_TRUNCATED,
                           "PNG: %u bytes of compressed data cannot hold %u x %u pixels",
                           info->idat_bytes, info->width, info->height);
    return VIT158_OK;
}

vit158_status vit158_png_check(vit158_png_info *out, const uint8_t *bytes, size_t n_bytes,
                               vit158_error *error)
{
    *out = (vit158_png_info){0};
    if (n_bytes > MAX_BYTES)
        return vit158_fail(error, VIT158_E_LIMIT, "PNG: a file of %zu bytes, at most %u are read",
                           n_bytes, MAX_BYTES);
    walk w = {.in = vit158_bytes_over(bytes, n_bytes), .info = out};
    vit158_crc32_table(w.crc_table);
    vit158_bytes_take(&w.in, SIGNATURE_BYTES);
    chunk c;
    VIT158_RETURN_IF_ERROR(read_chunk(&c, &w, error));
    VIT158_RETURN_IF_ERROR(check_header(out, &c, error));
    for (;;) {
        const vit158_status status = read_chunk(&c, &w, error);
        out->ended = is_type(&c, "IEND");
        if (out->ended || (status != VIT158_OK && w.seen_idat && !is_type(&c, "IDAT")))
            return check_end(&w, error);
        VIT158_RETURN_IF_ERROR(status);
        VIT158_RETURN_IF_ERROR(take_chunk(&w, &c, error));
    }
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

uint64_t vit158_png_memory(const vit158_png_info *info, bool growing)
{
    const uint64_t area = (uint64_t)info->width * info->height;
    const uint64_t samples = area * info->channels;
    const uint64_t stored = samples * (info->depth == 16 ? 2 : 1);
    /* stb_image's first guess: bytes a line and channel, times channels, and the filter bytes. */
    const uint64_t line = ((uint64_t)info->width * info->depth + 7) / 8;
    const uint64_t guess = (line * info->channels + 1) * info->height;
    /* Growing doubles the buffer: the old one is there until the new one is filled. */
    uint64_t peak = info->idat_bytes + guess * (growing ? 3 : 1);
    /* Unfiltering, and one interlace pass (at most half the image) beside the whole. */
    peak = larger(peak, guess * (growing ? 2 : 1) + stored + (info->interlaced ? stored : 0));
    /* 16 bits to 8; indices to colours; turning upright. */
    const uint64_t shown = info->color_type == VIT158_PNG_INDEXED ? area * 3 : samples;
    peak = larger(peak, stored + samples);
    peak = larger(peak, samples + shown);
    if (vit158_orientation_swaps(info->orientation))
        peak = larger(peak, 2 * shown);
    return peak + SLACK_BYTES;
}
