/* SPDX-License-Identifier: MIT
 *
 * What stands before a BitLinear's product, row by row: GELU, outer and inner LayerNorm, absmax and
 * rounding to int8 (METHODS.md 1.2, 1.3); and its backward, straight through the rounding, which
 * recomputes the row from the input and the saved statistics.
 */
#include <string.h>

#include "train/isa.h"
#include "train/vec.h"

typedef struct moments {
    float mean;
    float inverse; /* 1 / sqrt(variance + eps) */
} moments;

static moments row_moments(const float *x, uint32_t n, float eps)
{
    vf sum = vf_set(0.0F);
    for (uint32_t i = 0; i < n; i += VIT158_TRAIN_LANES)
        sum += vf_load(x + i);
    const float mean = vf_sum(sum) / (float)n;
    vf square = vf_set(0.0F);
    for (uint32_t i = 0; i < n; i += VIT158_TRAIN_LANES) {
        const vf d = vf_load(x + i) - mean;
        square += d * d;
    }
    return (moments){mean, 1.0F / __builtin_sqrtf(vf_sum(square) / (float)n + eps)};
}

static void apply(float *y, const float *x, moments m, const float *weight, const float *bias,
                  uint32_t n)
{
    for (uint32_t i = 0; i < n; i += VIT158_TRAIN_LANES)
        vf_store(y + i,
                 (vf_load(x + i) - m.mean) * m.inverse * vf_load(weight + i) + vf_load(bias + i));
}

static void gelu_row(float *y, const float *x, uint32_t n)
{
    for (uint32_t i = 0; i < n; i += VIT158_TRAIN_LANES) {
        const vf v = vf_load(x + i);
        vf_store(y + i, v * vf_normal_cdf(v));
    }
}

static void quantize_row(const vit158_train_quantized *out, uint32_t t, const float *x, uint32_t n)
{
    vf most = vf_set(0.0F);
    for (uint32_t i = 0; i < n; i += VIT158_TRAIN_LANES)
        most = vf_max(most, vf_abs(vf_load(x + i)));
    const float scale = vit158_quant_scale(vf_largest(most));
    vi total = vi_set(0);
    int8_t *to = out->q + t * out->ldq;
    for (uint32_t i = 0; i < n; i += VIT158_TRAIN_LANES) {
        const vi q = vf_quantize(vf_load(x + i), vf_set(scale));
        const vi8 narrow = __builtin_convertvector(q, vi8);
        memcpy(to + i, &narrow, sizeof narrow);
        total += q;
    }
    memset(to + n, 0, out->ldq - n);
    out->r[t] = 1.0F / scale;
    int32_t lane[VIT158_TRAIN_LANES];
    int32_t sum = 0;
    memcpy(lane, &total, sizeof lane);
    for (uint32_t i = 0; i < VIT158_TRAIN_LANES; i++)
        sum += lane[i];
    out->sum[t] = sum;
}

void ISA(norm_rows)(const vit158_train_norm_rows *p)
{
    for (uint32_t t = 0; t < p->rows; t++) {
        const float *x = p->x + t * p->ldx;
        float *stats = p->stats + (size_t)4 * t;
        float *row = p->out.q != NULL ? p->scratch : p->y + (size_t)t * p->n;
        if (p->gelu) {
            gelu_row(row, x, p->n);
            x = row;
        }
        if (p->outer_weight != NULL) {
            const moments m = row_moments(x, p->n, p->outer_eps);
            stats[0] = m.mean;
            stats[1] = m.inverse;
            apply(row, x, m, p->outer_weight, p->outer_bias, p->n);
            x = row;
        }
        if (p->inner_weight != NULL) {
            const moments m = row_moments(x, p->n, p->inner_eps);
            stats[2] = m.mean;
            stats[3] = m.inverse;
            apply(row, x, m, p->inner_weight, p->inner_bias, p->n);
            x = row;
        }
        if (p->out.q != NULL)
            quantize_row(&p->out, t, x, p->n);
        else if (x != row)
            memcpy(row, x, p->n * sizeof *row);
    }
}

/* Through y = xhat weight + bias, xhat = (x - mean) inverse: dy becomes dx in place. Without
 * d_weight there is no d_bias either. */
static void norm_row_gradient(float *dy, const float *x, moments m, const float *weight,
                              float *d_weight, float *d_bias, uint32_t n)
{
    vf sum = vf_set(0.0F), dot = vf_set(0.0F);
    for (uint32_t i = 0; i < n; i += VIT158_TRAIN_LANES) {
        const vf g = vf_load(dy + i);
        const vf xhat = (vf_load(x + i) - m.mean) * m.inverse;
        if (d_weight != NULL) {
            vf_store(d_weight + i, vf_load(d_weight + i) + g * xhat);
            vf_store(d_bias + i, vf_load(d_bias + i) + g);
        }
        const vf gw = g * vf_load(weight + i);
        sum += gw;
        dot += gw * xhat;
    }
    const float a = vf_sum(sum) / (float)n, b = vf_sum(dot) / (float)n;
    for (uint32_t i = 0; i < n; i += VIT158_TRAIN_LANES) {
        const vf xhat = (vf_load(x + i) - m.mean) * m.inverse;
        vf_store(dy + i, (vf_load(dy + i) * vf_load(weight + i) - a - xhat * b) * m.inverse);
    }
}

static void gelu_row_gradient(float *dy, const float *x, uint32_t n)
{
    for (uint32_t i = 0; i < n; i += VIT158_TRAIN_LANES) {
        const vf v = vf_load(x + i);
        const vf density = 0.398942280F * vf_exp(-0.5F * v * v);
        vf_store(dy + i, vf_load(dy + i) * (vf_normal_cdf(v) + v * density));
    }
}

void ISA(norm_gradient)(const vit158_train_norm_gradient *p)
{
    const vit158_train_norm_rows *f = p->forward;
    const uint32_t n = f->n;
    float *g = f->scratch, *activated = g + n, *normed = activated + n;
    for (uint32_t t = 0; t < f->rows; t++) {
        const float *input = f->x + t * f->ldx;
        const float *stats = f->stats + (size_t)4 * t;
        const moments outer = {stats[0], stats[1]}, inner = {stats[2], stats[3]};
        const float *x = input;
        memcpy(g, p->dy + (size_t)t * n, n * sizeof *g);
        if (f->gelu) {
            gelu_row(activated, x, n);
            x = activated;
        }
        if (f->inner_weight != NULL) {
            const float *middle = x;
            if (f->outer_weight != NULL) {
                apply(normed, x, outer, f->outer_weight, f->outer_bias, n);
                middle = normed;
            }
            norm_row_gradient(g, middle, inner, f->inner_weight, p->d_inner_weight, p->d_inner_bias,
                              n);
        }
        if (f->outer_weight != NULL)
            norm_row_gradient(g, x, outer, f->outer_weight, p->d_outer_weight, p->d_outer_bias, n);
        if (f->gelu)
            gelu_row_gradient(g, input, n);
        float *dx = p->dx + t * p->lddx;
        if (p->add) {
            for (uint32_t i = 0; i < n; i += VIT158_TRAIN_LANES)
                vf_store(dx + i, vf_load(dx + i) + vf_load(g + i));
        } else {
            memcpy(dx, g, n * sizeof *dx);
        }
    }
}
