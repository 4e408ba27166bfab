/* SPDX-License-Identifier: MIT
 *
 * 22-bit weights by 16-bit dot products: the low and the high parts of the weights are summed
 * apart, 8 taps (horizontally) or 2 rows of 4 columns (vertically) an instruction, and joined once.
 * All sums are exact, so the bytes are those of resample_scalar.c.
 */
#include "image/resample.h"

#include <string.h>

#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#else
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/wasm/simd128.h>
#endif

/* Four sums in 22-bit fixed point, rounded to integers (not yet clamped). */
static inline v128_t round_sums(v128_t low, v128_t high)
{
    const v128_t half = wasm_i32x4_splat(1 << (VIT158_WEIGHT_BITS - 1));
    const v128_t sum = wasm_i32x4_add(wasm_i32x4_shl(high, VIT158_TAP_SHIFT), low);
    return wasm_i32x4_shr(wasm_i32x4_add(sum, half), VIT158_WEIGHT_BITS);
}

/* The low sums (out[0]) and high sums (out[1]) of one output, spread over four lanes each. */
static inline void sum_taps(v128_t out[2], const uint8_t *in, const int16_t *weights,
                            uint32_t count)
{
    v128_t low = wasm_i32x4_splat(0);
    v128_t high = low;
    for (uint32_t t = 0; t < count; t += VIT158_TAP_VECTOR) {
        const v128_t pixels = wasm_u16x8_load8x8(in + t);
        low = wasm_i32x4_add(low, wasm_i32x4_dot_i16x8(pixels, wasm_v128_load(weights + 2 * t)));
        high =
            wasm_i32x4_add(high, wasm_i32x4_dot_i16x8(pixels, wasm_v128_load(weights + 2 * t + 8)));
    }
    out[0] = low;
    out[1] = high;
}

/* Lane i is the sum of the lanes of vector i. */
static inline v128_t add_across(v128_t a, v128_t b, v128_t c, v128_t d)
{
    const v128_t ab =
        wasm_i32x4_add(wasm_i32x4_shuffle(a, b, 0, 4, 1, 5), wasm_i32x4_shuffle(a, b, 2, 6, 3, 7));
    const v128_t cd =
        wasm_i32x4_add(wasm_i32x4_shuffle(c, d, 0, 4, 1, 5), wasm_i32x4_shuffle(c, d, 2, 6, 3, 7));
    return wasm_i32x4_add(wasm_i32x4_shuffle(ab, cd, 0, 1, 4, 5),
                          wasm_i32x4_shuffle(ab, cd, 2, 3, 6, 7));
}

static void resample_row(uint8_t *out, const uint8_t *in, const vit158_taps *taps)
{
    const uint32_t last = taps->n_out - 1;
    for (uint32_t o = 0; o <= last; o += 4) {
        v128_t sums[4][2];
        for (uint32_t i = 0; i < 4; i++) {
            const uint32_t k = o + i < last ? o + i : last;
            sum_taps(sums[i], in + taps->first[k], taps->weights + (size_t)k * taps->stride,
                     taps->count[k]);
        }
        const v128_t low = add_across(sums[0][0], sums[1][0], sums[2][0], sums[3][0]);
        const v128_t high = add_across(sums[0][1], sums[1][1], sums[2][1], sums[3][1]);
        const v128_t words = round_sums(low, high);
        const v128_t shorts = wasm_i16x8_narrow_i32x4(words, words);
        wasm_v128_store32_lane(out + o, wasm_u8x16_narrow_i16x8(shorts, shorts), 0);
    }
}

