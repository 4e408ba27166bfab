/* SPDX-License-Identifier: MIT */
#include "image/jpeg_check.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "image/exif.h"
#include "image/jpeg_markers.h"
#include "image/jpeg_tables.h"
#include "image/orient.h"

#define SLACK_BYTES 65536    /* stb_image's own state and rounding */
#define MAX_WORK 1000000000U /* pixels times scans: seconds, not minutes */

typedef struct walk {
    vit158_bytes in;
    vit158_jpeg_info *info;
    bool quantizer[4];  /* defined tables */
    uint32_t begun;     /* components of first scans, of a progressive image */
    bool huffman[2][4]; /* [DC, AC] */
    int adobe;          /* colour transform of the Adobe segment, -1 without */
    bool jfif;          /* has a JFIF segment as libjpeg knows it */
    bool seen_exif;
} walk;

/* A segment after its marker: its bytes without the length field. */
typedef struct segment {
    uint32_t marker;
    size_t offset; /* of the marker */
    vit158_bytes in;
} segment;

static vit158_status truncated(const walk *w, vit158_error *error)
{
    return vit158_fail(error, VIT158_E_TRUNCATED,
                       "JPEG: the file ends at byte %zu without an end marker", w->in.n_bytes);
}

static vit158_status damaged(const segment *s, const char *what, vit158_error *error)
{
    static const char digits[] = "0123456789ABCDEF";
    return vit158_fail(error, VIT158_E_IMAGE, "JPEG: %s in segment FF%c%c at byte %zu", what,
                       digits[s->marker >> 4 & 15], digits[s->marker & 15], s->offset);
}

/* The next marker. Bytes that belong to no segment are tolerated only before the frame header, as
 * stb_image does; elsewhere vit158_jpeg_repair takes them out. */
static vit158_status next_marker(uint32_t *marker, walk *w, vit158_error *error)
{
    uint32_t byte = vit158_bytes_u8(&w->in);
    while (byte != 0xFF && !w->in.failed) {
        if (w->info->components != 0)
            return vit158_fail(error, VIT158_E_IMAGE, "JPEG: no marker at byte %zu",
                               w->in.position - 1);
        byte = vit158_bytes_u8(&w->in);
    }
    while (byte == 0xFF) /* 0 behind the end */
        byte = vit158_bytes_u8(&w->in);
    if (w->in.failed)
        return truncated(w, error);
    *marker = byte;
    return VIT158_OK;
}

static vit158_status read_segment(segment *out, walk *w, uint32_t marker, vit158_error *error)
{
    *out = (segment){.marker = marker, .offset = w->in.position - 2};
    const uint32_t length = vit158_bytes_u16(&w->in, true);
    if (w->in.failed)
        return truncated(w, error);
    if (length < 2)
        return damaged(out, "bad length", error);
    const uint8_t *data = vit158_bytes_take(&w->in, length - 2);
    if (data == NULL)
        return truncated(w, error);
    out->in = vit158_bytes_over(data, length - 2);
    return VIT158_OK;
}

/* libjpeg keeps the tables that a component's first scan finds. stb_image takes the last ones of a
 * progressive image: jpeg_repair.c takes out those behind all first scans. */
static vit158_status take_quantizers(walk *w, segment *s, vit158_error *error)
{
    if (w->info->progressive && w->begun >= w->info->components)
        return damaged(s, "quantization tables behind the scans that use them", error);
    while (vit158_bytes_left(&s->in) > 0) {
        const uint32_t head = vit158_bytes_u8(&s->in);
        if (head >> 4 > 1 || (head & 15) > 3)
            return damaged(s, "bad quantization table number", error);
        vit158_bytes_take(&s->in, head >> 4 == 1 ? 128 : 64);
        if (s->in.failed)
            return damaged(s, "a short quantization table", error);
        w->quantizer[head & 15] = true;
    }
    return VIT158_OK;
}

static vit158_status take_huffman(walk *w, segment *s, vit158_error *error)
{
    while (vit158_bytes_left(&s->in) > 0) {
        const uint32_t head = vit158_bytes_u8(&s->in);
        if (head >> 4 > 1 || (head & 15) > 3)
            return damaged(s, "bad Huffman table number", error);
        const uint8_t *counts = vit158_bytes_take(&s->in, 16);
        if (counts == NULL)
            return damaged(s, "a short Huffman table", error);
        const uint32_t total = vit158_jpeg_table_values(counts);
        if (total > 256 || !vit158_jpeg_codes_fit(counts))
            return damaged(s, "too many Huffman codes", error);
        const uint8_t *values = vit158_bytes_take(&s->in, total);
        if (values == NULL)
            return damaged(s, "a short Huffman table", error);
        if (head >> 4 == 0 && !vit158_jpeg_values_fit(values, total))
            return damaged(s, "a bad DC code", error);
        w->huffman[head >> 4][head & 15] = total > 0;
    }
    return VIT158_OK;
}

