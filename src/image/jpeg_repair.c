/* SPDX-License-Identifier: MIT */
#include "image/jpeg_repair.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "image/jpeg_markers.h"
#include "image/jpeg_tables.h"

typedef struct repair {
    vit158_bytes in;
    uint8_t *out;
    size_t n_out;
    bool table[2][2];    /* Huffman tables 0 and 1 that are defined, [DC, AC] */
    uint32_t components; /* of the frame; 0 before its header */
    uint32_t scanned;    /* components of the scans so far, of a progressive image of first ones */
    uint32_t scans;
    bool sequential;
    int adobe;        /* colour transform of the Adobe segment, -1 without */
    bool jfif;        /* has a JFIF segment */
    size_t frame;     /* where the frame header's components begin in `out` */
    uint8_t names[4]; /* of the components, once they are renamed 1, 2, ... */
    uint32_t renamed; /* so many of them; a later frame header may say that there are more */
} repair;

static void put(repair *r, const uint8_t *bytes, size_t n_bytes)
{
    memcpy(r->out + r->n_out, bytes, n_bytes);
    r->n_out += n_bytes;
}

/* A segment with its marker and length field. */
static void put_segment(repair *r, uint32_t marker, const uint8_t *data, size_t n_bytes)
{
    const uint8_t head[] = {0xFF, (uint8_t)marker, (uint8_t)((n_bytes + 2) >> 8),
                            (uint8_t)(n_bytes + 2)};
    put(r, head, sizeof head);
    put(r, data, n_bytes);
}

static size_t end_with(repair *r, uint32_t marker)
{
    put(r, (const uint8_t[]){0xFF, (uint8_t)marker}, 2);
    return r->n_out;
}

/* The next marker, over whatever stands before it; false at the end of the file. */
static bool next_marker(uint32_t *marker, vit158_bytes *in)
{
    uint32_t byte = 0;
    do {
        do
            byte = vit158_bytes_u8(in);
        while (byte != 0xFF && !in->failed);
        while (byte == 0xFF) /* 0 behind the end */
            byte = vit158_bytes_u8(in);
    } while (byte == 0 && !in->failed);
    *marker = byte;
    return !in->failed;
}

/* Decoders skip the data of these without looking. */
static bool is_comment(uint32_t marker)
{
    return (marker >= VIT158_JPEG_APP0 && marker <= VIT158_JPEG_APP15) ||
           marker == VIT158_JPEG_COM || marker == VIT158_JPEG_DNL;
}

static bool is_known(uint32_t marker)
{
    return is_comment(marker) || (marker >= VIT158_JPEG_SOF0 && marker <= VIT158_JPEG_SOF15) ||
           (marker >= VIT158_JPEG_SOS && marker <= VIT158_JPEG_DRI);
}

/* Whether the scans so far make a whole image: what follows can only be a trailer. */
static bool is_whole(const repair *r)
{
    return r->sequential && r->components > 0 && r->scanned >= r->components;
}

static void note_frame(repair *r, uint32_t marker, const uint8_t *data, size_t n_bytes)
{
    r->sequential = marker == VIT158_JPEG_SOF0 || marker == VIT158_JPEG_SOF1;
    if (n_bytes >= 6)
        r->components = data[5];
    r->frame = r->n_out + 4 + 6;
}

#define COMPONENT_BYTES 3 /* of the frame header: name, sampling, table */

/* Names that mislead: R, G and B for YCbCr, or the same for two components. */
static bool must_rename(const repair *r, const uint8_t *names)
{
    static const uint8_t letters[] = {'R', 'G', 'B'};
    if (r->components == 3 && memcmp(names, letters, 3) == 0)
        return vit158_jpeg_is_ycc(r->jfif, r->adobe);
    for (uint32_t i = 1; r->sequential && i < r->components; i++)
        if (memchr(names, names[i], i) != NULL)
            return true;
    return false;
}

