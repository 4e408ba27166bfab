/* SPDX-License-Identifier: MIT */
#include "train/augment_ops.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define GREY 128.0F /* outside of the image */

typedef struct image {
    uint8_t *x, *scratch;
    uint32_t channels, side;
    size_t area;
} image;

static uint8_t to_byte(float v)
{
    return v <= 0.0F ? 0 : v >= 255.0F ? 255 : (uint8_t)(v + 0.5F);
}

static float pixel(const uint8_t *plane, int n, int y, int x)
{
    return y < 0 || y >= n || x < 0 || x >= n ? GREY : (float)plane[y * n + x];
}

/* out(x, y) = in(m (x, y) + shift) about the centre, bilinear. */
static void warp(const image *p, const float m[4], float shift_x, float shift_y)
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

static void map_bytes(const image *p, const uint8_t map[256], uint32_t channel, uint32_t count)
{
    uint8_t *x = p->x + channel * p->area;
    for (size_t i = 0; i < count * p->area; i++)
        x[i] = map[x[i]];
}

static void brightness(const image *p, float factor)
{
    uint8_t map[256];
    for (int i = 0; i < 256; i++)
        map[i] = to_byte((float)i * factor);
    map_bytes(p, map, 0, p->channels);
}

static float luma(const image *p, size_t i)
{
    if (p->channels == 1)
        return (float)p->x[i];
    return 0.299F * (float)p->x[i] + 0.587F * (float)p->x[p->area + i] +
           0.114F * (float)p->x[2 * p->area + i];
}

static void contrast(const image *p, float factor)
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

static void saturation(const image *p, float factor)
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
static void sharpness(const image *p, float factor)
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

static void posterize(const image *p, uint32_t bits)
{
    uint8_t map[256];
    for (uint32_t i = 0; i < 256; i++)
        map[i] = (uint8_t)(i & (0xFFU << (8 - bits)));
    map_bytes(p, map, 0, p->channels);
}

static void solarize(const image *p, float threshold)
{
    uint8_t map[256];
    for (int i = 0; i < 256; i++)
        map[i] = (uint8_t)((float)i < threshold ? i : 255 - i);
    map_bytes(p, map, 0, p->channels);
}

static void stretch(const image *p)
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

