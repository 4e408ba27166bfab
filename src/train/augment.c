/* SPDX-License-Identifier: MIT */
#include "train/augment.h"

#include <math.h>
#include <string.h>

#include "train/augment_ops.h"

#define ERASE_TRIES 10
#define PART_TRIES 10

vit158_train_move vit158_train_move_random(uint32_t shift, uint32_t flip, vit158_rng *rng)
{
    vit158_train_move move;
    move.dx = (int)vit158_rng_below(rng, 2 * shift + 1) - (int)shift;
    move.dy = (int)vit158_rng_below(rng, 2 * shift + 1) - (int)shift;
    move.flip = flip && vit158_rng_below(rng, 2);
    return move;
}

/* Where pixel (x, y) of the moved image is taken from, < 0 = beyond the edges. */
static int source(const vit158_train_move *move, int side, int x, int y)
{
    const int sx = (move->flip ? side - 1 - x : x) + move->dx, sy = y + move->dy;
    return sx < 0 || sx >= side || sy < 0 || sy >= side ? -1 : sy * side + sx;
}

void vit158_train_move_plane(float *out, const float *in, uint32_t side,
                             const vit158_train_move *move, float outside)
{
    for (int y = 0; y < (int)side; y++) {
        for (int x = 0; x < (int)side; x++) {
            const int from = source(move, (int)side, x, y);
            *out++ = from < 0 ? outside : in[from];
        }
    }
}

vit158_train_part vit158_train_part_random(uint32_t side, float area, vit158_rng *rng)
{
    const float n = (float)side;
    for (int i = 0; i < PART_TRIES; i++) {
        const float share = area + (1.0F - area) * vit158_rng_uniform(rng);
        const float ratio = expf(logf(4.0F / 3.0F) * (2.0F * vit158_rng_uniform(rng) - 1.0F));
        const float w = n * sqrtf(share * ratio), h = n * sqrtf(share / ratio);
        if (w <= n && h <= n)
            return (vit158_train_part){(n - w) * vit158_rng_uniform(rng),
                                       (n - h) * vit158_rng_uniform(rng), w, h};
    }
    return (vit158_train_part){0.0F, 0.0F, n, n};
}

/* The pixel before a place and how far the place is beyond it. */
static uint32_t split_place(float *beyond, float at, uint32_t side)
{
    const float most = (float)(side - 1);
    at = at < 0.0F ? 0.0F : at > most ? most : at;
    const uint32_t before = at < most ? (uint32_t)at : side - (side > 1 ? 2 : 1);
    *beyond = at - (float)before;
    return before;
}

void vit158_train_enlarge(uint8_t *out, const uint8_t *in, uint32_t channels, uint32_t side,
                          const vit158_train_part *part)
{
    const float step_x = part->w / (float)side, step_y = part->h / (float)side;
    const uint32_t next = side > 1;
    for (uint32_t y = 0; y < side; y++) {
        float down, right;
        const uint32_t row =
            split_place(&down, part->y0 + step_y * ((float)y + 0.5F) - 0.5F, side) * side;
        for (uint32_t x = 0; x < side; x++) {
            const uint32_t at =
                row + split_place(&right, part->x0 + step_x * ((float)x + 0.5F) - 0.5F, side);
            const uint8_t *p = in + at;
            for (uint32_t c = 0; c < channels; c++, p += (size_t)side * side) {
                const float top = (float)p[0] + right * (float)(p[next] - p[0]);
                const float low =
                    (float)p[next * side] + right * (float)(p[next * side + next] - p[next * side]);
                out[((size_t)c * side + y) * side + x] = (uint8_t)(top + down * (low - top) + 0.5F);
            }
        }
    }
}

static void crop_flip(uint8_t *out, const uint8_t *in, uint32_t channels, uint32_t side,
                      const vit158_train_augment *how, vit158_rng *rng)
{
    const vit158_train_move move = vit158_train_move_random(how->crop, how->flip, rng);
    for (uint32_t c = 0; c < channels; c++, in += (size_t)side * side) {
        for (int y = 0; y < (int)side; y++) {
            for (int x = 0; x < (int)side; x++) {
                const int from = source(&move, (int)side, x, y);
                *out++ = from < 0 ? 0 : in[from];
            }
        }
    }
}

