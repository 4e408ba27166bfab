/* SPDX-License-Identifier: MIT
 *
 * vit158_image_decode: recognise the file, check its structure and size, decode, upright it.
 */
#include <string.h>

#include "base/error.h"
#include "image/jpeg_check.h"
#include "image/jpeg_repair.h"
#include "image/png_check.h"
#include "image/stb.h"
#include "image/webp.h"
#include "image/webp_check.h"
#include "vit158.h"

/* What is read. JavaScript, for which the wasm module speaks, has another module for WebP. */
#if defined(VIT158_HAVE_WEBP) || defined(__wasm__)
#define READ "JPEG, PNG and WebP"
#else
#define READ "JPEG and PNG"
#endif

#define MOST_BYTES ((size_t)INT32_MAX) /* stb_image counts in int */

static const char png_signature[] = "\x89PNG\r\n\x1A\n";
static const char jpeg_signature[] = "\xFF\xD8\xFF";

/* Other formats, by name, for a helpful sentence. */
static const char *other_format(const uint8_t *bytes, size_t n_bytes)
{
    static const struct {
        const char *name;
        uint32_t offset;
        uint32_t n_bytes;
        const char *magic;
    } formats[] = {{"GIF", 0, 4, "GIF8"},
                   {"AVIF", 4, 8, "ftypavif"},
                   {"AVIF", 4, 8, "ftypavis"},
                   {"HEIC", 4, 7, "ftyphei"},
                   {"HEIC", 4, 7, "ftyphev"},
                   {"HEIC", 4, 8, "ftypmif1"},
                   {"HEIC", 4, 8, "ftypmsf1"},
                   {"a video", 4, 4, "ftyp"},
                   {"a video", 0, 4, "\x1A\x45\xDF\xA3"},
                   {"TIFF", 0, 4, "II*\0"},
                   {"TIFF", 0, 4, "MM\0*"},
                   {"JPEG XL", 0, 2, "\xFF\x0A"},
                   {"JPEG XL", 4, 4, "JXL "},
                   {"JPEG 2000", 4, 4, "jP  "},
                   {"BMP", 0, 2, "BM"},
                   {"SVG", 0, 4, "<svg"},
                   {"PDF", 0, 5, "%PDF-"}};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (n_bytes >= formats[i].offset + formats[i].n_bytes &&
            memcmp(bytes + formats[i].offset, formats[i].magic, formats[i].n_bytes) == 0)
            return formats[i].name;
    return NULL;
}

static vit158_status unknown_format(const uint8_t *bytes, size_t n_bytes, vit158_error *error)
{
    if (n_bytes == 0)
        return vit158_fail(error, VIT158_E_FORMAT, "image: the file is empty");
    const size_t png = sizeof png_signature - 1, jpeg = sizeof jpeg_signature - 1;
    if ((n_bytes < png && memcmp(bytes, png_signature, n_bytes) == 0) ||
        (n_bytes < jpeg && memcmp(bytes, jpeg_signature, n_bytes) == 0))
        return vit158_fail(error, VIT158_E_TRUNCATED, "image: only %zu bytes", n_bytes);
    /* UNREACHABLE: where libwebp is, WebP was decoded. */
    if (vit158_is_webp(bytes, n_bytes))
        return vit158_fail(error, VIT158_E_UNSUPPORTED,
                           "image: WebP is not read by this build, which has no libwebp; save the "
                           "image as JPEG, for example with `convert in.webp out.jpg`");
    const char *name = other_format(bytes, n_bytes);
    if (name != NULL)
        return vit158_fail(error, VIT158_E_UNSUPPORTED,
                           "image: %s is not supported, only " READ " are; save the "
                           "image as JPEG, for example with `convert in out.jpg`",
                           name);
    return vit158_fail(error, VIT158_E_FORMAT, "image: neither JPEG, PNG nor WebP");
}

/* Keeps the first `to` of every `from` bytes. */
static void drop_channels(vit158_decoded *image, uint32_t to)
{
    const size_t n = (size_t)image->width * image->height;
    for (size_t i = 0; i < n; i++)
        for (uint32_t c = 0; c < to; c++)
            image->data[i * to + c] = image->data[i * image->channels + c];
    image->channels = to;
}

/* Indices become colours. stb_image has stretched them to 0..255 as if they were grey. */
static vit158_status look_up_palette(vit158_decoded *image, const uint8_t *bytes,
                                     const vit158_png_info *info, vit158_error *error)
{
    const size_t n = (size_t)image->width * image->height;
    const uint32_t stretch = 255 / ((1U << info->depth) - 1);
    const uint8_t *palette = bytes + info->palette_offset;
    uint8_t *colors = vit158_block_alloc(n * 3);
    if (colors == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "PNG: no memory for %u x %u pixels",
                           image->width, image->height);
    for (size_t i = 0; i < n; i++) {
        const uint32_t index = image->data[i] / stretch;
        if (index < info->palette_count) /* else black, as PNG's third edition has it (13.1) */
            memcpy(colors + i * 3, palette + (size_t)index * 3, 3);
    }
    vit158_block_free(image->data);
    image->data = colors;
    image->channels = 3;
    return VIT158_OK;
}

