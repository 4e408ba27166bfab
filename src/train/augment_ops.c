/* SPDX-License-Identifier: MIT */
#include "train/augment_ops.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define GREY 128.0F /* outside of the picture */

typedef struct picture {
    uint8_t *x, *scratch;
    uint32_t channels, side;
    size_t area;
} picture;

static uint8_t to_byte(float v)
{
    return v <= 0.0F ? 0 : v >= 255.0F ? 255 : (uint8_t)(v + 0.5F);
}

static float pixel(const uint8_t *plane, int n, int y, int x)
{
    return y < 0 || y >= n || x < 0 || x >= n ? GREY : (float)plane[y * n + x];
}

/* out(x, y) = in(m (x, y) + shift) about the centre, bilinear. */
static void warp(const picture *p, const float m[4], float shift_x, float shift_y)
{
    const int n = (int)p->side;
    const float centre = 0.5F * (float)(n - 1);
    memcpy(p->scratch, p->x, p->channels * p->area);
    for (int y = 0; y < n; y++) {
        for (int x = 0; x < n; x++) {
            const float u = (float)x - centre, v = (float)y - centre;
            const float sx = m[0] * u + m[1] * v + centre + shift_x;
            const float sy = m[2] * u + m[3] * v + centre + shift_y;
            const float fx = floorf(sx), fy = floorf(sy);
            const float ax = sx - fx, ay = sy - fy;
            const int ix = (int)fx, iy = (int)fy;
            for (uint32_t c = 0; c < p->channels; c++) {
                const uint8_t *plane = p->scratch + c * p->area;
                const float top =
                    pixel(plane, n, iy, ix) * (1.0F - ax) + pixel(plane, n, iy, ix + 1) * ax;
                const float low = pixel(plane, n, iy + 1, ix) * (1.0F - ax) +
                                  pixel(plane, n, iy + 1, ix + 1) * ax;
                p->x[c * p->area + (size_t)(y * n + x)] = to_byte(top * (1.0F - ay) + low * ay);
            }
        }
    }
}

static void map_bytes(const picture *p, const uint8_t map[256], uint32_t channel, uint32_t count)
{
    uint8_t *x = p->x + channel * p->area;
    for (size_t i = 0; i < count * p->area; i++)
        x[i] = map[x[i]];
}

static void brightness(const picture *p, float factor)
{
    uint8_t map[256];
    for (int i = 0; i < 256; i++)
        map[i] = to_byte((float)i * factor);
    map_bytes(p, map, 0, p->channels);
}

static float luma(const picture *p, size_t i)
{
    if (p->channels == 1)
        return (float)p->x[i];
    return 0.299F * (float)p->x[i] + 0.587F * (float)p->x[p->area + i] +
           0.114F * (float)p->x[2 * p->area + i];
}

static void contrast(const picture *p, float factor)
{
    float mean = 0.0F;
    for (size_t i = 0; i < p->area; i++)
        mean += luma(p, i);
    mean /= (float)p->area;
    uint8_t map[256];
    for (int i = 0; i < 256; i++)
        map[i] = to_byte(mean + ((float)i - mean) * factor);
    map_bytes(p, map, 0, p->channels);
}

static void saturation(const picture *p, float factor)
{
    for (size_t i = 0; i < p->area; i++) {
        const float grey = luma(p, i);
        for (uint32_t c = 0; c < p->channels; c++) {
            uint8_t *x = &p->x[c * p->area + i];
            *x = to_byte(grey + ((float)*x - grey) * factor);
        }
    }
}

/* Against a 3 x 3 smoothed copy, as Pillow's enhancer does; the border stays. */
static void sharpness(const picture *p, float factor)
{
    const size_t n = p->side;
    memcpy(p->scratch, p->x, p->channels * p->area);
    for (uint32_t c = 0; c < p->channels; c++)
        for (size_t y = 1; y + 1 < n; y++)
            for (size_t x = 1; x + 1 < n; x++) {
                const uint8_t *at = p->scratch + c * p->area + y * n + x;
                const float sum =
                    (float)(at[-1] + at[1] + at[-(ptrdiff_t)n] + at[n] + at[-(ptrdiff_t)n - 1] +
                            at[-(ptrdiff_t)n + 1] + at[n - 1] + at[n + 1] + 5 * at[0]);
                const float smooth = sum / 13.0F;
                p->x[c * p->area + y * n + x] = to_byte(smooth + ((float)at[0] - smooth) * factor);
            }
}

