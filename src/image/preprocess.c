/* SPDX-License-Identifier: MIT
 *
 * Only the rows and columns that the crop needs are resized. A source row goes through the
 * horizontal pass into a ring of the rows that pending output rows still read; an output row is
 * made as soon as its last source row is there. Channels lie in planes, so that both passes run
 * over neighbouring bytes.
 */
#include "image/preprocess.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "image/resample.h"

#define ROW_ALIGN 16 /* bytes of a plane's row in the ring: whole vectors */

#ifdef VIT158_HAVE_SIMD128
static const vit158_resample *const resample = &vit158_resample_simd128;
#else
static const vit158_resample *const resample = &vit158_resample_scalar;
#endif

struct vit158_preprocess {
    vit158_recipe recipe;
    uint32_t max_taps; /* of any axis of any image */

    /* The current image. */
    uint32_t width;
    uint32_t height;
    vit158_pixels pixels;
    uint32_t planes;   /* channels that are resized: 1 if source or model is grey, else 3 */
    uint32_t next_row; /* source rows fed */
    uint32_t columns_begin;
    uint32_t columns_end; /* source columns that the crop reads */

    vit158_axis vertical;
    uint32_t crop_top; /* output row 0 of the crop, in the whole resized image */
    uint32_t next_output;
    uint32_t pending_first; /* source rows that output next_output reads */
    uint32_t pending_count;
    int16_t *pending_weights;

    vit158_taps horizontal; /* of the crop's columns */
    uint8_t *planar;        /* [planes][plane_bytes]: one source row */
    uint32_t plane_bytes;
    vit158_ring ring;
    uint8_t *ring_rows; /* what ring.rows points to */
    uint8_t *resized;   /* [planes][ring_plane_bytes]: one output row */
    uint32_t ring_plane_bytes;
    uint8_t *cropped; /* [S][S][channels] */
    double *scratch;  /* [max_taps] */
};

vit158_preprocess *vit158_preprocess_plan(vit158_arena *arena, const vit158_recipe *recipe)
{
    assert(recipe->channels == 1 || recipe->channels == 3);
    assert(recipe->crop_size >= 1 && recipe->resize_size >= recipe->crop_size);
    /* The longer side is truncated, but never below resize_size: both scales are at most this. */
    const double max_scale = (double)VIT158_MAX_IMAGE_SIDE / recipe->resize_size;
    const uint32_t taps = vit158_axis_taps_bound(recipe->filter, max_scale);
    const uint32_t side = recipe->crop_size;
    const uint32_t stride = 2 * vit158_taps_padded(taps);
    const uint32_t plane = VIT158_MAX_IMAGE_SIDE + VIT158_ROW_SLACK;
    const uint32_t ring_plane = (side + ROW_ALIGN - 1) / ROW_ALIGN * ROW_ALIGN;

    vit158_preprocess *p = vit158_arena_take(arena, 1, sizeof *p);
    uint32_t *first = vit158_arena_take(arena, side, sizeof *first);
    uint32_t *count = vit158_arena_take(arena, side, sizeof *count);
    int16_t *weights = vit158_arena_take(arena, (size_t)side * stride, sizeof *weights);
    int16_t *pending = vit158_arena_take(arena, stride, sizeof *pending);
    double *scratch = vit158_arena_take(arena, taps, sizeof *scratch);
    uint8_t *planar = vit158_arena_take(arena, recipe->channels, plane);
    uint8_t *ring = vit158_arena_take(arena, taps, (size_t)recipe->channels * ring_plane);
    uint8_t *resized = vit158_arena_take(arena, recipe->channels, ring_plane);
    uint8_t *cropped = vit158_arena_take(arena, (size_t)side * side, recipe->channels);
    /* UNREACHABLE: no overflow where there is memory, which is as much as was measured. */
    if (arena->base == NULL || arena->overflow)
        return NULL;

    *p = (vit158_preprocess){.recipe = *recipe,
                             .max_taps = taps,
                             .pending_weights = pending,
                             .horizontal = {.n_out = side,
                                            .stride = stride,
                                            .first = first,
                                            .count = count,
                                            .weights = weights},
                             .planar = planar,
                             .plane_bytes = plane,
                             .ring = {.rows = ring, .ring_rows = taps},
                             .ring_rows = ring,
                             .resized = resized,
                             .ring_plane_bytes = ring_plane,
                             .cropped = cropped,
                             .scratch = scratch};
    /* Padding of rows is read (with weight 0, or into columns nobody uses): make it defined. */
    memset(planar, 0, (size_t)recipe->channels * plane);
    memset(ring, 0, (size_t)taps * recipe->channels * ring_plane);
    return p;
}