static void resample_column(uint8_t *out, const vit158_ring *ring, uint32_t start, uint32_t count,
                            const int16_t *weights)
{
    const v128_t zero = wasm_i32x4_splat(0);
    for (uint32_t x = 0; x < ring->row_bytes; x += 16) {
        v128_t low[4] = {zero, zero, zero, zero};
        v128_t high[4] = {zero, zero, zero, zero};
        uint32_t slot = start;
        for (uint32_t t = 0; t < count; t += 2) {
            const uint32_t next = slot + 1 == ring->ring_rows ? 0 : slot + 1;
            const v128_t a = wasm_v128_load(ring->rows + (size_t)slot * ring->row_bytes + x);
            /* Beyond an odd count the weight is 0, whatever row this is. */
            const v128_t b = wasm_v128_load(ring->rows + (size_t)next * ring->row_bytes + x);
            slot = next + 1 == ring->ring_rows ? 0 : next + 1;
            const int16_t *pair = weights + (t & ~7U) * 2 + (t & 7);
            const v128_t weight_low = wasm_v128_load32_splat(pair);
            const v128_t weight_high = wasm_v128_load32_splat(pair + 8);
            const v128_t ab0 =
                wasm_i8x16_shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            const v128_t ab1 = wasm_i8x16_shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13,
                                                  29, 14, 30, 15, 31);
            const v128_t pairs[4] = {
                wasm_u16x8_extend_low_u8x16(ab0), wasm_u16x8_extend_high_u8x16(ab0),
                wasm_u16x8_extend_low_u8x16(ab1), wasm_u16x8_extend_high_u8x16(ab1)};
            for (int i = 0; i < 4; i++) {
                low[i] = wasm_i32x4_add(low[i], wasm_i32x4_dot_i16x8(pairs[i], weight_low));
                high[i] = wasm_i32x4_add(high[i], wasm_i32x4_dot_i16x8(pairs[i], weight_high));
            }
        }
        const v128_t first =
            wasm_i16x8_narrow_i32x4(round_sums(low[0], high[0]), round_sums(low[1], high[1]));
        const v128_t second =
            wasm_i16x8_narrow_i32x4(round_sums(low[2], high[2]), round_sums(low[3], high[3]));
        wasm_v128_store(out + x, wasm_u8x16_narrow_i16x8(first, second));
    }
}

/* 16 pixels of 3 bytes in a, b, c to three planes. */
static inline void split_rgb(uint8_t *out, size_t plane_bytes, v128_t a, v128_t b, v128_t c)
{
    const v128_t red =
        wasm_i8x16_shuffle(a, b, 0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 0, 0, 0, 0, 0);
    const v128_t green =
        wasm_i8x16_shuffle(a, b, 1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 0, 0, 0, 0, 0);
    const v128_t blue =
        wasm_i8x16_shuffle(a, b, 2, 5, 8, 11, 14, 17, 20, 23, 26, 29, 0, 0, 0, 0, 0, 0);
    wasm_v128_store(
        out, wasm_i8x16_shuffle(red, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17, 20, 23, 26, 29));
    wasm_v128_store(out + plane_bytes, wasm_i8x16_shuffle(green, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
                                                          10, 18, 21, 24, 27, 30));
    wasm_v128_store(out + 2 * plane_bytes, wasm_i8x16_shuffle(blue, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
                                                              16, 19, 22, 25, 28, 31));
}

/* 16 pixels of 4 bytes: pairs of vectors become 8 reds, 8 greens, ... in two steps. */
static inline void split_rgba(uint8_t *out, size_t plane_bytes, const uint8_t *in)
{
    v128_t red_green[2], blue[2];
    for (int i = 0; i < 2; i++) {
        const v128_t a = wasm_v128_load(in + 32 * i);
        const v128_t b = wasm_v128_load(in + 32 * i + 16);
        red_green[i] =
            wasm_i8x16_shuffle(a, b, 0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29);
        blue[i] = wasm_i8x16_shuffle(a, b, 2, 6, 10, 14, 18, 22, 26, 30, 0, 0, 0, 0, 0, 0, 0, 0);
    }
    wasm_v128_store(out, wasm_i64x2_shuffle(red_green[0], red_green[1], 0, 2));
    wasm_v128_store(out + plane_bytes, wasm_i64x2_shuffle(red_green[0], red_green[1], 1, 3));
    wasm_v128_store(out + 2 * plane_bytes, wasm_i64x2_shuffle(blue[0], blue[1], 0, 2));
}

static void split_pixels(uint8_t *out, size_t plane_bytes, const uint8_t *in, uint32_t pixel_bytes,
                         uint32_t n)
{
    uint32_t x = 0;
    for (; n - x >= 16; x += 16) {
        const uint8_t *from = in + (size_t)x * pixel_bytes;
        if (pixel_bytes == 3)
            split_rgb(out + x, plane_bytes, wasm_v128_load(from), wasm_v128_load(from + 16),
                      wasm_v128_load(from + 32));
        else
            split_rgba(out + x, plane_bytes, from);
    }
    for (; x < n; x++) /* `in` must not be read beyond its end */
        for (uint32_t c = 0; c < 3; c++)
            out[c * plane_bytes + x] = in[(size_t)x * pixel_bytes + c];
}

const vit158_resample vit158_resample_simd128 = {resample_row, resample_column, split_pixels};
