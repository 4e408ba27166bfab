/* SPDX-License-Identifier: MIT */
#include "image/webp_check.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "image/exif.h"

#define RIFF_HEAD 12 /* "RIFF", length, "WEBP" */
#define FLAG_ANIMATION 0x02

typedef struct chunk {
    char name[4];
    const uint8_t *data;
    uint32_t n_bytes;
} chunk;

static bool is_named(const chunk *c, const char *name)
{
    return memcmp(c->name, name, sizeof c->name) == 0;
}

/* The next chunk; false at the end, and where the file is cut. */
static bool next_chunk(chunk *out, vit158_bytes *in)
{
    const uint8_t *name = vit158_bytes_take(in, sizeof out->name);
    out->n_bytes = vit158_bytes_u32(in, false);
    out->data = vit158_bytes_take(in, out->n_bytes);
    if (out->data == NULL)
        return false;
    memcpy(out->name, name, sizeof out->name);
    if (out->n_bytes % 2 == 1 && vit158_bytes_left(in) > 0)
        vit158_bytes_take(in, 1);
    return true;
}

static uint32_t u24(vit158_bytes *in)
{
    const uint32_t low = vit158_bytes_u16(in, false);
    return low | (uint32_t)vit158_bytes_u8(in) << 16;
}

/* A frame's place and size, and behind them the chunks of its image. */
static vit158_status read_frame(vit158_webp_info *out, const chunk *frame, vit158_error *error)
{
    vit158_bytes in = vit158_bytes_over(frame->data, frame->n_bytes);
    out->x = 2 * u24(&in);
    out->y = 2 * u24(&in);
    out->image_width = u24(&in) + 1;
    out->image_height = u24(&in) + 1;
    vit158_bytes_take(&in, 4); /* how long it is shown, and how it goes */
    if (in.failed)
        return vit158_fail(error, VIT158_E_IMAGE, "WebP: a frame of %u bytes", frame->n_bytes);
    if (out->x + out->image_width > out->width || out->y + out->image_height > out->height)
        return vit158_fail(error, VIT158_E_IMAGE,
                           "WebP: a frame of %u x %u pixels at %u, %u is not inside the canvas of "
                           "%u x %u",
                           out->image_width, out->image_height, out->x, out->y, out->width,
                           out->height);
    out->image = in.data + in.position;
    out->image_bytes = vit158_bytes_left(&in);
    return VIT158_OK;
}

/* Orientation is what the first EXIF chunk says; some writers put the words of JPEG before it. */
static uint32_t orientation_of(const chunk *exif)
{
    const uint32_t words = exif->n_bytes >= 6 && memcmp(exif->data, "Exif\0\0", 6) == 0 ? 6 : 0;
    return vit158_exif_orientation(exif->data + words, exif->n_bytes - words);
}

vit158_status vit158_webp_check(vit158_webp_info *out, const uint8_t *bytes, size_t n_bytes,
                                vit158_error *error)
{
    *out = (vit158_webp_info){.image = bytes, .image_bytes = n_bytes, .orientation = 1};
    vit158_bytes in = vit158_bytes_over(bytes, n_bytes);
    in.position = RIFF_HEAD;
    chunk c;
    if (!next_chunk(&c, &in))
        return vit158_fail(error, VIT158_E_TRUNCATED,
                           "WebP: the file ends at byte %zu, before its "
                           "image does",
                           n_bytes);
    if (!is_named(&c, "VP8X"))
        return VIT158_OK; /* nothing but an image */
    vit158_bytes head = vit158_bytes_over(c.data, c.n_bytes);
    const bool animated = (vit158_bytes_u32(&head, false) & FLAG_ANIMATION) != 0;
    out->width = u24(&head) + 1;
    out->height = u24(&head) + 1;
    if (head.failed)
        return vit158_fail(error, VIT158_E_IMAGE, "WebP: a header of %u bytes", c.n_bytes);
    if (out->width > VIT158_MAX_IMAGE_SIDE || out->height > VIT158_MAX_IMAGE_SIDE)
        return vit158_fail(error, VIT158_E_LIMIT, "WebP: %u x %u pixels, at most %d a side",
                           out->width, out->height, VIT158_MAX_IMAGE_SIDE);
    bool has_frame = false, has_exif = false;
    while (next_chunk(&c, &in)) {
        if (animated && !has_frame && is_named(&c, "ANMF")) {
            VIT158_RETURN_IF_ERROR(read_frame(out, &c, error));
            has_frame = true;
        } else if (!has_exif && is_named(&c, "EXIF")) {
            out->orientation = orientation_of(&c);
            has_exif = true;
        }
    }
    if (animated && !has_frame)
        return vit158_fail(error, VIT158_E_TRUNCATED, "WebP: an animation without a whole frame");
    return VIT158_OK;
}