static vit158_status take_component(walk *w, segment *s, vit158_error *error)
{
    vit158_jpeg_info *info = w->info;
    vit158_jpeg_component *c = &info->component[info->components];
    c->id = vit158_bytes_u8(&s->in);
    const uint32_t sampling = vit158_bytes_u8(&s->in);
    c->across = (uint8_t)(sampling >> 4);
    c->down = sampling & 15;
    c->quantizer = vit158_bytes_u8(&s->in);
    if (c->across < 1 || c->across > 4 || c->down < 1 || c->down > 4)
        return damaged(s, "a bad sampling factor", error);
    if (c->quantizer > 3)
        return damaged(s, "a bad quantization table number", error);
    for (uint32_t i = 0; i < info->components; i++)
        if (info->component[i].id == c->id)
            return damaged(s, "a repeated component", error);
    info->across_max = c->across > info->across_max ? c->across : info->across_max;
    info->down_max = c->down > info->down_max ? c->down : info->down_max;
    info->components++;
    return VIT158_OK;
}

static vit158_status take_frame(walk *w, segment *s, vit158_error *error)
{
    vit158_jpeg_info *info = w->info;
    if (info->components != 0)
        return damaged(s, "a second frame header", error);
    info->progressive = s->marker == VIT158_JPEG_SOF2;
    const uint32_t precision = vit158_bytes_u8(&s->in);
    info->height = vit158_bytes_u16(&s->in, true);
    info->width = vit158_bytes_u16(&s->in, true);
    const uint32_t n = vit158_bytes_u8(&s->in);
    if (s->in.failed || s->in.n_bytes != 6 + 3 * n)
        return damaged(s, "bad length", error);
    if (precision != 8)
        return vit158_fail(error, VIT158_E_UNSUPPORTED, "JPEG: %u bits a sample, only 8 are read",
                           precision);
    if (info->width == 0 || n == 0)
        return damaged(s, "an empty image", error);
    if (info->height == 0)
        return vit158_fail(error, VIT158_E_UNSUPPORTED, "JPEG: the header gives no height");
    if (n != 1 && n != 3 && n != 4)
        return vit158_fail(error, VIT158_E_UNSUPPORTED, "JPEG: %u components", n);
    if (info->width > VIT158_MAX_IMAGE_SIDE || info->height > VIT158_MAX_IMAGE_SIDE)
        return vit158_fail(error, VIT158_E_LIMIT, "JPEG: %u x %u pixels, at most %d a side",
                           info->width, info->height, VIT158_MAX_IMAGE_SIDE);
    while (info->components < n)
        VIT158_RETURN_IF_ERROR(take_component(w, s, error));
    for (uint32_t i = 0; i < n; i++)
        if (info->across_max % info->component[i].across != 0 ||
            info->down_max % info->component[i].down != 0)
            return vit158_fail(error, VIT158_E_UNSUPPORTED, "JPEG: fractional subsampling");
    return VIT158_OK;
}

static vit158_jpeg_component *find_component(vit158_jpeg_info *info, uint32_t id)
{
    for (uint32_t i = 0; i < info->components; i++)
        if (info->component[i].id == id)
            return &info->component[i];
    return NULL;
}

/* One component of a scan whose spectral band starts at `first` and is refined if `refines`. */
static vit158_status check_scan_component(walk *w, segment *s, uint32_t id, uint32_t tables,
                                          uint32_t first, bool refines, vit158_error *error)
{
    const bool progressive = w->info->progressive;
    vit158_jpeg_component *c = find_component(w->info, id);
    if (c == NULL)
        return damaged(s, "an unknown component", error);
    if (!w->quantizer[c->quantizer])
        return damaged(s, "an undefined quantization table", error);
    const uint32_t dc = tables >> 4, ac = tables & 15;
    const bool needs_dc = first == 0 && !refines;
    const bool needs_ac = !progressive || first > 0;
    if (dc > 3 || ac > 3 || (needs_dc && !w->huffman[0][dc]) || (needs_ac && !w->huffman[1][ac]))
        return damaged(s, "an undefined Huffman table", error);
    if (needs_dc ? c->begun : !c->begun)
        return damaged(s, "a component out of order", error);
    c->begun = true;
    return VIT158_OK;
}

