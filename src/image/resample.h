/* SPDX-License-Identifier: MIT
 *
 * Pillow's antialiased resize of 8-bit pixels (libImaging/Resample.c of Pillow 9.4), one axis at a
 * time: each output value is a weighted mean of neighbouring inputs, the weights normalised in
 * double, rounded to 22-bit fixed point, the sums exact in int32, each pass rounded to bytes.
 *
 * An output's weight is stored as two int16: weight = high * 2^VIT158_TAP_SHIFT + low, low >= 0,
 * so that SIMD code can use 16-bit dot products. A vector of taps holds VIT158_TAP_VECTOR lows,
 * then as many highs; taps beyond an output's count are 0.
 */
#ifndef VIT158_IMAGE_RESAMPLE_H
#define VIT158_IMAGE_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/recipe.h"

#define VIT158_TAP_VECTOR 8
#define VIT158_TAP_SHIFT 11
#define VIT158_WEIGHT_BITS 22 /* Pillow's PRECISION_BITS */

/* One axis of a resize: n_in inputs become n_out outputs, both >= 1. */
typedef struct vit158_axis {
    uint32_t n_in;
    uint32_t n_out;
    vit158_filter filter;
    double scale;      /* inputs an output */
    double stretch;    /* max(scale, 1): how much wider the filter is */
    double support;    /* half the filter's width in inputs */
    uint32_t max_taps; /* no output has more */
} vit158_axis;

vit158_axis vit158_axis_make(vit158_filter filter, uint32_t n_in, uint32_t n_out);

/* Upper bound of max_taps over all axes whose scale is at most `scale`. */
uint32_t vit158_axis_taps_bound(vit158_filter filter, double scale);

/* Taps rounded up to whole vectors. */
static inline uint32_t vit158_taps_padded(uint32_t taps)
{
    return (taps + VIT158_TAP_VECTOR - 1) / VIT158_TAP_VECTOR * VIT158_TAP_VECTOR;
}

/* The weights of one output: it reads inputs first .. first + count - 1. Writes
 * 2 * vit158_taps_padded(*count) int16. `scratch` holds max_taps doubles. */
void vit158_axis_weights(const vit158_axis *axis, uint32_t output, uint32_t *first, uint32_t *count,
                         int16_t *weights, double *scratch);

/* The weights of outputs that follow each other. */
typedef struct vit158_taps {
    uint32_t n_out;
    uint32_t stride;  /* int16 from one output's weights to the next's */
    uint32_t *first;  /* [n_out] */
    uint32_t *count;  /* [n_out] */
    int16_t *weights; /* [n_out][stride] */
} vit158_taps;

/* A window of source rows: row t of it lies at rows + ((start + t) mod ring_rows) * row_bytes. */
typedef struct vit158_ring {
    const uint8_t *rows; /* [ring_rows][row_bytes], 16-byte aligned */
    uint32_t ring_rows;
    uint32_t row_bytes; /* a multiple of 16 */
} vit158_ring;

/* Bytes that `row` and `split` may read, and `split` write, beyond the last pixel of a plane. */
#define VIT158_ROW_SLACK 16

/* The passes, in variants that give the same bytes. */
typedef struct vit158_resample {
    /* Horizontal pass of one row of one channel: out[o] for every output. `out` may be written up
     * to the next multiple of 4 outputs. */
    void (*row)(uint8_t *out, const uint8_t *in, const vit158_taps *taps);
    /* Vertical pass: one output row of ring->row_bytes out of the window's first `count` rows;
     * start < ring_rows, count <= ring_rows. `out` is 16-byte aligned. */
    void (*column)(uint8_t *out, const vit158_ring *ring, uint32_t start, uint32_t count,
                   const int16_t *weights);
    /* n pixels of 3 or 4 bytes at `in` (not read beyond) to planes at out, out + plane_bytes and
     * out + 2 * plane_bytes; a fourth byte is dropped. */
    void (*split)(uint8_t *out, size_t plane_bytes, const uint8_t *in, uint32_t pixel_bytes,
                  uint32_t n);
} vit158_resample;

extern const vit158_resample vit158_resample_scalar;
#ifdef VIT158_HAVE_SIMD128
extern const vit158_resample vit158_resample_simd128;
#endif

#endif