/* Calls the components 1, 2, ... if their names mislead. */
static void rename_components(repair *r)
{
    uint8_t *header = r->out + r->frame;
    if (r->components == 0 || r->components > sizeof r->names ||
        r->frame + (size_t)r->components * COMPONENT_BYTES > r->n_out)
        return;
    for (uint32_t i = 0; i < r->components; i++)
        r->names[i] = header[(size_t)i * COMPONENT_BYTES];
    r->renamed = must_rename(r, r->names) ? r->components : 0;
    for (uint32_t i = 0; i < r->renamed; i++)
        header[(size_t)i * COMPONENT_BYTES] = (uint8_t)(i + 1);
}

/* The same names in a scan's header of `n_bytes` bytes, which was put last. Among components of one
 * name libjpeg takes the first that is not before this place in the list; 0 is nobody's name. */
static void rename_selectors(repair *r, size_t n_bytes)
{
    uint8_t *data = r->out + r->n_out - n_bytes;
    for (uint32_t i = 0; r->renamed > 0 && n_bytes > 0 && i < data[0] && 2 + 2 * i < n_bytes; i++) {
        uint8_t *name = &data[1 + 2 * i];
        uint32_t c = 0;
        while (c < r->renamed && (r->names[c] != *name || c < i))
            c++;
        *name = c < r->renamed ? (uint8_t)(c + 1) : 0;
    }
}

/* Huffman tables. Decoders look at one when a scan uses it: a damaged one becomes an empty one,
 * which no scan may use. */
static void put_tables(repair *r, const uint8_t *data, size_t n_bytes)
{
    const size_t segment = r->n_out;
    put_segment(r, VIT158_JPEG_DHT, data, 0);
    vit158_bytes in = vit158_bytes_over(data, n_bytes);
    while (vit158_bytes_left(&in) > 0) {
        const uint8_t *table = data + in.position;
        const uint32_t head = vit158_bytes_u8(&in);
        const uint8_t *counts = vit158_bytes_take(&in, 16);
        const uint32_t n_values = counts != NULL ? vit158_jpeg_table_values(counts) : 0;
        const uint8_t *values = vit158_bytes_take(&in, n_values);
        if (in.failed || n_values > 256) { /* broken for all */
            put(r, table, n_bytes - (size_t)(table - data));
            break;
        }
        if ((head & 0xEE) == 0)
            r->table[head >> 4][head & 1] = true;
        static const uint8_t empty[16];
        const bool fine = vit158_jpeg_codes_fit(counts) &&
                          (head >> 4 != 0 || vit158_jpeg_values_fit(values, n_values));
        put(r, table, 1);
        put(r, fine ? counts : empty, 16);
        put(r, values, fine ? n_values : 0);
    }
    const size_t length = r->n_out - segment - 2;
    r->out[segment + 2] = (uint8_t)(length >> 8);
    r->out[segment + 3] = (uint8_t)length;
}

/* What libjpeg assumes where the file is silent, before the first scan. */
static void put_defaults(repair *r)
{
    for (int ac = 0; r->sequential && ac < 2; ac++)
        for (int number = 0; number < 2; number++) {
            uint8_t data[1 + VIT158_JPEG_MOST_TABLE_BYTES];
            size_t n_bytes;
            const uint8_t *table = vit158_jpeg_table(&n_bytes, ac, number);
            data[0] = (uint8_t)(ac << 4 | number);
            memcpy(data + 1, table, n_bytes);
            if (!r->table[ac][number])
                put_segment(r, VIT158_JPEG_DHT, data, n_bytes + 1);
        }
    /* CMYK without an Adobe segment, YCCK with one that names another transform. */
    if (r->components == 4 && r->adobe != 0 && r->adobe != 2) {
        uint8_t adobe[12] = "Adobe";
        adobe[11] = r->adobe < 0 ? 0 : 2;
        put_segment(r, VIT158_JPEG_APP14, adobe, sizeof adobe);
    }
}

/* Restarts are between two intervals. Length of those at the end of a scan's data, which hold no
 * other marker, and of bytes that fill. */
static size_t behind_last_interval(const uint8_t *data, size_t n_bytes)
{
    size_t end = n_bytes;
    for (;;) {
        if (end >= 1 && data[end - 1] == 0xFF)
            end--;
        else if (end >= 2 && data[end - 2] == 0xFF && data[end - 1] >= VIT158_JPEG_RST0)
            end -= 2;
        else
            return n_bytes - end;
    }
}