static vit158_status take_scan(walk *w, segment *s, vit158_error *error)
{
    vit158_jpeg_info *info = w->info;
    if (info->components == 0)
        return damaged(s, "a scan before the frame header", error);
    if (++info->scans > VIT158_JPEG_MAX_SCANS)
        return vit158_fail(error, VIT158_E_LIMIT, "JPEG: more than %d scans",
                           VIT158_JPEG_MAX_SCANS);
    if ((uint64_t)info->scans * info->width * info->height > MAX_WORK)
        return vit158_fail(error, VIT158_E_LIMIT,
                           "JPEG: more than %u scans of %u x %u pixels are more work than the "
                           "limit of %u pixels; save the image smaller, or baseline",
                           info->scans - 1, info->width, info->height, MAX_WORK);
    const uint32_t n = vit158_bytes_u8(&s->in);
    const uint8_t *list = vit158_bytes_take(&s->in, (size_t)2 * n);
    const uint32_t first = vit158_bytes_u8(&s->in);
    const uint32_t last = vit158_bytes_u8(&s->in);
    const uint32_t approximation = vit158_bytes_u8(&s->in);
    if (s->in.failed || vit158_bytes_left(&s->in) != 0)
        return damaged(s, "bad length", error);
    if (n < 1 || n > info->components)
        return damaged(s, "a bad number of components", error);
    const uint32_t high = approximation >> 4, low = approximation & 15;
    const bool band = info->progressive ? first <= last && last <= 63 && high <= 13 && low <= 13 &&
                                              (first == 0 ? last == 0 : n == 1)
                                        : first == 0 && approximation == 0;
    if (!band)
        return damaged(s, "a bad spectral band", error);
    if (info->progressive && first == 0 && high == 0)
        w->begun += n;
    for (uint32_t i = 0; i < n; i++)
        VIT158_RETURN_IF_ERROR(
            check_scan_component(w, s, list[2 * i], list[2 * i + 1], first, high != 0, error));
    return VIT158_OK;
}

/* Entropy-coded data: up to a marker that is neither a restart nor a stuffed zero. stb_image knows
 * no restart behind the last interval. */
static vit158_status skip_entropy(walk *w, vit158_error *error)
{
    const size_t begin = w->in.position;
    const uint8_t *data = w->in.data;
    size_t at = begin, behind_restart = SIZE_MAX;
    for (;;) {
        const size_t left = w->in.n_bytes - at;
        const uint8_t *found = left > 0 ? memchr(data + at, 0xFF, left) : NULL;
        if (found == NULL || (size_t)(found - data) + 1 == w->in.n_bytes)
            return truncated(w, error);
        at = (size_t)(found - data);
        const uint32_t next = data[at + 1];
        if (next == 0xFF) { /* fill byte */
            behind_restart += at == behind_restart;
            at++;
        } else if (next == 0) {
            at += 2;
        } else if (next >= VIT158_JPEG_RST0 && next <= VIT158_JPEG_RST7) {
            at += 2;
            behind_restart = at;
        } else {
            break;
        }
    }
    if (at == behind_restart)
        return vit158_fail(error, VIT158_E_IMAGE,
                           "JPEG: a restart behind the last interval before byte %zu", at);
    w->info->entropy_bytes += at - begin;
    w->in.position = at;
    return VIT158_OK;
}

static void take_exif(walk *w, const segment *s)
{
    const size_t head = 6;
    if (w->seen_exif || s->in.n_bytes < head || memcmp(s->in.data, "Exif\0", head) != 0)
        return;
    w->seen_exif = true;
    w->info->orientation = vit158_exif_orientation(s->in.data + head, s->in.n_bytes - head);
}

static vit158_status take_segment(walk *w, segment *s, vit158_error *error)
{
    switch (s->marker) {
    case VIT158_JPEG_DQT:
        return take_quantizers(w, s, error);
    case VIT158_JPEG_DHT:
        return take_huffman(w, s, error);
    case VIT158_JPEG_SOS:
        VIT158_RETURN_IF_ERROR(take_scan(w, s, error));
        return skip_entropy(w, error);
    case VIT158_JPEG_DRI:
        return s->in.n_bytes == 2 ? VIT158_OK : damaged(s, "bad length", error);
    case VIT158_JPEG_APP1:
        take_exif(w, s);
        return VIT158_OK;
    case VIT158_JPEG_APP0:
        w->jfif = w->jfif || vit158_jpeg_is_jfif(s->in.data, s->in.n_bytes);
        return VIT158_OK;
    case VIT158_JPEG_APP14:
        if (s->in.n_bytes >= 12 && memcmp(s->in.data, "Adobe", 6) == 0)
            w->adobe = s->in.data[11];
        return VIT158_OK;
    default:
        if (s->marker >= VIT158_JPEG_SOF0 && s->marker <= VIT158_JPEG_SOF2)
            return take_frame(w, s, error);
        if (s->marker == VIT158_JPEG_DAC || s->marker == VIT158_JPEG_SOF9 ||
            s->marker == VIT158_JPEG_SOF10)
            return vit158_fail(error, VIT158_E_UNSUPPORTED,
                               "JPEG: arithmetic coding is not read, as in browsers; save the "
                               "image with Huffman coding");
        if ((s->marker > VIT158_JPEG_SOF2 && s->marker <= VIT158_JPEG_SOF15) ||
            s->marker == VIT158_JPEG_DHP || s->marker == VIT158_JPEG_EXP)
            return vit158_fail(error, VIT158_E_UNSUPPORTED,
                               "JPEG: only baseline and progressive Huffman coding are read, "
                               "not coding process %u",
                               s->marker - VIT158_JPEG_SOF0);
        if ((s->marker >= VIT158_JPEG_APP0 && s->marker <= VIT158_JPEG_APP15) ||
            s->marker == VIT158_JPEG_COM)
            return VIT158_OK; /* DNL, which other decoders skip, is taken out by jpeg_repair.c */
        return damaged(s, "unknown marker", error);
    }
}

