/* SPDX-License-Identifier: MIT */
#include "unit/naive_forward.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/ternary.h"

static double *new_doubles(size_t count)
{
    double *values = calloc(count, sizeof *values);
    if (values == NULL)
        abort();
    return values;
}

static void layer_norm(double *y, const double *x, uint32_t n, vit158_norm norm, float eps)
{
    double mean = 0, variance = 0;
    for (uint32_t i = 0; i < n; i++)
        mean += x[i] / n;
    for (uint32_t i = 0; i < n; i++)
        variance += (x[i] - mean) * (x[i] - mean) / n;
    for (uint32_t i = 0; i < n; i++)
        y[i] = (x[i] - mean) / sqrt(variance + (double)eps) * (double)norm.weight[i] +
               (double)norm.bias[i];
}

/* A sum of ternary rows with its scales: [n_out][n_in]. */
static double *expand_sums(const vit158_linear *layer)
{
    const uint32_t n_in = layer->n_in, n_out = layer->n_out;
    const uint32_t rows = vit158_plane_rows(&layer->planes, n_out, 0, n_out);
    double *w = new_doubles((size_t)n_in * n_out);
    int8_t *trits = calloc((size_t)n_in * rows, 1);
    if (trits == NULL)
        abort();
    vit158_unpack_trits(trits, layer->weight, rows, n_in);
    for (uint32_t plane = 0; plane < layer->planes.count; plane++) {
        for (uint32_t o = 0; o < n_out; o++) {
            const uint32_t row = vit158_plane_row(&layer->planes, n_out, plane, o);
            if (vit158_plane_row(&layer->planes, n_out, plane, o + 1) == row)
                continue;
            for (uint32_t i = 0; i < n_in; i++)
                w[(size_t)o * n_in + i] +=
                    (double)trits[(size_t)row * n_in + i] * (double)layer->scale[row];
        }
    }
    free(trits);
    return w;
}

static double scale_of(const vit158_linear *layer, uint32_t o)
{
    if (layer->scale == NULL || layer->planes.count > 1)
        return 1.0;
    return (double)layer->scale[layer->scale_count > 1 ? o : 0];
}

/* The matrix as the numbers it stands for, without scales for quantized ones that are no sums:
 * [n_out][n_in]. */
static double *expand(const vit158_linear *layer)
{
    if (layer->planes.count > 1)
        return expand_sums(layer);
    const size_t count = (size_t)layer->n_in * layer->n_out;
    double *w = new_doubles(count);
    if (layer->encoding == VIT158_ENCODING_F32) {
        for (size_t i = 0; i < count; i++)
            w[i] = (double)((const float *)layer->weight)[i];
        return w;
    }
    int8_t *integers = calloc(count, 1);
    if (integers == NULL)
        abort();
    if (layer->encoding == VIT158_ENCODING_TRIT)
        vit158_unpack_trits(integers, layer->weight, layer->n_out, layer->n_in);
    else
        memcpy(integers, layer->weight, count);
    for (size_t i = 0; i < count; i++)
        w[i] = integers[i];
    free(integers);
    return w;
}

static void norm_rows(double *y, const double *x, uint32_t rows, uint32_t n, vit158_norm norm,
                      float eps)
{
    if (norm.weight == NULL)
        memcpy(y, x, (size_t)rows * n * sizeof *y);
    else
        for (uint32_t t = 0; t < rows; t++)
            layer_norm(y + (size_t)t * n, x + (size_t)t * n, n, norm, eps);
}

static void show(const naive_observer *observer, vit158_sight sight, double *values)
{
    if (observer != NULL)
        observer->see(observer->context, &sight, values);
}

