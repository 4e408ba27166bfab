/* SPDX-License-Identifier: MIT */
#include "unit/train_naive.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void norm(double *x, const double *weight, const double *bias, uint32_t n, double eps)
{
    double mean = 0.0, variance = 0.0;
    for (uint32_t i = 0; i < n; i++)
        mean += x[i] / n;
    for (uint32_t i = 0; i < n; i++)
        variance += (x[i] - mean) * (x[i] - mean) / n;
    for (uint32_t i = 0; i < n; i++)
        x[i] = (x[i] - mean) / sqrt(variance + eps) * weight[i] + bias[i];
}

static void linear(double *y, const double *x, const double *weight, const double *bias,
                   uint32_t n_in, uint32_t n_out)
{
    for (uint32_t o = 0; o < n_out; o++) {
        y[o] = bias[o];
        for (uint32_t i = 0; i < n_in; i++)
            y[o] += weight[(size_t)o * n_in + i] * x[i];
    }
}

/* y = layer(x) with the inner norm if the network has one; x is changed. */
static void layer_of(double *y, double *x, const vit158_net *net, const vit158_layer *layer,
                     const double *p)
{
    if (net->config.inner_norms)
        norm(x, p + layer->norm_weight, p + layer->norm_bias, layer->n_in,
             (double)net->config.inner_norm_eps);
    linear(y, x, p + layer->weight, p + layer->bias, layer->n_in, layer->n_out);
}

static void attend(double *out, const double *qkv, uint32_t n, uint32_t d, uint32_t heads)
{
    const uint32_t width = d / heads;
    double *scores = calloc(n, sizeof *scores);
    for (uint32_t t = 0; t < n; t++) {
        for (uint32_t h = 0; h < heads; h++) {
            const double *q = qkv + (size_t)t * 3 * d + (size_t)h * width;
            double total = 0.0;
            for (uint32_t s = 0; s < n; s++) {
                const double *k = qkv + (size_t)s * 3 * d + d + (size_t)h * width;
                double dot = 0.0;
                for (uint32_t i = 0; i < width; i++)
                    dot += q[i] * k[i];
                scores[s] = exp(dot / sqrt(width));
                total += scores[s];
            }
            for (uint32_t i = 0; i < width; i++) {
                double sum = 0.0;
                for (uint32_t s = 0; s < n; s++)
                    sum += scores[s] / total *
                           qkv[(size_t)s * 3 * d + 2 * (size_t)d + (size_t)h * width + i];
                out[(size_t)t * d + (size_t)h * width + i] = sum;
            }
        }
    }
    free(scores);
}

static void block(double *x, const vit158_net *net, const vit158_net_block *b, const double *p)
{
    const uint32_t n = net->tokens, d = net->config.dim, f = net->config.mlp_dim;
    double *row = calloc(d + f, sizeof *row), *y = calloc(d + f, sizeof *y);
    double *qkv = calloc((size_t)n * 3 * d, sizeof *qkv);
    double *att = calloc((size_t)n * d, sizeof *att);
    for (uint32_t t = 0; t < n; t++) {
        memcpy(row, x + (size_t)t * d, d * sizeof *row);
        if (net->config.outer_norms)
            norm(row, p + b->norm1_weight, p + b->norm1_bias, d, (double)net->config.norm_eps);
        layer_of(qkv + (size_t)t * 3 * d, row, net, &b->layers[VIT158_QKV], p);
    }
    attend(att, qkv, n, d, net->config.heads);
    for (uint32_t t = 0; t < n; t++) {
        layer_of(y, att + (size_t)t * d, net, &b->layers[VIT158_PROJ], p);
        for (uint32_t i = 0; i < d; i++)
            row[i] = x[(size_t)t * d + i] += y[i];
        if (net->config.outer_norms)
            norm(row, p + b->norm2_weight, p + b->norm2_bias, d, (double)net->config.norm_eps);
        layer_of(y, row, net, &b->layers[VIT158_FC1], p);
        for (uint32_t i = 0; i < f; i++)
            y[i] = 0.5 * y[i] * (1.0 + erf(y[i] / sqrt(2.0)));
        layer_of(row, y, net, &b->layers[VIT158_FC2], p);
        for (uint32_t i = 0; i < d; i++)
            x[(size_t)t * d + i] += row[i];
    }
    free(att);
    free(qkv);
    free(y);
    free(row);
}

double naive_loss(const vit158_net *net, const double *p, const float *patches, size_t patch_ld,
                  uint32_t label)
{
    const uint32_t n = net->tokens, d = net->config.dim, classes = net->config.classes;
    double *x = calloc((size_t)n * d, sizeof *x), *z = calloc(classes, sizeof *z);
    double *patch = calloc(net->patch_inputs, sizeof *patch);
    for (uint32_t t = 0; t < n; t++) {
        double *row = x + (size_t)t * d;
        if (t == 0) {
            memcpy(row, p + net->cls, d * sizeof *row);
        } else {
            for (uint32_t i = 0; i < net->patch_inputs; i++)
                patch[i] = (double)patches[(t - 1) * patch_ld + i];
            linear(row, patch, p + net->patch_weight, p + net->patch_bias, net->patch_inputs, d);
        }
        for (uint32_t i = 0; i < d; i++)
            row[i] += p[net->pos + (size_t)t * d + i];
    }
    for (uint32_t b = 0; b < net->config.depth; b++)
        block(x, net, &net->blocks[b], p);
    norm(x, p + net->norm_weight, p + net->norm_bias, d, (double)net->config.norm_eps);
    linear(z, x, p + net->head_weight, p + net->head_bias, d, classes);
    double total = 0.0;
    for (uint32_t c = 0; c < classes; c++)
        total += exp(z[c]);
    const double loss = log(total) - z[label];
    free(patch);
    free(z);
    free(x);
    return loss;
}