static uint64_t blocks_of(uint32_t side, uint32_t factor, uint32_t factor_max)
{
    const uint32_t samples = (side * factor + factor_max - 1) / factor_max;
    return (samples + 7) / 8;
}

static vit158_status check_end(const walk *w, vit158_error *error)
{
    const vit158_jpeg_info *info = w->info;
    if (info->components == 0)
        return vit158_fail(error, VIT158_E_IMAGE, "JPEG: no frame header");
    uint64_t blocks = 0;
    for (uint32_t i = 0; i < info->components; i++) {
        const vit158_jpeg_component *c = &info->component[i];
        if (!c->begun)
            return vit158_fail(error, VIT158_E_TRUNCATED, "JPEG: no scan of component %u",
                               (uint32_t)c->id);
        blocks += blocks_of(info->width, c->across, info->across_max) *
                  blocks_of(info->height, c->down, info->down_max);
    }
    /* A block takes at least one bit. So no memory is taken for an image that cannot be there. */
    if (blocks > info->entropy_bytes * 8)
        return vit158_fail(error, VIT158_E_TRUNCATED,
                           "JPEG: %llu bytes of compressed data cannot hold %u x %u pixels",
                           (unsigned long long)info->entropy_bytes, info->width, info->height);
    /* stb_image takes other four-channel images for YCbCr, libjpeg for CMYK. */
    if (info->components == 4 && w->adobe != 0 && w->adobe != 2)
        return vit158_fail(error, VIT158_E_UNSUPPORTED,
                           "JPEG: four components without an Adobe marker for CMYK or YCCK");
    /* stb_image takes components called R, G and B for these colours, whatever the file says. */
    const vit158_jpeg_component *c = info->component;
    if (info->components == 3 && c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B' &&
        vit158_jpeg_is_ycc(w->jfif, w->adobe))
        return vit158_fail(error, VIT158_E_IMAGE, "JPEG: YCbCr components that are called R, G, B");
    return VIT158_OK;
}

vit158_status vit158_jpeg_check(vit158_jpeg_info *out, const uint8_t *bytes, size_t n_bytes,
                                vit158_error *error)
{
    *out = (vit158_jpeg_info){.orientation = 1};
    walk w = {.in = vit158_bytes_over(bytes, n_bytes), .info = out, .adobe = -1};
    vit158_bytes_take(&w.in, 2);
    for (;;) {
        uint32_t marker = 0;
        VIT158_RETURN_IF_ERROR(next_marker(&marker, &w, error));
        if (marker == VIT158_JPEG_EOI)
            return check_end(&w, error);
        segment s = {.marker = marker, .offset = w.in.position - 2};
        if (marker <= 1 || (marker >= VIT158_JPEG_RST0 && marker <= VIT158_JPEG_SOI))
            return damaged(&s, "misplaced marker", error);
        VIT158_RETURN_IF_ERROR(read_segment(&s, &w, marker, error));
        VIT158_RETURN_IF_ERROR(take_segment(&w, &s, error));
    }
}

uint64_t vit158_jpeg_memory(const vit158_jpeg_info *info)
{
    const uint64_t area = (uint64_t)info->width * info->height;
    const uint64_t shown = area * (info->components == 1 ? 1 : 3);
    const uint32_t mcu_width = 8 * info->across_max, mcu_height = 8 * info->down_max;
    const uint64_t mcus = (uint64_t)((info->width + mcu_width - 1) / mcu_width) *
                          ((info->height + mcu_height - 1) / mcu_height);
    uint64_t planes = 0;
    for (uint32_t i = 0; i < info->components; i++)
        planes += mcus * 64 * info->component[i].across * info->component[i].down;
    const uint64_t lines = (uint64_t)info->components * info->width;
    /* Samples, coefficients (16 bits, kept only between scans), line buffers, result. */
    const uint64_t decoding = planes * (info->progressive ? 3 : 1) + lines + shown;
    const uint64_t turning = vit158_orientation_swaps(info->orientation) ? 2 * shown : 0;
    return (decoding > turning ? decoding : turning) + SLACK_BYTES;
}
