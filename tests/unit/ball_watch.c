/* SPDX-License-Identifier: MIT */
#include "unit/ball_watch.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/numerics.h"
#include "engine/attention_int.h"
#include "model/ternary.h"

/* Rounding to nearest in float errs by at most UNIT of the value, or TINY where it underflows. 1 %
 * more stands for the terms of second order. */
#define UNIT (1.01 * 0x1p-24)
#define TINY 0x1p-149
/* Of base/numerics.h: relative error of the exponential, absolute error of erf. */
#define EXP_ERROR 2e-7
#define ERF_ERROR 5e-7
#define EXP_CUT 1.7e-38 /* exp(VIT158_EXP_MIN), below which it is 0 */
/* Softmax: numerator and total have the exponential's error, and x - max, of which 87 at most
 * count, one rounding; then 1 / total and the product. */
#define SOFTMAX_ERROR (2 * EXP_ERROR + (87 + 3) * UNIT)
/* A score so far below the largest has less than 1 % of its share. */
#define UNSEEN 5.0
/* Queries and keys of int16 attention from 1e21 steps on are refused (engine/attention_int.c); in
 * between it depends on rounding. */
#define MAY_BE_REFUSED 2.04e24
#define REFUSED 2.05e24

/* A value, and a radius within which the engine's lies. */
typedef struct ball {
    double x;
    double e;
} ball;

static double largest; /* of all magnitudes of this pass, partial sums included */

static void track(double magnitude)
{
    largest = fmax(largest, magnitude);
}

/* a * b where infinity times 0 is 0. */
static double times(double a, double b)
{
    return a == 0 || b == 0 ? 0 : a * b;
}

static double most(ball a)
{
    return fabs(a.x) + a.e;
}

/* The result of one float operation whose exact value lies in a. */
static ball rounded(ball a)
{
    track(most(a));
    a.e += UNIT * most(a) + TINY;
    return a;
}

static ball add(ball a, ball b)
{
    return rounded((ball){a.x + b.x, a.e + b.e});
}

static ball product(ball a, ball b)
{
    return (ball){a.x * b.x, times(fabs(a.x), b.e) + times(fabs(b.x), a.e) + times(a.e, b.e)};
}

static ball multiply(ball a, ball b)
{
    return rounded(product(a, b));
}

/* A sum of n terms that is made of float operations in some order, each term itself rounded. */
typedef struct sum {
    ball total;
    double magnitude;
    uint32_t n;
} sum;

static void sum_add(sum *s, ball term)
{
    s->total.x += term.x;
    s->total.e += term.e;
    s->magnitude += most(term);
    s->n++;
}

static ball sum_end(sum s)
{
    track(s.magnitude);
    s.total.e += (s.n + 1) * (UNIT * s.magnitude + TINY);
    return s.total;
}

static ball exactly(float x)
{
    return (ball){(double)x, 0};
}

/* ---- Norm ---- */

static void layer_norm(ball *y, const ball *x, uint32_t n, vit158_norm norm, float eps)
{
    sum total = {0}, squares = {0};
    for (uint32_t i = 0; i < n; i++)
        sum_add(&total, x[i]);
    ball mean = sum_end(total);
    mean = rounded((ball){mean.x / n, mean.e / n});
    mean.x = -mean.x;
    for (uint32_t i = 0; i < n; i++) {
        y[i] = add(x[i], mean);
        sum_add(&squares, product(y[i], y[i]));
    }
    ball v = sum_end(squares);
    v = add(rounded((ball){v.x / n, v.e / n}), exactly(eps));
    /* The engine's variance is not negative. */
    const double least = fmax(v.x - v.e, 0.99 * (double)eps);
    ball inverse = {1 / sqrt(v.x), 0};
    inverse.e = fmax(1 / sqrt(least) - inverse.x, inverse.x - 1 / sqrt(v.x + v.e));
    inverse = rounded(rounded(inverse)); /* root and quotient */
    for (uint32_t i = 0; i < n; i++) {
        ball unit = multiply(y[i], inverse);
        /* A value is at most sqrt(n) deviations off, however wrong both are. */
        unit.e = fmin(unit.e, fabs(unit.x) + 1.01 * sqrt(n));
        y[i] = add(multiply(unit, exactly(norm.weight[i])), exactly(norm.bias[i]));
    }
}

/* ---- Linear layers ---- */

/* q [n] from x [n], and the step, as METHODS.md 1.2. A value may turn to its neighbour where the
 * middle between two is within the rounding of s and x s. */
