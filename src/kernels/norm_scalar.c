/* SPDX-License-Identifier: MIT
 *
 * LayerNorm and int8 quantization: definition. A tile of tokens is normalised in scratch memory
 * [n][VIT158_NORM_TOKENS], channels in order, and then stored as int8 or float.
 */
#include <math.h>
#include <string.h>

#include "kernels/ops_scalar.h"

enum { TILE = VIT158_NORM_TOKENS };

/* Striped total over channels of one token column. */
static float total(const float *column, uint32_t n)
{
    float lanes[4] = {0};
    for (uint32_t c = 0; c < n; c++)
        lanes[c % 4] = lanes[c % 4] + column[(size_t)c * TILE];
    return vit158_striped_total(lanes);
}

static float total_of_squares(const float *column, uint32_t n, float mean)
{
    float lanes[4] = {0};
    for (uint32_t c = 0; c < n; c++) {
        const float d = column[(size_t)c * TILE] - mean;
        lanes[c % 4] = lanes[c % 4] + d * d;
    }
    return vit158_striped_total(lanes);
}

static void normalise(float *tile, uint32_t n, const vit158_layernorm *norm)
{
    for (uint32_t j = 0; j < TILE; j++) {
        float *column = tile + j;
        const float mean = norm->rms ? 0.0F : total(column, n) / (float)n;
        const float variance = total_of_squares(column, n, mean) / (float)n;
        const float inverse = 1.0F / sqrtf(variance + norm->eps) + (variance - variance);
        for (uint32_t c = 0; c < n; c++) {
            const float unit = (column[(size_t)c * TILE] - mean) * inverse;
            const float bias = norm->bias != NULL ? norm->bias[c] : 0.0F;
            column[(size_t)c * TILE] = unit * norm->weight[c] + bias;
        }
    }
}

static void load_and_normalise(float *tile, const float *x, size_t ld, uint32_t n,
                               const vit158_layernorm norms[2])
{
    for (uint32_t c = 0; c < n; c++)
        memcpy(tile + (size_t)c * TILE, x + c * ld, TILE * sizeof(float));
    for (uint32_t i = 0; i < 2 && norms[i].weight != NULL; i++)
        normalise(tile, n, &norms[i]);
}

static int8_t clamp_and_quantize(float x)
{
    x = x < 127.0F ? x : 127.0F;
    return vit158_quantize(x > -127.0F ? x : -127.0F, 1.0F);
}

static void quantize(const vit158_norm_quantize *p, uint32_t t, const float *column)
{
    float absmax = 0.0F;
    for (uint32_t c = 0; c < p->n; c++)
        absmax = vit158_larger_magnitude(absmax, column[(size_t)c * TILE]);
    if (p->rule.step > 0.0F) {
        const float s = 1.0F / p->rule.step;
        for (uint32_t c = 0; c < p->n; c++)
            p->q[c * p->ld + t] = clamp_and_quantize(column[(size_t)c * TILE] * s);
        p->r[t] = p->rule.step + (absmax - absmax);
        return;
    }
    const float s = vit158_quant_scale(absmax);
    for (uint32_t c = 0; c < p->n; c++)
        p->q[c * p->ld + t] = vit158_quantize(column[(size_t)c * TILE], s);
    p->r[t] = 1.0F / s + (absmax - absmax);
}

void vit158_norm_quantize_scalar(const vit158_norm_quantize *p, uint32_t t0, uint32_t t1,
                                 void *scratch)
{
    float *tile = scratch;
    for (uint32_t t = t0; t < t1; t += TILE) {
        load_and_normalise(tile, p->x + t, p->ld, p->n, p->norms);
        for (uint32_t j = 0; j < TILE; j++)
            quantize(p, t + j, tile + j);
    }
}

void vit158_norm_f32_scalar(const vit158_norm_f32 *p, uint32_t t0, uint32_t t1, void *scratch)
{
    float *tile = scratch;
    for (uint32_t t = t0; t < t1; t += TILE) {
        load_and_normalise(tile, p->x + t, p->ld, p->n, p->norms);
        for (uint32_t c = 0; c < p->n; c++)
            memcpy(p->y + c * p->ld + t, tile + (size_t)c * TILE, TILE * sizeof(float));
    }
}
