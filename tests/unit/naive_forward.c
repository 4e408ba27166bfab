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

/* The tokens on their way. */
typedef struct tokens {
    const vit158_model *model;
    const naive_result *result;
    uint32_t n;
    double *x;       /* [n][d] */
    double *sizes;   /* [n] */
    uint32_t *place; /* [N] the token that stands for one of the model's */
    double *rollout; /* [n][N] */
} tokens;

static bool averages(const vit158_model *model)
{
    return model->variant.pooling == VIT158_POOLING_AVG;
}

/* The mean of a column of [n][width] over what the head reads. */
static double read_by_head(const tokens *t, const double *values, size_t width, size_t column)
{
    if (!averages(t->model))
        return values[column];
    double sum = 0, count = 0;
    for (uint32_t i = t->model->info.prefix_tokens; i < t->n; i++) {
        sum += t->sizes[i] * values[i * width + column];
        count += t->sizes[i];
    }
    return sum / count;
}

/* scores [query][key] of one head */
static void score(double *scores, const double *qkv, const vit158_block *b, uint32_t n,
                  uint32_t head)
{
    const uint32_t d = b->proj.n_in, hd = d / b->heads;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++) {
            const double *q = qkv + (size_t)i * 3 * d + (size_t)head * hd;
            const double *k = qkv + (size_t)j * 3 * d + d + (size_t)head * hd;
            scores[(size_t)i * n + j] = 0;
            for (uint32_t c = 0; c < hd; c++)
                scores[(size_t)i * n + j] += q[c] * k[c] / sqrt(hd);
        }
}

/* Softmax of scores in which a key counts as often as it stands for a patch. */
static void softmax_rows(double *p, const double *sizes, uint32_t n)
{
    for (double *row = p; row < p + (size_t)n * n; row += n) {
        double largest = -INFINITY, total = 0;
        for (uint32_t j = 0; j < n; j++)
            largest = fmax(largest, row[j]);
        for (uint32_t j = 0; j < n; j++)
            total += row[j] = sizes[j] * exp(row[j] - largest);
        for (uint32_t j = 0; j < n; j++)
            row[j] /= total;
    }
}

/* Softmax attention of one head; adds its mean share into flow [n][n]. */
static void attend_head(double *out, const tokens *t, const double *qkv, uint32_t block,
                        uint32_t head, double *flow)
{
    const vit158_model_info *info = &t->model->info;
    const vit158_block *b = &t->model->blocks[block];
    const uint32_t n = t->n, d = b->proj.n_in, hd = d / b->heads;
    double *p = new_doubles((size_t)n * n);
    vit158_sight sight = {.site = VIT158_SITE_SCORES,
                          .layer = VIT158_LAYER_QKV,
                          .block = block,
                          .head = head,
                          .rows = n,
                          .tokens = n};
    score(p, qkv, b, n, head);
    show(t->result->observer, sight, p);
    softmax_rows(p, t->sizes, n);
    sight.site = VIT158_SITE_PROBABILITIES;
    show(t->result->observer, sight, p);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++) {
            const double share = p[(size_t)i * n + j];
            const double *v = qkv + (size_t)j * 3 * d + (size_t)2 * d + (size_t)head * hd;
            flow[(size_t)i * n + j] += 0.5 * share / b->heads;
            for (uint32_t c = 0; c < hd; c++)
                out[(size_t)i * d + (size_t)head * hd + c] += share * v[c];
        }
    double *attention = t->result->attention + ((size_t)block * info->heads + head) * info->tokens;
    for (uint32_t j = 0; j < info->tokens; j++)
        attention[j] = read_by_head(t, p, n, t->place[j]) / t->sizes[t->place[j]];
    free(p);
}

/* rollout [n][N] = flow [n][n] * rollout. */
static void roll(const tokens *t, const double *flow)
{
    const uint32_t n = t->n, sources = t->model->info.tokens;
    double *product = new_doubles((size_t)n * sources);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < n; k++)
            for (uint32_t j = 0; j < sources; j++)
                product[(size_t)i * sources + j] +=
                    flow[(size_t)i * n + k] * t->rollout[(size_t)k * sources + j];
    memcpy(t->rollout, product, (size_t)n * sources * sizeof *product);
    free(product);
}

/* ---- Merging -------------------------------------------------------------------------------- */

