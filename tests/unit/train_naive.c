/* SPDX-License-Identifier: MIT */
#include "unit/train_naive.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/conv_net.h"

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
static void layer_of(double *y, double *x, const vit158_train_net *net,
                     const vit158_train_layer *layer, const double *p)
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

static void block(double *x, const vit158_train_net *net, const vit158_train_net_block *b,
                  const double *p)
{
    const uint32_t n = net->tokens, d = net->config.dim, f = b->layers[VIT158_FC1].n_out;
    const uint32_t a = b->layers[VIT158_PROJ].n_in; /* d, or less in a pruned block */
    double *row = calloc(d + f, sizeof *row), *y = calloc(d + f, sizeof *y);
    double *qkv = calloc((size_t)n * 3 * a, sizeof *qkv);
    double *att = calloc((size_t)n * a, sizeof *att);
    for (uint32_t t = 0; t < n; t++) {
        memcpy(row, x + (size_t)t * d, d * sizeof *row);
        if (net->config.outer_norms)
            norm(row, p + b->norm1_weight, p + b->norm1_bias, d, (double)net->config.norm_eps);
        layer_of(qkv + (size_t)t * 3 * a, row, net, &b->layers[VIT158_QKV], p);
    }
    attend(att, qkv, n, a, a / vit158_train_head_dim(&net->config));
    for (uint32_t t = 0; t < n; t++) {
        layer_of(y, att + (size_t)t * a, net, &b->layers[VIT158_PROJ], p);
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

static double gelu(double x)
{
    return 0.5 * x * (1.0 + erf(x / sqrt(2.0)));
}

/* One output of a 3 x 3 convolution of y [side^2][n_in]. */
static double seen_from(const double *y, const vit158_train_conv *conv, const double *weight,
                        uint32_t at_y, uint32_t at_x)
{
    const uint32_t n = conv->layer.n_in;
    double sum = 0.0;
    for (uint32_t k = 0; k < 9; k++) {
        const uint32_t from_y = at_y + k / 3 - 1, from_x = at_x + k % 3 - 1; /* wraps below 0 */
        if (from_y >= conv->side || from_x >= conv->side)
            continue;
        for (uint32_t i = 0; i < n; i++)
            sum += weight[k * n + i] * y[((size_t)from_y * conv->side + from_x) * n + i];
    }
    return sum;
}

/* out [side^2][n_out] = convolution of act(x); x is changed. */
static void convolve(double *out, double *x, const vit158_train_net *net,
                     const vit158_train_conv *conv, const double *p)
{
    const vit158_train_layer *l = &conv->layer;
    for (uint32_t row = 0; row < conv->side * conv->side; row++) {
        for (uint32_t i = 0; i < l->n_in; i++)
            x[(size_t)row * l->n_in + i] = gelu(x[(size_t)row * l->n_in + i]);
        norm(x + (size_t)row * l->n_in, p + l->norm_weight, p + l->norm_bias, l->n_in,
             (double)net->config.norm_eps);
    }
    for (uint32_t row = 0; row < conv->side * conv->side; row++)
        for (uint32_t o = 0; o < l->n_out; o++)
            out[(size_t)row * l->n_out + o] =
                p[l->bias + o] + seen_from(x, conv, p + l->weight + (size_t)o * 9 * l->n_in,
                                           row / conv->side, row % conv->side);
}

static void halve(double *out, const double *in, uint32_t side, uint32_t n)
{
    for (uint32_t y = 0; y < side / 2; y++)
        for (uint32_t x = 0; x < side / 2; x++)
            for (uint32_t c = 0; c < n; c++) {
                double most = -1e300;
                for (uint32_t k = 0; k < 4; k++)
                    most = fmax(most, in[(((size_t)2 * y + k / 2) * side + 2 * x + k % 2) * n + c]);
                out[((size_t)y * (side / 2) + x) * n + c] = most;
            }
}

/* x [tokens - 1][stem_width] becomes the mean [d] over the last grid. */
static void convolutions(double *x, const vit158_train_net *net, const double *p)
{
    const size_t room = (size_t)(net->tokens - 1) * net->config.dim;
    double *changed = calloc(room, sizeof *x), *h = calloc(room, sizeof *x);
    double *out = calloc(room, sizeof *x);
    for (uint32_t i = 0; i < net->conv_count; i++) {
        const vit158_train_conv *conv = &net->convs[i];
        const size_t area = (size_t)conv->side * conv->side, count = area * conv->layer.n_out;
        const bool second = conv->role == VIT158_TRAIN_CONV_SECOND;
        memcpy(changed, second ? h : x, area * conv->layer.n_in * sizeof *x);
        convolve(out, changed, net, conv, p);
        if (conv->role == VIT158_TRAIN_CONV_WIDEN)
            halve(x, out, conv->side, conv->layer.n_out);
        else if (second)
            for (size_t j = 0; j < count; j++)
                x[j] += out[j];
        else
            memcpy(h, out, count * sizeof *h);
    }
    const uint32_t side = net->convs[net->conv_count - 1].side, d = net->config.dim;
    for (uint32_t c = 0; c < d; c++) {
        double mean = 0.0;
        for (uint32_t row = 0; row < side * side; row++)
            mean += x[(size_t)row * d + c] / (side * side);
        out[c] = mean;
    }
    memcpy(x, out, d * sizeof *x);
    free(out);
    free(h);
    free(changed);
}

static void embed(double *row, const vit158_train_net *net, const double *p, const float *patch)
{
    double *inputs = calloc(net->patch_inputs, sizeof *inputs);
    for (uint32_t i = 0; i < net->patch_inputs; i++)
        inputs[i] = (double)patch[i];
    linear(row, inputs, p + net->patch_weight, p + net->patch_bias, net->patch_inputs,
           net->stem_width);
    free(inputs);
}

/* x: rows of d, the class token's first. */
static void transformer(double *x, const vit158_train_net *net, const double *p,
                        const float *patches, size_t patch_ld)
{
    const uint32_t d = net->config.dim;
    for (uint32_t t = 0; t < net->tokens; t++) {
        double *row = x + (size_t)t * d;
        if (t == 0)
            memcpy(row, p + net->cls, d * sizeof *row);
        else
            embed(row, net, p, patches + (t - 1) * patch_ld);
        for (uint32_t i = 0; i < d; i++)
            row[i] += p[net->pos + (size_t)t * d + i];
    }
    for (uint32_t b = 0; b < net->block_count; b++)
        block(x, net, &net->blocks[b], p);
}

double naive_loss(const vit158_train_net *net, const double *p, const float *patches,
                  size_t patch_ld, uint32_t label)
{
    const uint32_t d = net->config.dim, classes = net->config.classes;
    double *x = calloc((size_t)net->tokens * d, sizeof *x), *z = calloc(classes, sizeof *z);
    if (net->config.network == VIT158_TRAIN_CONV) {
        for (uint32_t t = 0; t < net->tokens - 1; t++)
            embed(x + (size_t)t * net->stem_width, net, p, patches + t * patch_ld);
        convolutions(x, net, p);
    } else {
        transformer(x, net, p, patches, patch_ld);
    }
    norm(x, p + net->norm_weight, p + net->norm_bias, d, (double)net->config.norm_eps);
    linear(z, x, p + net->head_weight, p + net->head_bias, d, classes);
    double total = 0.0;
    for (uint32_t c = 0; c < classes; c++)
        total += exp(z[c]);
    const double loss = log(total) - z[label];
    free(z);
    free(x);
    return loss;
}