static void equalize(const image *p)
{
    for (uint32_t c = 0; c < p->channels; c++) {
        const uint8_t *x = p->x + c * p->area;
        uint32_t histogram[256] = {0}, last = 0;
        for (size_t i = 0; i < p->area; i++)
            histogram[x[i]]++;
        for (int i = 0; i < 256; i++)
            last = histogram[i] ? histogram[i] : last;
        const uint32_t step = ((uint32_t)p->area - last) / 255;
        if (step == 0)
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

typedef enum kind {
    SHEAR_X,
    SHEAR_Y,
    SHIFT_X,
    SHIFT_Y,
    ROTATE,
    BRIGHTNESS,
    COLOR,
    CONTRAST,
    SHARPNESS,
    POSTERIZE,
    SOLARIZE,
    STRETCH,
    EQUALIZE,
    KEEP, /* left as it is */
    LISTED,
    INVERT = LISTED
} kind;

/* Strengths run from 0 to 1: a shear of 0.8, a shift by half a side, 2 radians, factors of 0.1 to
 * 1.9, 3 bits left, everything inverted. `sign` turns those that have two directions. */
static void operate(const image *p, kind what, float strength, float sign)
{
    const float s = sign * strength, angle = 2.0F * s, shift = 0.5F * s * (float)p->side;
    switch (what) {
    case SHEAR_X:
        warp(p, (const float[4]){1.0F, s * 0.8F, 0.0F, 1.0F}, 0.0F, 0.0F);
        break;
    case SHEAR_Y:
        warp(p, (const float[4]){1.0F, 0.0F, s * 0.8F, 1.0F}, 0.0F, 0.0F);
        break;
    case SHIFT_X:
        warp(p, (const float[4]){1.0F, 0.0F, 0.0F, 1.0F}, shift, 0.0F);
        break;
    case SHIFT_Y:
        warp(p, (const float[4]){1.0F, 0.0F, 0.0F, 1.0F}, 0.0F, shift);
        break;
    case ROTATE:
        warp(p, (const float[4]){cosf(angle), sinf(angle), -sinf(angle), cosf(angle)}, 0.0F, 0.0F);
        break;
    case BRIGHTNESS:
        brightness(p, 1.0F + 0.9F * s);
        break;
    case COLOR:
        saturation(p, 1.0F + 0.9F * s);
        break;
    case CONTRAST:
        contrast(p, 1.0F + 0.9F * s);
        break;
    case SHARPNESS:
        sharpness(p, 1.0F + 0.9F * s);
        break;
    case POSTERIZE:
        posterize(p, 8 - (uint32_t)(strength * 5.99F));
        break;
    case SOLARIZE:
        solarize(p, 256.0F * (1.0F - strength));
        break;
    case STRETCH:
        stretch(p);
        break;
    case EQUALIZE:
        equalize(p);
        break;
    case INVERT:
        solarize(p, 0.0F);
        break;
    default:
        break;
    }
}

static float random_sign(vit158_rng *rng)
{
    return vit158_rng_below(rng, 2) ? 1.0F : -1.0F;
}

void vit158_train_augment_operation(uint8_t *x, uint8_t *scratch, uint32_t channels, uint32_t side,
                                    float magnitude, vit158_rng *rng)
{
    const image p = {x, scratch, channels, side, (size_t)side * side};
    const float strength = magnitude * vit158_rng_uniform(rng);
    const float sign = random_sign(rng);
    operate(&p, (kind)vit158_rng_below(rng, LISTED), strength, sign);
}

/* Level 9 of AutoAugment (its table 6) in our strengths: shears of 0.3, shifts by 150 of 331
 * pixels, 30 degrees, factors of 0.1 to 1.9, 4 bits left, everything inverted. */
static float strength_of_level(kind what, uint32_t level)
{
    const float share = (float)level / 9.0F;
    switch (what) {
    case SHEAR_X:
    case SHEAR_Y:
        return share * 0.375F;
    case SHIFT_X:
    case SHIFT_Y:
        return share * 0.906F;
    case ROTATE:
        return share * 0.2618F;
    case POSTERIZE:
        return share * 0.67F;
    default:
        return share;
    }
}

typedef struct policy_step {
    uint8_t what, tenths, level; /* kind, chance in tenths */
} policy_step;

static const policy_step cifar10_policy[25][2] = {
    {{INVERT, 1, 7}, {CONTRAST, 2, 6}},     {{ROTATE, 7, 2}, {SHIFT_X, 3, 9}},
    {{SHARPNESS, 8, 1}, {SHARPNESS, 9, 3}}, {{SHEAR_Y, 5, 8}, {SHIFT_Y, 7, 9}},
    {{STRETCH, 5, 8}, {EQUALIZE, 9, 2}},    {{SHEAR_Y, 2, 7}, {POSTERIZE, 3, 7}},
    {{COLOR, 4, 3}, {BRIGHTNESS, 6, 7}},    {{SHARPNESS, 3, 9}, {BRIGHTNESS, 7, 9}},
    {{EQUALIZE, 6, 5}, {EQUALIZE, 5, 1}},   {{CONTRAST, 6, 7}, {SHARPNESS, 6, 5}},
    {{COLOR, 7, 7}, {SHIFT_X, 5, 8}},       {{EQUALIZE, 3, 7}, {STRETCH, 4, 8}},
    {{SHIFT_Y, 4, 3}, {SHARPNESS, 2, 6}},   {{BRIGHTNESS, 9, 6}, {COLOR, 2, 8}},
    {{SOLARIZE, 5, 2}, {INVERT, 0, 3}},     {{EQUALIZE, 2, 0}, {STRETCH, 6, 0}},
    {{EQUALIZE, 2, 8}, {EQUALIZE, 6, 4}},   {{COLOR, 9, 9}, {EQUALIZE, 6, 6}},
    {{STRETCH, 8, 4}, {SOLARIZE, 2, 8}},    {{BRIGHTNESS, 1, 3}, {COLOR, 7, 0}},
    {{SOLARIZE, 4, 5}, {STRETCH, 9, 3}},    {{SHIFT_Y, 9, 9}, {SHIFT_Y, 7, 9}},
    {{STRETCH, 9, 2}, {SOLARIZE, 8, 3}},    {{EQUALIZE, 8, 8}, {INVERT, 1, 3}},
    {{SHIFT_Y, 7, 9}, {STRETCH, 9, 1}},
};

void vit158_train_augment_policy(uint8_t *x, uint8_t *scratch, uint32_t channels, uint32_t side,
                                 vit158_rng *rng)
{
    const image p = {x, scratch, channels, side, (size_t)side * side};
    const policy_step *steps = cifar10_policy[vit158_rng_below(rng, 25)];
    for (int i = 0; i < 2; i++) {
        const kind what = (kind)steps[i].what;
        const float sign = random_sign(rng);
        if (vit158_rng_below(rng, 10) < steps[i].tenths)
            operate(&p, what, strength_of_level(what, steps[i].level), sign);
    }
}