/* A rectangle of 2 to 25 % of the area, sides in a ratio of at most 3.3, filled with noise. */
static void erase(uint8_t *x, uint32_t channels, uint32_t side, vit158_rng *rng)
{
    const float area = (float)side * (float)side;
    for (int i = 0; i < ERASE_TRIES; i++) {
        const float target = area * (0.02F + 0.23F * vit158_rng_uniform(rng));
        const float ratio = expf(logf(3.3F) * (2.0F * vit158_rng_uniform(rng) - 1.0F));
        const uint32_t h = (uint32_t)(sqrtf(target * ratio) + 0.5F);
        const uint32_t w = (uint32_t)(sqrtf(target / ratio) + 0.5F);
        if (h == 0 || w == 0 || h >= side || w >= side)
            continue;
        const uint32_t y0 = vit158_rng_below(rng, side - h), x0 = vit158_rng_below(rng, side - w);
        for (uint32_t c = 0; c < channels; c++)
            for (uint32_t y = y0; y < y0 + h; y++)
                for (uint32_t xx = x0; xx < x0 + w; xx++)
                    x[((size_t)c * side + y) * side + xx] = (uint8_t)(vit158_rng_next(rng) >> 56);
        return;
    }
}

void vit158_train_augment_image(uint8_t *out, const uint8_t *in, uint8_t *scratch,
                                uint32_t channels, uint32_t side, const vit158_train_augment *how,
                                vit158_rng *rng)
{
    if (how->crop_area > 0.0F) {
        const vit158_train_part part = vit158_train_part_random(side, how->crop_area, rng);
        vit158_train_enlarge(scratch, in, channels, side, &part);
        in = scratch;
    }
    crop_flip(out, in, channels, side, how, rng);
    for (uint32_t i = 0; i < how->operations; i++)
        vit158_train_augment_operation(out, scratch, channels, side, how->magnitude, rng);
    if (how->autoaugment > 0.0F && vit158_rng_uniform(rng) < how->autoaugment)
        vit158_train_augment_policy(out, scratch, channels, side, rng);
    if (how->erase > 0.0F && vit158_rng_uniform(rng) < how->erase)
        erase(out, channels, side, rng);
}

/* Beta(alpha, alpha) for alpha <= 1 by Johnk's method. */
static float beta(float alpha, vit158_rng *rng)
{
    for (;;) {
        const float u = powf(vit158_rng_uniform(rng), 1.0F / alpha);
        const float v = powf(vit158_rng_uniform(rng), 1.0F / alpha);
        if (u + v > 0.0F && u + v <= 1.0F)
            return u / (u + v);
    }
}

static float cut(float *x, const float *other, uint32_t channels, uint32_t side, vit158_rng *rng)
{
    const float share = sqrtf(1.0F - vit158_rng_uniform(rng));
    const int n = (int)side, cut_side = (int)((float)side * share);
    const int cx = (int)vit158_rng_below(rng, side), cy = (int)vit158_rng_below(rng, side);
    const int x0 = cx - cut_side / 2 < 0 ? 0 : cx - cut_side / 2;
    const int y0 = cy - cut_side / 2 < 0 ? 0 : cy - cut_side / 2;
    const int x1 = cx + cut_side / 2 > n ? n : cx + cut_side / 2;
    const int y1 = cy + cut_side / 2 > n ? n : cy + cut_side / 2;
    for (uint32_t c = 0; c < channels; c++)
        for (int y = y0; y < y1; y++) {
            const size_t at = ((size_t)c * side + (size_t)y) * side;
            for (int i = x0; i < x1; i++)
                x[at + (size_t)i] = other[at + (size_t)i];
        }
    return 1.0F - (float)((x1 - x0) * (y1 - y0)) / (float)(n * n);
}

float vit158_train_augment_mix(float *x, const float *other, uint32_t channels, uint32_t side,
                               const vit158_train_augment *how, vit158_rng *rng)
{
    if (how->mix <= 0.0F || vit158_rng_uniform(rng) >= how->mix)
        return 1.0F;
    if (vit158_rng_uniform(rng) < how->cutmix)
        return cut(x, other, channels, side, rng);
    const float share = beta(how->mixup_alpha, rng);
    const size_t count = (size_t)channels * side * side;
    for (size_t i = 0; i < count; i++)
        x[i] = share * x[i] + (1.0F - share) * other[i];
    return share;
}