/* y [rows][n_out] = layer(x [rows][n_in]), inner norm and activation quantizer included. */
static double *apply(const vit158_model *model, const vit158_linear *layer, const double *x,
                     uint32_t rows, const naive_observer *observer)
{
    const uint32_t n_in = layer->n_in;
    double *w = expand(layer);
    double *y = new_doubles((size_t)rows * layer->n_out);
    double *inputs = new_doubles((size_t)rows * n_in);
    norm_rows(inputs, x, rows, n_in, layer->norm, model->inner_norm_eps);
    vit158_sight sight = {.site = VIT158_SITE_INPUT,
                          .layer = layer->layer,
                          .block = layer->block,
                          .rows = n_in,
                          .tokens = rows};
    show(observer, sight, inputs);
    for (uint32_t t = 0; t < rows; t++) {
        double *in = inputs + (size_t)t * n_in;
        double step = 1.0;
        if (layer->encoding != VIT158_ENCODING_F32) {
            double largest = 1e-5;
            for (uint32_t i = 0; i < n_in; i++)
                largest = fmax(largest, fabs(in[i]));
            step = layer->inputs.step > 0.0F ? (double)layer->inputs.step : largest / 127.0;
            for (uint32_t i = 0; i < n_in; i++)
                in[i] = rint(fmax(-127.0, fmin(127.0, in[i] / step)));
        }
        for (uint32_t o = 0; o < layer->n_out; o++) {
            double sum = 0;
            for (uint32_t i = 0; i < n_in; i++)
                sum += w[(size_t)o * n_in + i] * in[i];
            y[(size_t)t * layer->n_out + o] =
                sum * scale_of(layer, o) * step + (double)layer->bias[o];
        }
    }
    sight.site = VIT158_SITE_OUTPUT;
    sight.rows = layer->n_out;
    show(observer, sight, y);
    free(inputs);
    free(w);
    return y;
}

/* scores [query][key] of one head */
static void score(double *scores, const double *qkv, const vit158_model_info *info, uint32_t head)
{
    const uint32_t n = info->tokens, d = info->dim, hd = d / info->heads;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++) {
            const double *q = qkv + (size_t)i * 3 * d + (size_t)head * hd;
            const double *k = qkv + (size_t)j * 3 * d + d + (size_t)head * hd;
            scores[(size_t)i * n + j] = 0;
            for (uint32_t c = 0; c < hd; c++)
                scores[(size_t)i * n + j] += q[c] * k[c] / sqrt(hd);
        }
}

static void softmax_rows(double *p, uint32_t n)
{
    for (double *row = p; row < p + (size_t)n * n; row += n) {
        double largest = -INFINITY, total = 0;
        for (uint32_t j = 0; j < n; j++)
            largest = fmax(largest, row[j]);
        for (uint32_t j = 0; j < n; j++)
            total += row[j] = exp(row[j] - largest);
        for (uint32_t j = 0; j < n; j++)
            row[j] /= total;
    }
}

/* Softmax attention of one head; adds its mean share into flow [N][N]. */
static void attend_head(double *out, const double *qkv, const vit158_model_info *info,
                        uint32_t block, uint32_t head, const naive_result *result, double *flow)
{
    const uint32_t n = info->tokens, d = info->dim, hd = d / info->heads;
    double *p = new_doubles((size_t)n * n);
    vit158_sight sight = {.site = VIT158_SITE_SCORES,
                          .layer = VIT158_LAYER_QKV,
                          .block = block,
                          .head = head,
                          .rows = n,
                          .tokens = n};
    score(p, qkv, info, head);
    show(result->observer, sight, p);
    softmax_rows(p, n);
    sight.site = VIT158_SITE_PROBABILITIES;
    show(result->observer, sight, p);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++) {
            const double share = p[(size_t)i * n + j];
            const double *v = qkv + (size_t)j * 3 * d + (size_t)2 * d + (size_t)head * hd;
            flow[(size_t)i * n + j] += 0.5 * share / info->heads;
            for (uint32_t c = 0; c < hd; c++)
                out[(size_t)i * d + (size_t)head * hd + c] += share * v[c];
        }
    memcpy(result->attention + ((size_t)block * info->heads + head) * n, p, n * sizeof *p);
    free(p);
}

/* rollout = flow * rollout, both [N][N]. */
static void roll(double *rollout, const double *flow, uint32_t n)
{
    double *product = new_doubles((size_t)n * n);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < n; k++)
            for (uint32_t j = 0; j < n; j++)
                product[(size_t)i * n + j] += flow[(size_t)i * n + k] * rollout[(size_t)k * n + j];
    memcpy(rollout, product, (size_t)n * n * sizeof *product);
    free(product);
}