static void posterize(const picture *p, uint32_t bits)
{
    uint8_t map[256];
    for (uint32_t i = 0; i < 256; i++)
        map[i] = (uint8_t)(i & (0xFFU << (8 - bits)));
    map_bytes(p, map, 0, p->channels);
}

static void solarize(const picture *p, float threshold)
{
    uint8_t map[256];
    for (int i = 0; i < 256; i++)
        map[i] = (uint8_t)((float)i < threshold ? i : 255 - i);
    map_bytes(p, map, 0, p->channels);
}

static void stretch(const picture *p)
{
    for (uint32_t c = 0; c < p->channels; c++) {
        const uint8_t *x = p->x + c * p->area;
        int low = 255, high = 0;
        for (size_t i = 0; i < p->area; i++) {
            low = x[i] < low ? x[i] : low;
            high = x[i] > high ? x[i] : high;
        }
        if (high <= low)
            continue;
        uint8_t map[256];
        for (int i = 0; i < 256; i++)
            map[i] = to_byte(255.0F * (float)(i - low) / (float)(high - low));
        map_bytes(p, map, c, 1);
    }
}

static void equalize(const picture *p)
{
    for (uint32_t c = 0; c < p->channels; c++) {
        const uint8_t *x = p->x + c * p->area;
        uint32_t histogram[256] = {0}, last = 0;
        for (size_t i = 0; i < p->area; i++)
            histogram[x[i]]++;
        for (int i = 0; i < 256; i++)
            last = histogram[i] ? histogram[i] : last;
        const uint32_t step = ((uint32_t)p->area - last) / 255;
        if (!step)
            continue;
        uint8_t map[256];
        uint32_t sum = step / 2;
        for (int i = 0; i < 256; i++) {
            map[i] = (uint8_t)(sum / step > 255 ? 255 : sum / step);
            sum += histogram[i];
        }
        map_bytes(p, map, c, 1);
    }
}

void vit158_augment_operation(uint8_t *x, uint8_t *scratch, uint32_t channels, uint32_t side,
                              float magnitude, vit158_rng *rng)
{
    const picture p = {x, scratch, channels, side, (size_t)side * side};
    const float strength = magnitude * vit158_rng_uniform(rng);
    const float sign = vit158_rng_below(rng, 2) ? 1.0F : -1.0F;
    const float s = sign * strength;
    const float angle = s * 2.0F; /* radians: 115 degrees at most */
    const float shift = s * 0.5F * (float)side;
    switch (vit158_rng_below(rng, 14)) {
    case 0:
        warp(&p, (const float[4]){1.0F, s * 0.8F, 0.0F, 1.0F}, 0.0F, 0.0F);
        break;
    case 1:
        warp(&p, (const float[4]){1.0F, 0.0F, s * 0.8F, 1.0F}, 0.0F, 0.0F);
        break;
    case 2:
        warp(&p, (const float[4]){1.0F, 0.0F, 0.0F, 1.0F}, shift, 0.0F);
        break;
    case 3:
        warp(&p, (const float[4]){1.0F, 0.0F, 0.0F, 1.0F}, 0.0F, shift);
        break;
    case 4:
        warp(&p, (const float[4]){cosf(angle), sinf(angle), -sinf(angle), cosf(angle)}, 0.0F, 0.0F);
        break;
    case 5:
        brightness(&p, 1.0F + 0.9F * s);
        break;
    case 6:
        saturation(&p, 1.0F + 0.9F * s);
        break;
    case 7:
        contrast(&p, 1.0F + 0.9F * s);
        break;
    case 8:
        sharpness(&p, 1.0F + 0.9F * s);
        break;
    case 9:
        posterize(&p, 8 - (uint32_t)(strength * 5.99F));
        break;
    case 10:
        solarize(&p, 256.0F * (1.0F - strength));
        break;
    case 11:
        stretch(&p);
        break;
    case 12:
        equalize(&p);
        break;
    default: /* left as it is */
        break;
    }
}