static vit158_status decode_checked_jpeg(vit158_decoded *out, const vit158_jpeg_info *info,
                                         const uint8_t *bytes, size_t n_bytes, size_t max_bytes,
                                         vit158_error *error)
{
    const uint64_t needed = vit158_jpeg_memory(info);
    VIT158_RETURN_IF_ERROR(
        vit158_decoded_fits(needed, max_bytes, info->width, info->height, error));
    VIT158_RETURN_IF_ERROR(
        vit158_stb_jpeg(out, bytes, n_bytes, info->components, (size_t)needed, error));
    return vit158_decoded_turn(out, info->orientation, error);
}

/* A file that broke a rule with `status`: if a mended copy breaks none, that is decoded. */
static vit158_status decode_mended_jpeg(vit158_decoded *out, vit158_status status,
                                        const uint8_t *bytes, size_t n_bytes, size_t max_bytes,
                                        vit158_error *error)
{
    const size_t room = n_bytes + VIT158_JPEG_REPAIR_BYTES;
    if (room > MOST_BYTES || room > max_bytes)
        return status;
    uint8_t *copy = vit158_block_alloc(room);
    if (copy == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "JPEG: no memory to mend %zu bytes", n_bytes);
    const size_t n_copy = vit158_jpeg_repair(copy, bytes, n_bytes);
    vit158_jpeg_info info;
    vit158_error unused;
    const vit158_status checked =
        n_copy > 0 ? vit158_jpeg_check(&info, copy, n_copy, &unused) : VIT158_E_TRUNCATED;
    if (checked == VIT158_OK)
        status = decode_checked_jpeg(out, &info, copy, n_copy, max_bytes - room, error);
    else if (checked == VIT158_E_LIMIT)
        status = vit158_fail(error, VIT158_E_LIMIT, "%s", unused.message);
    vit158_block_free(copy);
    return status;
}

static vit158_status decode_jpeg(vit158_decoded *out, const uint8_t *bytes, size_t n_bytes,
                                 size_t max_bytes, vit158_error *error)
{
    vit158_jpeg_info info;
    const vit158_status status = vit158_jpeg_check(&info, bytes, n_bytes, error);
    if (status == VIT158_OK)
        return decode_checked_jpeg(out, &info, bytes, n_bytes, max_bytes, error);
    if (status == VIT158_E_LIMIT)
        return status;
    return decode_mended_jpeg(out, status, bytes, n_bytes, max_bytes, error);
}

static vit158_status decode_png(vit158_decoded *out, const uint8_t *bytes, size_t n_bytes,
                                size_t max_bytes, vit158_error *error)
{
    vit158_png_info info;
    VIT158_RETURN_IF_ERROR(vit158_png_check(&info, bytes, n_bytes, error));
    const uint64_t needed = vit158_png_memory(&info, info.interlaced);
    VIT158_RETURN_IF_ERROR(vit158_decoded_fits(needed, max_bytes, info.width, info.height, error));
    /* Some writers append a little to the pixels: let the buffer grow once if the limit allows. */
    const uint64_t generous = vit158_png_memory(&info, true);
    const uint64_t allowed = generous < max_bytes ? generous : max_bytes;
    const vit158_status status = vit158_stb_png(out, bytes, &info, (size_t)allowed, error);
    if (status == VIT158_E_IMAGE && info.stray_offset != 0)
        return vit158_fail(error, VIT158_E_IMAGE,
                           "PNG: IDAT at byte %zu does not follow the other IDATs",
                           info.stray_offset);
    if (status == VIT158_E_IMAGE && !info.ended)
        return vit158_fail(error, VIT158_E_TRUNCATED,
                           "PNG: the file ends at byte %zu, before its image does", n_bytes);
    VIT158_RETURN_IF_ERROR(status);
    if (info.color_type == VIT158_PNG_INDEXED)
        VIT158_RETURN_IF_ERROR(look_up_palette(out, bytes, &info, error));
    else if (out->channels == 2 || out->channels == 4)
        drop_channels(out, out->channels - 1);
    return vit158_decoded_turn(out, info.orientation, error);
}

vit158_status vit158_image_decode(vit158_image *out, const void *bytes, size_t n_bytes,
                                  size_t max_bytes, vit158_error *error)
{
    if (out == NULL || (bytes == NULL && n_bytes > 0))
        return vit158_fail(error, VIT158_E_ARGUMENT, "image: a NULL argument");
    *out = (vit158_image){0};
    if (n_bytes > MOST_BYTES)
        return vit158_fail(error, VIT158_E_LIMIT, "image: a file of %zu bytes, at most %zu",
                           n_bytes, MOST_BYTES);
    const size_t limit = vit158_decoded_limit(max_bytes);

    vit158_decoded image = {0};
    const uint8_t *file = bytes;
    vit158_error found = {0}; /* a rule broken may be mended after all */
    vit158_status status;
    if (n_bytes >= 8 && memcmp(file, png_signature, 8) == 0)
        status = decode_png(&image, file, n_bytes, limit, &found);
    else if (n_bytes >= 3 && memcmp(file, jpeg_signature, 3) == 0)
        status = decode_jpeg(&image, file, n_bytes, limit, &found);
#if defined(VIT158_HAVE_WEBP)
    else if (vit158_is_webp(file, n_bytes))
        status = vit158_webp_decode(&image, file, n_bytes, limit, &found);
#endif
    else
        status = unknown_format(file, n_bytes, &found);
    return vit158_decoded_finish(out, &image, status, &found, error);
}