/* Start of the centre crop: (size - crop) / 2 rounded half to even, as Python's round() does for
 * torchvision. */
static uint32_t crop_offset(uint32_t size, uint32_t crop)
{
    const uint32_t margin = size - crop;
    const uint32_t half = margin / 2;
    return margin % 2 == 0 ? half : half + (half & 1);
}

static uint32_t resized_side(const vit158_recipe *recipe, uint32_t side, uint32_t other)
{
    const uint32_t target = recipe->resize_size;
    const bool is_target = side <= other || recipe->resize_mode == VIT158_RESIZE_SQUASH;
    return is_target ? target : (uint32_t)((uint64_t)target * side / other);
}

static void prepare_output(vit158_preprocess *p)
{
    vit158_axis_weights(&p->vertical, p->crop_top + p->next_output, &p->pending_first,
                        &p->pending_count, p->pending_weights, p->scratch);
}

vit158_status vit158_preprocess_begin(vit158_preprocess *p, uint32_t width, uint32_t height,
                                      vit158_pixels pixels, vit158_error *error)
{
    p->height = 0;
    if (width == 0 || height == 0)
        return vit158_fail(error, VIT158_E_ARGUMENT, "image: %u x %u pixels", width, height);
    if (width > VIT158_MAX_IMAGE_SIDE || height > VIT158_MAX_IMAGE_SIDE)
        return vit158_fail(error, VIT158_E_LIMIT, "image: %u x %u pixels, at most %d a side", width,
                           height, VIT158_MAX_IMAGE_SIDE);
    if (pixels != VIT158_PIXELS_GRAY && pixels != VIT158_PIXELS_RGB && pixels != VIT158_PIXELS_RGBA)
        return vit158_fail(error, VIT158_E_ARGUMENT, "image: %d is not a pixel layout",
                           (int)pixels);

    const uint32_t side = p->recipe.crop_size;
    const uint32_t out_width = resized_side(&p->recipe, width, height);
    const uint32_t out_height = resized_side(&p->recipe, height, width);

    const vit158_axis across = vit158_axis_make(p->recipe.filter, width, out_width);
    const uint32_t left = crop_offset(out_width, side);
    assert(across.max_taps <= p->max_taps);
    vit158_taps *taps = &p->horizontal;
    for (uint32_t o = 0; o < side; o++)
        vit158_axis_weights(&across, left + o, &taps->first[o], &taps->count[o],
                            taps->weights + (size_t)o * taps->stride, p->scratch);

    p->width = width;
    p->height = height;
    p->pixels = pixels;
    p->planes = pixels == VIT158_PIXELS_GRAY ? 1 : p->recipe.channels;
    p->columns_begin = taps->first[0];
    p->columns_end = taps->first[side - 1] + taps->count[side - 1];
    p->ring.row_bytes = p->planes * p->ring_plane_bytes;
    p->next_row = 0;

    p->vertical = vit158_axis_make(p->recipe.filter, height, out_height);
    assert(p->vertical.max_taps <= p->max_taps);
    p->crop_top = crop_offset(out_height, side);
    p->next_output = 0;
    prepare_output(p);
    return VIT158_OK;
}

/* Pillow's ITU-R 601-2 luma, 16-bit fixed point. */
static uint8_t luma(const uint8_t *rgb)
{
    return (uint8_t)((rgb[0] * 19595U + rgb[1] * 38470U + rgb[2] * 7471U + 0x8000U) >> 16);
}