static ball quantize(ball *q, const float *x, uint32_t n, size_t stride)
{
    double absmax = (double)VIT158_QUANT_FLOOR;
    for (uint32_t i = 0; i < n; i++)
        absmax = fmax(absmax, fabs((double)x[i * stride]));
    for (uint32_t i = 0; i < n; i++) {
        const double exact = (double)x[i * stride] * 127 / absmax, slack = 127 * 3 * UNIT;
        q[i].x = rint(exact);
        q[i].e =
            fmax(q[i].x - rint(fmax(exact - slack, -127)), rint(fmin(exact + slack, 127)) - q[i].x);
    }
    return rounded(rounded((ball){absmax / 127, 0})); /* 1 / (127 / absmax) */
}

/* Output o of a layer from in [n_in]: floats, or integers of which one counts `step`. */
static ball output(const vit158_linear *layer, const int8_t *integers, uint32_t o, const ball *in,
                   ball step)
{
    const size_t row = (size_t)o * layer->n_in;
    const float *floats = layer->weight;
    sum s = {0};
    for (uint32_t i = 0; i < layer->n_in; i++) {
        const double w = integers != NULL ? integers[row + i] : (double)floats[row + i];
        sum_add(&s, product((ball){w, 0}, in[i]));
    }
    ball y;
    if (integers != NULL) { /* an exact integer, one conversion */
        const ball scale = exactly(layer->scale[layer->scale_count > 1 ? o : 0]);
        y = multiply(rounded(s.total), multiply(scale, step));
    } else {
        y = sum_end(s);
    }
    return add(y, exactly(layer->bias[o]));
}

/* ---- Attention ---- */

/* What rounding to so many levels of the largest of n values may change; returns that. */
static double round_to(double *radius, const float *x, uint32_t n, size_t stride, double levels)
{
    double absmax = (double)VIT158_I16_FLOOR;
    for (uint32_t i = 0; i < n; i++)
        absmax = fmax(absmax, fabs((double)x[i * stride]));
    for (uint32_t i = 0; i < n; i++)
        radius[i * stride] = (0.5 + levels * 3 * UNIT) * absmax / levels;
    return absmax;
}

/* The radii of queries, keys and values where attention runs in int16. */
static void round_heads(ball_watch *w)
{
    const vit158_model_info *info = &w->model->info;
    const size_t n = info->tokens, d = info->dim, hd = d / info->heads;
    for (size_t c = 0; c < 2 * d; c += hd)
        for (size_t t = 0; t < n; t++) {
            const size_t at = c * n + t;
            const double absmax = round_to(w->radius + at, w->qkv + at, (uint32_t)hd, n,
                                           (double)VIT158_I16_TOKEN_LEVELS);
            w->lost |= absmax >= REFUSED;
            track(absmax >= MAY_BE_REFUSED ? INFINITY : absmax);
        }
    for (size_t c = 2 * d; c < 3 * d; c++)
        round_to(w->radius + c * n, w->qkv + c * n, (uint32_t)n, 1, (double)VIT158_I16_LEVELS);
}

static ball qkv_at(const ball_watch *w, size_t channel, size_t token)
{
    const size_t at = channel * w->model->info.tokens + token;
    return (ball){(double)w->qkv[at], w->radius[at]};
}

/* Its slope is at most 1.13; the rest is what erf and the products err by. */
static ball gelu(float a)
{
    const double x = (double)a, error = fabs(x) * (ERF_ERROR / 2 + 4 * UNIT) + TINY;
    return rounded((ball){0.5 * x * erfc(-x / sqrt(2)), error});
}

/* ---- Following a pass ---- */

static float *new_floats(size_t count)
{
    float *values = calloc(count, sizeof *values);
    if (values == NULL)
        abort();
    return values;
}

ball_watch ball_watch_make(const vit158_model *model)
{
    const size_t n = model->info.tokens, d = model->info.dim, f = model->info.mlp_dim;
    const size_t widest = model->patch.n_in + 4 * d + f;
    largest = 0;
    double *radius = calloc(n * 3 * d, sizeof *radius);
    if (radius == NULL)
        abort();
    return (ball_watch){.radius = radius,
                        .model = model,
                        .residual = new_floats(n * d),
                        .input = new_floats(n * widest),
                        .output = new_floats(n * widest),
                        .qkv = new_floats(n * 3 * d),
                        .scores = new_floats(n * n),
                        .tied = calloc(n, sizeof(bool)),
                        .shares = new_floats(model->info.heads * n * n)};
}

void ball_watch_free(ball_watch *w)
{
    free(w->residual);
    free(w->input);
    free(w->output);
    free(w->qkv);
    free(w->radius);
    free(w->scores);
    free(w->tied);
    free(w->shares);
}

double ball_watch_largest(void)
{
    return largest;
}

static const char *site_name(const vit158_sight *sight)
{
    return sight->site == VIT158_SITE_INPUT           ? "input"
           : sight->site == VIT158_SITE_OUTPUT        ? "output"
           : sight->site == VIT158_SITE_SCORES        ? "scores"
           : sight->site == VIT158_SITE_PROBABILITIES ? "probabilities"
                                                      : "residual";
}