/* Cosine of the keys of two tokens, added over heads. */
static double similarity(const vit158_block *block, const double *qkv, uint32_t i, uint32_t j)
{
    const uint32_t d = block->proj.n_in, hd = d / block->heads;
    double product = 0, squares_i = 0, squares_j = 0;
    for (uint32_t c = 0; c < hd; c++) {
        double a = 0, b = 0;
        for (uint32_t head = 0; head < block->heads; head++) {
            a += qkv[(size_t)i * 3 * d + d + (size_t)head * hd + c];
            b += qkv[(size_t)j * 3 * d + d + (size_t)head * hd + c];
        }
        product += a * b;
        squares_i += a * a;
        squares_j += b * b;
    }
    return product / sqrt(squares_i) / sqrt(squares_j);
}

/* values [n][width] of the tokens that are left: means by size over the tokens with that `now`. */
static void merge_values(double *values, size_t width, const tokens *t, const uint32_t *now,
                         uint32_t left)
{
    double *sums = new_doubles(left * width), *totals = new_doubles(left);
    for (uint32_t i = 0; i < t->n; i++) {
        totals[now[i]] += t->sizes[i];
        for (size_t c = 0; c < width; c++)
            sums[now[i] * width + c] += t->sizes[i] * values[i * width + c];
    }
    for (size_t i = 0; i < left * width; i++)
        values[i] = sums[i] / totals[i / width];
    free(sums);
    free(totals);
}

/* Sets where each token goes: pairs are chosen one at a time, the most alike first. */
static void choose(uint32_t *now, const tokens *t, const vit158_block *block, const double *qkv,
                   uint32_t count)
{
    const uint32_t none = UINT32_MAX, prefix = t->model->info.prefix_tokens;
    uint32_t *into = malloc(t->n * sizeof *into);
    double *best = new_doubles(t->n);
    if (into == NULL)
        abort();
    for (uint32_t i = 0; i < t->n; i++)
        into[i] = none;
    for (uint32_t a = prefix; a < t->n; a += 2) {
        best[a] = -INFINITY;
        for (uint32_t b = prefix + 1; b < t->n; b += 2) {
            const double s = similarity(block, qkv, a, b);
            if (s > best[a]) {
                best[a] = s;
                now[a] = b; /* for the moment: whom it would join */
            }
        }
    }
    for (; count > 0; count--) {
        uint32_t next = none;
        for (uint32_t a = prefix; a < t->n; a += 2)
            if (into[a] == none && (next == none || best[a] > best[next]))
                next = a;
        into[next] = now[next];
    }
    uint32_t left = 0;
    for (uint32_t i = 0; i < prefix; i++)
        now[i] = left++;
    for (uint32_t parity = 0; parity < 2; parity++)
        for (uint32_t i = prefix + parity; i < t->n; i += 2)
            if (into[i] == none)
                now[i] = left++;
    for (uint32_t i = prefix; i < t->n; i += 2)
        if (into[i] != none)
            now[i] = now[into[i]];
    free(into);
    free(best);
}

static void merge(tokens *t, const vit158_block *block, const double *qkv, uint32_t count)
{
    const vit158_model_info *info = &t->model->info;
    const uint32_t left = t->n - count;
    uint32_t *now = malloc(t->n * sizeof *now);
    double *sizes = new_doubles(left);
    if (now == NULL)
        abort();
    choose(now, t, block, qkv, count);
    merge_values(t->x, info->dim, t, now, left);
    merge_values(t->rollout, info->tokens, t, now, left);
    for (uint32_t i = 0; i < t->n; i++)
        sizes[now[i]] += t->sizes[i];
    for (uint32_t j = 0; j < info->tokens; j++)
        t->place[j] = now[t->place[j]];
    memcpy(t->sizes, sizes, left * sizeof *sizes);
    t->n = left;
    free(now);
    free(sizes);
}

/* ---- Blocks --------------------------------------------------------------------------------- */

static void show_residual(const tokens *t, uint32_t block)
{
    show(t->result->observer,
         (vit158_sight){.site = VIT158_SITE_RESIDUAL,
                        .block = block,
                        .rows = t->model->info.dim,
                        .tokens = t->n},
         t->x);
}

