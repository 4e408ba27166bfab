/* SPDX-License-Identifier: MIT */
#include "model/ternary.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>

#include "base/numerics.h"

float vit158_absmean(const float *w, uint32_t n_out, uint32_t n_in)
{
    double total = 0.0;
    for (uint32_t o = 0; o < n_out; o++) {
        const float *row = w + (size_t)o * n_in;
        double row_total = 0.0;
        for (uint32_t i = 0; i < n_in; i++)
            row_total += fabs((double)row[i]);
        total += row_total;
    }
    const double count = (double)n_out * (double)n_in;
    const float mean = count > 0.0 ? (float)(total / count) : 0.0F;
    return mean > VIT158_QUANT_FLOOR ? mean : VIT158_QUANT_FLOOR;
}

void vit158_ternarize(int8_t *u, const float *w, size_t n, float m)
{
    const float inverse = 1.0F / m;
    for (size_t i = 0; i < n; i++) {
        /* Clamping first gives the same trits (the bounds are integers) and keeps rne in range. */
        float x = w[i] * inverse;
        x = x < 1.0F ? x : 1.0F;
        x = x > -1.0F ? x : -1.0F;
        u[i] = (int8_t)vit158_rne(x);
    }
}

float vit158_ternarize_untrained(int8_t *u, const float *w, uint32_t n_out, uint32_t n_in)
{
    const size_t n = (size_t)n_out * n_in;
    const double threshold = 0.7 * (double)vit158_absmean(w, n_out, n_in);
    double total = 0.0;
    size_t survivors = 0;
    for (size_t i = 0; i < n; i++) {
        const double magnitude = fabs((double)w[i]);
        u[i] = (int8_t)(magnitude <= threshold ? 0 : w[i] > 0.0F ? 1 : -1);
        if (u[i] != 0) {
            total += magnitude;
            survivors++;
        }
    }
    const float mean = survivors > 0 ? (float)(total / (double)survivors) : 0.0F;
    return mean > VIT158_QUANT_FLOOR ? mean : VIT158_QUANT_FLOOR;
}

/* The magnitude that all values but zeros have, 0 if all are zeros, -1 if they differ. */
static float one_magnitude(const float *w, size_t n)
{
    float magnitude = 0.0F;
    for (size_t i = 0; i < n; i++) {
        const float a = fabsf(w[i]);
        if (a > 0.0F && magnitude > 0.0F && a != magnitude)
            return -1.0F;
        magnitude = a > 0.0F ? a : magnitude;
    }
    return magnitude;
}

uint32_t vit158_find_trits(int8_t *u, float *scale, const float *w, uint32_t n_out, uint32_t n_in)
{
    bool same = true;
    float first = 0.0F;
    for (uint32_t o = 0; o < n_out; o++) {
        const float magnitude = one_magnitude(w + (size_t)o * n_in, n_in);
        if (magnitude < 0.0F)
            return 0;
        same = same && (magnitude == 0.0F || first == 0.0F || magnitude == first);
        first = first == 0.0F ? magnitude : first;
        scale[o] = magnitude > 0.0F ? magnitude : 1.0F;
    }
    for (size_t i = 0; i < (size_t)n_out * n_in; i++)
        u[i] = (int8_t)((w[i] > 0.0F) - (w[i] < 0.0F));
    if (same)
        scale[0] = first > 0.0F ? first : 1.0F;
    return same ? 1 : n_out;
}

/* Both directions walk the codes in storage order: blocks of four groups, rows within. */
typedef struct code_walk {
    uint32_t n_in;
    uint32_t first; /* group of a block */
    uint32_t last;
} code_walk;

static bool next_block(code_walk *walk)
{
    const uint32_t groups = vit158_trit_groups(walk->n_in);
    walk->first = walk->last;
    walk->last =
        groups - walk->first < VIT158_BLOCK_GROUPS ? groups : walk->first + VIT158_BLOCK_GROUPS;
    return walk->first < groups;
}

void vit158_pack_trits(uint8_t *codes, const int8_t *u, uint32_t n_rows, uint32_t n_in)
{
    code_walk walk = {.n_in = n_in};
    while (next_block(&walk)) {
        for (uint32_t o = 0; o < n_rows; o++) {
            const int8_t *row = u + (size_t)o * n_in;
            for (uint32_t g = walk.first; g < walk.last; g++) {
                const uint32_t start = g * VIT158_TRITS_PER_CODE;
                unsigned code = 0;
                for (uint32_t i = VIT158_TRITS_PER_CODE; i-- > 0;) {
                    const int trit = n_in - start > i ? row[start + i] : 0;
                    assert(trit >= -1 && trit <= 1);
                    code = 3 * code + (unsigned)(trit + 1);
                }
                *codes++ = (uint8_t)code;
            }
        }
    }
}

void vit158_unpack_trits(int8_t *u, const uint8_t *codes, uint32_t n_rows, uint32_t n_in)
{
    code_walk walk = {.n_in = n_in};
    while (next_block(&walk)) {
        for (uint32_t o = 0; o < n_rows; o++) {
            int8_t *row = u + (size_t)o * n_in;
            for (uint32_t g = walk.first; g < walk.last; g++) {
                const uint32_t start = g * VIT158_TRITS_PER_CODE;
                unsigned code = *codes++;
                assert(code < VIT158_TRIT_CODES);
                for (uint32_t i = 0; i < VIT158_TRITS_PER_CODE && n_in - start > i; i++) {
                    row[start + i] = (int8_t)((int)(code % 3) - 1);
                    code /= 3;
                }
            }
        }
    }
}