/* Compares one value with what it may be; b is not a number where an operand was none. */
static void compare(ball_watch *w, const vit158_sight *sight, size_t row, size_t token, ball b)
{
    const double value = (double)sight->values[row * sight->ld + token];
    /* Of the last block only the class token's column goes on to the logits. */
    const bool matters = token == 0 || sight->block + 1 < w->model->info.depth ||
                         (sight->block == VIT158_NO_BLOCK && sight->layer != VIT158_LAYER_HEAD);
    if (!isfinite(value)) {
        w->lost |= matters && sight->site != VIT158_SITE_SCORES;
        if (largest < (double)FLT_MAX && isfinite(b.x) && w->wrong[0] == 0)
            snprintf(w->wrong, sizeof w->wrong, "%s: not finite, though nothing exceeds %g",
                     site_name(sight), largest);
        return;
    }
    if (!isfinite(b.x))
        return;
    w->values++;
    w->sharp += b.e <= 1e-3 * fabs(b.x) + 1e-6;
    if (!(fabs(value - b.x) <= b.e) && w->wrong[0] == 0)
        snprintf(w->wrong, sizeof w->wrong,
                 "%s of layer %d, block %d, row %zu, token %zu: %.9g is not within %.3g of %.9g",
                 site_name(sight), (int)sight->layer, (int)sight->block, row, token, value, b.e,
                 b.x);
}

static void keep(float *out, const vit158_sight *sight)
{
    for (size_t row = 0; row < sight->rows; row++)
        memcpy(out + row * sight->tokens, sight->values + row * sight->ld,
               sight->tokens * sizeof *out);
}

static const vit158_linear *layer_of(const vit158_model *model, const vit158_sight *sight)
{
    if (sight->layer == VIT158_LAYER_EMBED || sight->layer == VIT158_LAYER_HEAD)
        return sight->layer == VIT158_LAYER_HEAD ? &model->head : &model->patch;
    const vit158_block *b = &model->blocks[sight->block];
    const vit158_linear *layers[] = {&b->qkv, &b->proj, &b->fc1, &b->fc2};
    return layers[sight->layer];
}

/* What attention gives of channel c to token t, from the probabilities and values seen. */
static ball attended(const ball_watch *w, uint32_t c, size_t t)
{
    const vit158_model_info *info = &w->model->info;
    const uint32_t n = info->tokens, head = c / (info->dim / info->heads);
    const float *p = w->shares + (size_t)head * n * n;
    sum s = {0};
    for (uint32_t j = 0; j < n; j++)
        sum_add(&s,
                product(exactly(p[(size_t)j * n + t]), qkv_at(w, (size_t)2 * info->dim + c, j)));
    return rounded(rounded(rounded(sum_end(s)))); /* int16: two scales */
}

/* A column of a layer's input before its norms. */
static void before_norms(ball *x, const ball_watch *w, const vit158_sight *sight, size_t t)
{
    const uint32_t n = w->model->info.tokens;
    for (uint32_t c = 0; c < sight->rows; c++)
        x[c] = sight->layer == VIT158_LAYER_PROJ  ? attended(w, c, t)
               : sight->layer == VIT158_LAYER_FC2 ? gelu(w->output[(size_t)c * n + t])
                                                  : exactly(w->residual[(size_t)c * n + t]);
}

static void see_input(ball_watch *w, const vit158_sight *sight)
{
    static const vit158_norm none = {0};
    const vit158_model *m = w->model;
    const vit158_linear *layer = layer_of(m, sight);
    const vit158_norm outer = sight->layer == VIT158_LAYER_HEAD  ? m->norm
                              : sight->layer == VIT158_LAYER_QKV ? m->blocks[sight->block].norm1
                              : sight->layer == VIT158_LAYER_FC1 ? m->blocks[sight->block].norm2
                                                                 : none;
    ball *x = calloc(2 * (size_t)sight->rows, sizeof *x), *y = x + sight->rows;
    if (x == NULL)
        abort();
    for (size_t t = 0; sight->layer != VIT158_LAYER_EMBED && t < sight->tokens; t++) {
        before_norms(x, w, sight, t);
        if (outer.weight != NULL) {
            layer_norm(y, x, sight->rows, outer, m->norm_eps);
            memcpy(x, y, sight->rows * sizeof *x);
        }
        if (layer->norm.weight != NULL) {
            layer_norm(y, x, sight->rows, layer->norm, m->inner_norm_eps);
            memcpy(x, y, sight->rows * sizeof *x);
        }
        for (uint32_t c = 0; c < sight->rows; c++)
            compare(w, sight, c, t, x[c]);
    }
    free(x);
    keep(w->input, sight);
}