/* The needed columns of one source row, converted to the model's channels, into planes. */
static void split_row(vit158_preprocess *p, const uint8_t *row)
{
    const uint32_t begin = p->columns_begin;
    const uint32_t n = p->columns_end - begin;
    const size_t step = (size_t)p->pixels;
    const uint8_t *in = row + begin * step;
    uint8_t *out = p->planar + begin;
    if (p->pixels == VIT158_PIXELS_GRAY) {
        memcpy(out, in, n);
    } else if (p->planes == 1) {
        for (uint32_t x = 0; x < n; x++)
            out[x] = luma(in + x * step);
    } else {
        resample->split(out, p->plane_bytes, in, (uint32_t)step, n);
    }
}

static void store_output(vit158_preprocess *p)
{
    const uint32_t side = p->recipe.crop_size;
    const uint32_t channels = p->recipe.channels;
    uint8_t *out = p->cropped + (size_t)p->next_output * side * channels;
    for (uint32_t c = 0; c < channels; c++) {
        const uint8_t *plane = p->resized + (p->planes == 1 ? 0 : c * p->ring_plane_bytes);
        for (uint32_t x = 0; x < side; x++)
            out[(size_t)x * channels + c] = plane[x];
    }
}

static void take_row(vit158_preprocess *p, const uint8_t *row)
{
    const uint32_t y = p->next_row++;
    const uint32_t side = p->recipe.crop_size;
    /* Outputs read ever later rows, so rows before the pending output's first are not needed. */
    if (p->next_output == side || y < p->pending_first)
        return;
    split_row(p, row);
    const uint32_t slots = p->ring.ring_rows;
    uint8_t *slot = p->ring_rows + (size_t)(y % slots) * p->ring.row_bytes;
    for (uint32_t c = 0; c < p->planes; c++)
        resample->row(slot + c * p->ring_plane_bytes, p->planar + c * p->plane_bytes,
                      &p->horizontal);
    while (p->next_output < side && p->pending_first + p->pending_count == y + 1) {
        resample->column(p->resized, &p->ring, p->pending_first % slots, p->pending_count,
                         p->pending_weights);
        store_output(p);
        p->next_output++;
        if (p->next_output < side)
            prepare_output(p);
    }
}

vit158_status vit158_preprocess_rows(vit158_preprocess *p, const uint8_t *rows, size_t row_bytes,
                                     uint32_t n_rows, vit158_error *error)
{
    if (p->height == 0)
        return vit158_fail(error, VIT158_E_STATE, "image: rows without an image begun");
    if (n_rows > p->height - p->next_row)
        return vit158_fail(error, VIT158_E_STATE, "image: row %u of an image of %u rows",
                           p->next_row + n_rows, p->height);
    if (rows == NULL && n_rows > 0)
        return vit158_fail(error, VIT158_E_ARGUMENT, "image: rows is NULL");
    if (row_bytes < (size_t)p->width * p->pixels)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "image: row_bytes is %zu, a row of %u pixels has %zu", row_bytes,
                           p->width, (size_t)p->width * p->pixels);
    for (uint32_t i = 0; i < n_rows; i++)
        take_row(p, rows + i * row_bytes);
    return VIT158_OK;
}

int vit158_preprocess_complete(const vit158_preprocess *p)
{
    return p->height != 0 && p->next_row == p->height;
}

const uint8_t *vit158_preprocess_pixels(const vit158_preprocess *p)
{
    return vit158_preprocess_complete(p) ? p->cropped : NULL;
}

void vit158_preprocess_tensor(const vit158_preprocess *p, float *tensor)
{
    const size_t n = (size_t)p->recipe.crop_size * p->recipe.crop_size;
    const uint32_t channels = p->recipe.channels;
    for (uint32_t c = 0; c < channels; c++) {
        float values[256];
        for (int byte = 0; byte < 256; byte++)
            values[byte] = ((float)byte / 255.0F - p->recipe.mean[c]) / p->recipe.std[c];
        for (size_t i = 0; i < n; i++)
            tensor[c * n + i] = values[p->cropped[i * channels + c]];
    }
}