static void attention_half(tokens *t, uint32_t index)
{
    const vit158_model *model = t->model;
    const vit158_block *b = &model->blocks[index];
    const naive_observer *observer = t->result->observer;
    const uint32_t n = t->n, d = model->info.dim;
    double *h = new_doubles((size_t)n * d);
    double *attended = new_doubles((size_t)n * b->proj.n_in);
    double *flow = new_doubles((size_t)n * n);
    for (uint32_t i = 0; i < n; i++)
        flow[(size_t)i * n + i] = 0.5;
    norm_rows(h, t->x, n, d, b->norm1, model->norm_eps);
    double *qkv = apply(model, &b->qkv, h, n, observer);
    for (uint32_t head = 0; head < b->heads; head++)
        attend_head(attended, t, qkv, index, head, flow);
    roll(t, flow);
    double *projected = apply(model, &b->proj, attended, n, observer);
    for (size_t i = 0; i < (size_t)n * d; i++)
        t->x[i] += projected[i];
    show_residual(t, index);
    if (t->result->merges != NULL && t->result->merges[index] > 0) {
        merge(t, b, qkv, t->result->merges[index]);
        show_residual(t, index);
    }
    free(h);
    free(attended);
    free(flow);
    free(qkv);
    free(projected);
}

static void mlp_half(tokens *t, uint32_t index)
{
    const vit158_model *model = t->model;
    const vit158_block *b = &model->blocks[index];
    const naive_observer *observer = t->result->observer;
    const size_t width = (size_t)t->n * model->info.dim;
    double *h = new_doubles(width);
    norm_rows(h, t->x, t->n, model->info.dim, b->norm2, model->norm_eps);
    double *hidden = apply(model, &b->fc1, h, t->n, observer);
    for (size_t i = 0; i < (size_t)t->n * b->fc1.n_out; i++)
        hidden[i] = 0.5 * hidden[i] * (1 + erf(hidden[i] / sqrt(2)));
    double *added = apply(model, &b->fc2, hidden, t->n, observer);
    for (size_t i = 0; i < width; i++)
        t->x[i] += added[i];
    show_residual(t, index);
    free(h);
    free(hidden);
    free(added);
}

static void embed(const vit158_model *model, const float *tensor, double *x)
{
    const vit158_model_info *info = &model->info;
    const uint32_t side = info->image_size, patch = info->patch_size, grid = side / patch;
    const uint32_t prefix = info->prefix_tokens;
    const float *w = model->patch.weight;
    for (uint32_t t = 0; t < info->tokens; t++) {
        for (uint32_t o = 0; o < info->dim; o++) {
            double sum = t < prefix ? (double)model->cls[(size_t)t * info->dim + o]
                                    : (double)model->patch.bias[o];
            for (uint32_t i = 0; t >= prefix && i < model->patch.n_in; i++) {
                const uint32_t c = i / (patch * patch);
                const uint32_t row = (t - prefix) / grid * patch + i / patch % patch;
                const uint32_t column = (t - prefix) % grid * patch + i % patch;
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
    const uint32_t n = info->tokens, d = info->dim;
    tokens t = {.model = model,
                .result = out,
                .n = n,
                .x = new_doubles((size_t)n * d),
                .sizes = new_doubles(n),
                .place = malloc(n * sizeof *t.place),
                .rollout = new_doubles((size_t)n * n)};
    if (t.place == NULL)
        abort();
    for (uint32_t i = 0; i < n; i++) {
        t.sizes[i] = 1.0;
        t.place[i] = i;
        t.rollout[(size_t)i * n + i] = 1.0;
    }
    embed(model, tensor, t.x);
    show_residual(&t, VIT158_NO_BLOCK);
    for (uint32_t i = 0; i < info->depth; i++) {
        attention_half(&t, i);
        mlp_half(&t, i);
    }
    double *normed = new_doubles((size_t)t.n * d);
    norm_rows(normed, t.x, t.n, d, model->norm, model->norm_eps);
    for (uint32_t c = 0; c < d; c++)
        out->embedding[c] = read_by_head(&t, normed, d, c);
    double *logits = apply(model, &model->head, out->embedding, 1, out->observer);
    memcpy(out->logits, logits, info->classes * sizeof *logits);
    for (uint32_t j = 0; j < n; j++)
        out->rollout[j] = read_by_head(&t, t.rollout, n, j);
    free(logits);
    free(normed);
    free(t.x);
    free(t.sizes);
    free(t.place);
    free(t.rollout);
}