static void see_output(ball_watch *w, const vit158_sight *sight)
{
    const vit158_linear *layer = layer_of(w->model, sight);
    const uint32_t n_in = layer->n_in;
    const size_t n = sight->tokens;
    ball *in = calloc(n_in, sizeof *in), step = {1, 0};
    int8_t *trits = NULL;
    const int8_t *integers = layer->encoding == VIT158_ENCODING_I8 ? layer->weight : NULL;
    if (layer->encoding == VIT158_ENCODING_TRIT) {
        integers = trits = calloc((size_t)n_in * layer->n_out, 1);
        if (trits == NULL)
            abort();
        vit158_unpack_trits(trits, layer->weight, layer->n_out, n_in);
    }
    if (in == NULL)
        abort();
    for (size_t t = 0; t < n; t++) {
        if (integers != NULL)
            step = quantize(in, w->input + t, n_in, n);
        for (uint32_t i = 0; integers == NULL && i < n_in; i++)
            in[i] = exactly(w->input[i * n + t]);
        for (uint32_t o = 0; o < layer->n_out; o++)
            compare(w, sight, o, t, output(layer, integers, o, in, step));
    }
    free(in);
    free(trits);
    keep(sight->layer == VIT158_LAYER_QKV ? w->qkv : w->output, sight);
    if (sight->layer == VIT158_LAYER_QKV && vit158_attention_is_int(w->model, sight->block))
        round_heads(w);
}

/* The score that may be as large as this. */
static double most_of(ball score)
{
    return score.x + score.e;
}

static void see_scores(ball_watch *w, const vit158_sight *sight)
{
    const vit158_model_info *info = &w->model->info;
    const size_t n = info->tokens, hd = info->dim / info->heads;
    const size_t q = sight->head * hd, k = info->dim + q;
    const ball factor = rounded((ball){1 / sqrt((double)hd), 0});
    for (size_t t = 0; t < n; t++) {
        ball first = {-INFINITY, 0}, second = first;
        for (size_t j = 0; j < n; j++) {
            sum s = {0};
            for (size_t c = 0; c < hd; c++)
                sum_add(&s, product(qkv_at(w, q + c, t), qkv_at(w, k + c, j)));
            const ball score = multiply(rounded(rounded(sum_end(s))), factor);
            compare(w, sight, j, t, score);
            const ball other = score.x > first.x ? first : score;
            first = score.x > first.x ? score : first;
            second = most_of(other) > most_of(second) ? other : second;
        }
        const double doubt = first.e + second.e;
        w->tied[t] = doubt > 0.01 && first.x - second.x <= doubt + UNSEEN;
    }
    keep(w->scores, sight);
}

static void see_probabilities(ball_watch *w, const vit158_sight *sight)
{
    const size_t n = sight->tokens;
    const bool integer = vit158_attention_is_int(w->model, sight->block);
    const double rounding = integer ? 0.5 / (double)VIT158_I16_LEVELS : 0;
    for (size_t t = 0; t < n; t++) {
        double most_score = -INFINITY, total = 0;
        for (size_t j = 0; j < n; j++)
            most_score = fmax(most_score, (double)w->scores[j * n + t]);
        for (size_t j = 0; j < n; j++)
            total += exp((double)w->scores[j * n + t] - most_score);
        for (size_t j = 0; j < n; j++) {
            const double p = exp((double)w->scores[j * n + t] - most_score) / total;
            const double error = (SOFTMAX_ERROR + (double)(n + 1) * UNIT) * p + EXP_CUT + rounding;
            compare(w, sight, j, t, rounded((ball){p, error}));
        }
    }
    keep(w->shares + sight->head * n * n, sight);
}

static void see_residual(ball_watch *w, const vit158_sight *sight)
{
    const vit158_model *m = w->model;
    const size_t n = sight->tokens;
    for (size_t c = 0; c < sight->rows; c++)
        for (size_t t = 0; t < n; t++) {
            const size_t at = c * n + t;
            ball before = exactly(w->residual[at]), added = exactly(w->output[at]);
            if (sight->block == VIT158_NO_BLOCK) {
                before = exactly(m->pos[t * sight->rows + c]);
                added = t == 0 ? exactly(m->cls[c]) : added;
            }
            compare(w, sight, c, t, add(before, added));
        }
    keep(w->residual, sight);
}

void ball_watch_see(void *context, const vit158_sight *sight)
{
    ball_watch *w = context;
    switch (sight->site) {
    case VIT158_SITE_INPUT:
        see_input(w, sight);
        break;
    case VIT158_SITE_OUTPUT:
        see_output(w, sight);
        break;
    case VIT158_SITE_SCORES:
        see_scores(w, sight);
        break;
    case VIT158_SITE_PROBABILITIES:
        see_probabilities(w, sight);
        break;
    default:
        see_residual(w, sight);
        break;
    }
}