static void show_residual(const naive_result *result, const vit158_model_info *info, uint32_t block,
                          double *x)
{
    show(result->observer,
         (vit158_sight){.site = VIT158_SITE_RESIDUAL,
                        .block = block,
                        .rows = info->dim,
                        .tokens = info->tokens},
         x);
}

static void block_forward(const vit158_model *model, uint32_t index, double *x, double *rollout,
                          const naive_result *result)
{
    const vit158_model_info *info = &model->info;
    const vit158_block *b = &model->blocks[index];
    const uint32_t n = info->tokens, d = info->dim;
    double *h = new_doubles((size_t)n * d);
    double *attended = new_doubles((size_t)n * d);
    double *flow = new_doubles((size_t)n * n);
    for (uint32_t i = 0; i < n; i++)
        flow[(size_t)i * n + i] = 0.5;
    norm_rows(h, x, n, d, b->norm1, model->norm_eps);
    double *qkv = apply(model, &b->qkv, h, n, result->observer);
    for (uint32_t head = 0; head < info->heads; head++)
        attend_head(attended, qkv, info, index, head, result, flow);
    roll(rollout, flow, n);
    double *projected = apply(model, &b->proj, attended, n, result->observer);
    for (size_t i = 0; i < (size_t)n * d; i++)
        x[i] += projected[i];
    show_residual(result, info, index, x);
    norm_rows(h, x, n, d, b->norm2, model->norm_eps);
    double *hidden = apply(model, &b->fc1, h, n, result->observer);
    for (size_t i = 0; i < (size_t)n * info->mlp_dim; i++)
        hidden[i] = 0.5 * hidden[i] * (1 + erf(hidden[i] / sqrt(2)));
    double *added = apply(model, &b->fc2, hidden, n, result->observer);
    for (size_t i = 0; i < (size_t)n * d; i++)
        x[i] += added[i];
    show_residual(result, info, index, x);
    free(h);
    free(attended);
    free(flow);
    free(qkv);
    free(projected);
    free(hidden);
    free(added);
}

static void embed(const vit158_model *model, const float *tensor, double *x)
{
    const vit158_model_info *info = &model->info;
    const uint32_t side = info->image_size, patch = info->patch_size, grid = side / patch;
    const float *w = model->patch.weight;
    for (uint32_t t = 0; t < info->tokens; t++) {
        for (uint32_t o = 0; o < info->dim; o++) {
            double sum = t == 0 ? (double)model->cls[o] : (double)model->patch.bias[o];
            for (uint32_t i = 0; t > 0 && i < model->patch.n_in; i++) {
                const uint32_t c = i / (patch * patch);
                const uint32_t row = (t - 1) / grid * patch + i / patch % patch;
                const uint32_t column = (t - 1) % grid * patch + i % patch;
                sum += (double)w[(size_t)o * model->patch.n_in + i] *
                       (double)tensor[((size_t)c * side + row) * side + column];
            }
            x[(size_t)t * info->dim + o] = sum + (double)model->pos[(size_t)t * info->dim + o];
        }
    }
}

void naive_forward(const vit158_model *model, const float *tensor, const naive_result *out)
{
    const vit158_model_info *info = &model->info;
    const uint32_t n = info->tokens;
    double *x = new_doubles((size_t)n * info->dim);
    double *rollout = new_doubles((size_t)n * n);
    for (uint32_t i = 0; i < n; i++)
        rollout[(size_t)i * n + i] = 1.0;
    embed(model, tensor, x);
    show_residual(out, info, VIT158_NO_BLOCK, x);
    for (uint32_t i = 0; i < info->depth; i++)
        block_forward(model, i, x, rollout, out);
    layer_norm(out->embedding, x, info->dim, model->norm, model->norm_eps);
    double *logits = apply(model, &model->head, out->embedding, 1, out->observer);
    memcpy(out->logits, logits, info->classes * sizeof *logits);
    memcpy(out->rollout, rollout, n * sizeof *rollout);
    free(logits);
    free(rollout);
    free(x);
}