/* The header of a scan, and its data up to a marker that is not a restart. */
static void put_scan(repair *r, const uint8_t *data, size_t n_bytes)
{
    if (r->scans++ == 0) {
        put_defaults(r);
        rename_components(r);
    }
    if (n_bytes >= 3 && (r->sequential || (data[n_bytes - 3] == 0 && data[n_bytes - 1] >> 4 == 0)))
        r->scanned += data[0];
    put_segment(r, VIT158_JPEG_SOS, data, n_bytes);
    rename_selectors(r, n_bytes);
    if (r->sequential && n_bytes >= 3) /* decoders look at these in progressive images only */
        memcpy(r->out + r->n_out - 3, (const uint8_t[]){0, 63, 0}, 3);
    const uint8_t *bytes = r->in.data;
    const size_t begin = r->in.position, end = r->in.n_bytes;
    size_t at = begin;
    while (at < end) {
        const uint32_t next = at + 1 < end ? bytes[at + 1] : 0;
        if (bytes[at] != 0xFF || next == 0xFF)
            at++;
        else if (next == 0 || (next >= VIT158_JPEG_RST0 && next <= VIT158_JPEG_RST7))
            at += 2;
        else
            break;
    }
    at = at < end ? at : end;
    r->in.position = at;
    at -= behind_last_interval(bytes + begin, at - begin);
    put(r, bytes + begin, at - begin);
}

static void put_known(repair *r, uint32_t marker, const uint8_t *data, size_t n_bytes)
{
    if (marker == VIT158_JPEG_SOS) {
        put_scan(r, data, n_bytes);
        return;
    }
    if (marker == VIT158_JPEG_DQT && !r->sequential && r->components > 0 &&
        r->scanned >= r->components)
        return; /* of no use any more (jpeg_check.c) */
    if (marker == VIT158_JPEG_DNL)
        return; /* the height is in the frame header; stb_image refuses another one */
    if (marker == VIT158_JPEG_DHT) {
        put_tables(r, data, n_bytes);
        return;
    }
    if (marker == VIT158_JPEG_APP14 && n_bytes >= 12 && memcmp(data, "Adobe", 6) == 0)
        r->adobe = data[11];
    else if (marker == VIT158_JPEG_APP0)
        r->jfif = r->jfif || vit158_jpeg_is_jfif(data, n_bytes);
    else if (marker <= VIT158_JPEG_SOF2) /* the first of those known */
        note_frame(r, marker, data, n_bytes);
    put_segment(r, marker, data, n_bytes);
}

/* The end of a whole image whose trailer is no segment, if an end marker lies behind it. */
static size_t end_before_trailer(repair *r, size_t from)
{
    for (size_t at = from; at + 1 < r->in.n_bytes; at++)
        if (r->in.data[at] == 0xFF && r->in.data[at + 1] == VIT158_JPEG_EOI)
            return end_with(r, VIT158_JPEG_EOI);
    return 0;
}

size_t vit158_jpeg_repair(uint8_t *out, const uint8_t *bytes, size_t n_bytes)
{
    repair r = {.in = vit158_bytes_over(bytes, n_bytes), .out = out, .adobe = -1};
    vit158_bytes_take(&r.in, 2);
    end_with(&r, VIT158_JPEG_SOI);
    uint32_t marker;
    while (next_marker(&marker, &r.in)) {
        if (marker == VIT158_JPEG_EOI)
            return end_with(&r, marker);
        if (marker == VIT158_JPEG_TEM || (marker >= VIT158_JPEG_RST0 && marker <= VIT158_JPEG_RST7))
            continue; /* markers without a segment */
        const size_t offset = r.in.position;
        const uint32_t length = vit158_bytes_u16(&r.in, true);
        if (length < 2 && is_comment(marker) && !r.in.failed)
            continue; /* nothing but the length field */
        const uint8_t *data = length >= 2 ? vit158_bytes_take(&r.in, length - 2) : NULL;
        if (data != NULL && is_known(marker))
            put_known(&r, marker, data, length - 2);
        else
            return is_whole(&r) ? end_before_trailer(&r, offset) : 0;
    }
    return 0;
}
