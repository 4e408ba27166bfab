/* SPDX-License-Identifier: MIT */
#include "compress/ptq_product.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "compress/arithmetic.h"
#include "compress/uniform.h"

/* Queries of a head whose keys are ranked. */
#define RANKED_ROWS 8U
/* Columns whose largest magnitudes are found together. */
#define STRIP 16U
/* A round of the search that gains less is the last. */
#define LEAST_GAIN 1e-6

vit158_ptq_settings vit158_ptq_defaults(void)
{
    return (vit158_ptq_settings){.weight_bits = 8,
                                 .input_bits = 8,
                                 .search = true,
                                 .correct_bias = true,
                                 .ranking = VIT158_RANKING_MEAN,
                                 .gamma = 0.1,
                                 .theta = 0.2,
                                 .candidates = 100,
                                 .from = 0.5,
                                 .to = 1.2,
                                 .images = 32};
}

/* ---- Shapes --------------------------------------------------------------------------------- */

static uint32_t head_dim_of(const vit158_ptq_product *p)
{
    return p->capture->model->info.dim / p->capture->model->info.heads;
}

static bool has_scores(const vit158_ptq_product *p)
{
    return p->kind == VIT158_QKV || p->kind == VIT158_PTQ_SCORES;
}

static size_t scratch_floats(const vit158_ptq_product *p)
{
    const vit158_capture *const c = p->capture;
    const size_t d = c->model->info.dim, s = c->sampled;
    const size_t ranks = s * c->lds + vit158_ranking_scratch(c->sampled);
    switch (p->kind) {
    case VIT158_PTQ_SCORES:
        return 2 * d * c->lds + ranks;
    case VIT158_PTQ_VALUES:
        return d * c->ld + (c->tokens + head_dim_of(p)) * c->lds;
    default:
        return (size_t)(p->linear->n_in + p->n_out) * c->lds + ranks;
    }
}

static float *expected_of(const vit158_ptq_product *p, uint32_t image)
{
    return p->expected + image * (size_t)p->n_out * p->capture->lds;
}

static size_t scores_size(const vit158_ptq_product *p)
{
    return (size_t)p->capture->model->info.heads * p->capture->sampled * p->capture->lds;
}

/* ---- Products ------------------------------------------------------------------------------- */

/* y [rows][lds] = a b, b [depth][lds]. */
static void multiply(const vit158_capture *c, float *y, const float *a, size_t a_row, size_t a_step,
                     const float *b, uint32_t rows, uint32_t depth)
{
    const vit158_train_product product = {.y = y,
                                          .ldy = c->lds,
                                          .a = a,
                                          .a_row = a_row,
                                          .a_step = a_step,
                                          .b = b,
                                          .ldb = c->lds,
                                          .rows = rows,
                                          .cols = (uint32_t)c->lds,
                                          .depth = depth,
                                          .factor = 1.0F};
    vit158_compress_arithmetic()->product(&product);
}

/* Scores of one head, [key][query]; q and k [d][lds] of all heads. */
static void multiply_scores(const vit158_ptq_product *p, float *y, const float *q, const float *k,
                            uint32_t head)
{
    const size_t first = (size_t)head * head_dim_of(p) * p->capture->lds;
    multiply(p->capture, y, k + first, 1, p->capture->lds, q + first, p->capture->sampled,
             head_dim_of(p));
}

/* Values of one head, [channel][query]; v [d][ld] of all heads. */
static void multiply_values(const vit158_ptq_product *p, float *y, const float *probabilities,
                            const float *v, uint32_t head)
{
    const uint32_t hd = head_dim_of(p);
    multiply(p->capture, y, v + (size_t)head * hd * p->capture->ld, p->capture->ld, 1,
             probabilities, hd, p->capture->tokens);
}

static void expect_image(void *context, uint32_t image, uint32_t worker)
{
    const vit158_ptq_product *const p = context;
    const vit158_capture *const c = p->capture;
    const vit158_captured *const at = &c->at[image];
    const vit158_model_info *const info = &c->model->info;
    float *const expected = expected_of(p, image);
    (void)worker;
    if (p->linear != NULL)
        multiply(c, expected, p->linear->weight, p->linear->n_in, 1, at->sampled[p->kind], p->n_out,
                 p->linear->n_in);
    for (uint32_t head = 0; head < info->heads; head++) {
        if (has_scores(p))
            multiply_scores(p,
                            p->scores + image * scores_size(p) + (size_t)head * c->sampled * c->lds,
                            at->qk, at->qk + info->dim * c->lds, head);
        if (p->kind == VIT158_PTQ_VALUES)
            multiply_values(p, expected + (size_t)head * head_dim_of(p) * c->lds,
                            at->probabilities + (size_t)head * c->tokens * c->lds, at->v, head);
    }
}

vit158_status vit158_ptq_product_create(vit158_ptq_product *p, const vit158_capture *capture,
                                        uint32_t block, uint32_t kind,
                                        const vit158_ptq_settings *settings, uint32_t weight_bits,
                                        uint32_t input_bits, vit158_error *error)
{
    const vit158_block *const b = &capture->model->blocks[block];
    const vit158_linear *const linears[VIT158_PTQ_PRODUCTS] = {&b->qkv, &b->proj, &b->fc1, &b->fc2};
    *p = (vit158_ptq_product){.capture = capture,
                              .settings = settings,
                              .linear = linears[kind],
                              .kind = kind,
                              .weight_bits = weight_bits,
                              .input_bits = input_bits};
    p->parts = p->linear == NULL ? 0 : kind == VIT158_QKV ? 3 : 1;
    p->steps = p->linear != NULL ? p->parts + !settings->by_token : settings->by_token ? 0 : 2;
    p->n_out = p->linear != NULL           ? p->linear->n_out
               : kind == VIT158_PTQ_VALUES ? capture->model->info.dim
                                           : 0;
    p->scratch_floats = vit158_train_round_up(scratch_floats(p), 16);
    const size_t images = capture->images, size = sizeof(float);
    if (p->linear != NULL)
        p->weight = calloc((size_t)p->linear->n_in * p->n_out, size);
    p->expected = calloc(images * p->n_out * capture->lds + 1, size);
    p->scores = calloc(has_scores(p) ? images * scores_size(p) : 1, size);
    p->scratch = calloc(capture->pool->workers * p->scratch_floats, size);
    p->terms = calloc(images + 1, sizeof *p->terms);
    if ((p->linear != NULL && p->weight == NULL) || p->expected == NULL || p->scores == NULL ||
        p->scratch == NULL || p->terms == NULL) {
        vit158_ptq_product_free(p);
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to search steps");
    }
    capture->pool->run(capture->pool, expect_image, p, capture->images);
    return VIT158_OK;
}

void vit158_ptq_product_free(vit158_ptq_product *p)
{
    free(p->weight);
    free(p->expected);
    free(p->scores);
    free(p->scratch);
    free(p->terms);
    *p = (vit158_ptq_product){0};
}

/* ---- Quantized operands --------------------------------------------------------------------- */

void vit158_ptq_round_columns(float *y, const float *x, uint32_t rows, uint32_t columns, size_t ld,
                              uint32_t bits, bool low_zero)
{
    vit158_uniform u = low_zero ? vit158_uniform_unsigned(1, bits) : vit158_uniform_signed(1, bits);
    for (uint32_t first = 0; first < columns; first += STRIP) {
        const uint32_t count = columns - first < STRIP ? columns - first : STRIP;
        float largest[STRIP] = {0};
        for (uint32_t r = 0; r < rows; r++)
            for (uint32_t t = 0; t < count; t++)
                largest[t] = fmaxf(largest[t], fabsf(x[r * ld + first + t]));
        for (uint32_t t = 0; t < count; t++) {
            u.step = vit158_uniform_step(largest[t], u.high);
            for (uint32_t r = 0; r < rows; r++)
                vit158_uniform_round(y + r * ld + first + t, x + r * ld + first + t, 1, u);
        }
    }
}

static void round_operand(const vit158_ptq_product *p, float *y, const float *x, uint32_t rows,
                          uint32_t columns, size_t ld, float step, bool low_zero)
{
    if (p->settings->by_token) {
        memset(y, 0, rows * ld * sizeof *y);
        vit158_ptq_round_columns(y, x, rows, columns, ld, p->input_bits, low_zero);
    } else {
        vit158_uniform_round(y, x, rows * ld,
                             low_zero ? vit158_uniform_unsigned(step, p->input_bits)
                                      : vit158_uniform_signed(step, p->input_bits));
    }
}

/* p->weight by the steps, as far as they are new. */
static void round_weights(vit158_ptq_product *p, const float *steps)
{
    const size_t part = p->linear != NULL ? (size_t)p->n_out / p->parts * p->linear->n_in : 0;
    for (uint32_t i = 0; i < p->parts; i++)
        if (p->weight_steps[i] != steps[i]) {
            vit158_uniform_round(p->weight + i * part, (const float *)p->linear->weight + i * part,
                                 part, vit158_uniform_signed(steps[i], p->weight_bits));
            p->weight_steps[i] = steps[i];
        }
}

/* ---- Measures ------------------------------------------------------------------------------- */

static void add_rows(const vit158_capture *c, vit158_sums *sums, const float *x, const float *y,
                     uint32_t rows)
{
    for (uint32_t r = 0; r < rows; r++)
        vit158_sums_add(sums, x + r * c->lds, y + r * c->lds, c->sampled);
}

/* Ranks some queries of one head. */
static void add_ranks(const vit158_ptq_product *p, vit158_ranking *ranking, const float *x,
                      const float *y, float *scratch)
{
    const vit158_capture *const c = p->capture;
    const uint32_t rows = c->sampled < RANKED_ROWS ? c->sampled : RANKED_ROWS;
    for (uint32_t r = 0; r < rows; r++) {
        const uint32_t query = r * c->sampled / rows;
        double theta = p->settings->theta;
        if (p->settings->ranking == VIT158_RANKING_DEVIATIONS)
            theta *= vit158_row_deviation(x + query, c->sampled, c->lds);
        vit158_ranking_add(ranking, x + query, y + query, c->sampled, c->lds, theta, scratch);
    }
}

/* Scores of quantized queries and keys against the float ones; `sums` may be NULL. */
static void measure_scores(const vit158_ptq_product *p, vit158_ptq_terms *terms, vit158_sums *sums,
                           uint32_t image, const float *q, const float *k, float *scratch)
{
    const vit158_capture *const c = p->capture;
    vit158_ranking ranking = {0};
    float *const y = scratch, *const rest = scratch + c->sampled * c->lds;
    for (uint32_t head = 0; head < c->model->info.heads; head++) {
        const float *const x =
            p->scores + image * scores_size(p) + (size_t)head * c->sampled * c->lds;
        multiply_scores(p, y, q, k, head);
        if (sums != NULL)
            add_rows(c, sums, x, y, c->sampled);
        add_ranks(p, &ranking, x, y, rest);
    }
    const bool sum = p->settings->ranking == VIT158_RANKING_SUM;
    terms->ranking = ranking.pairs > 0 ? ranking.loss / (sum ? 1 : ranking.pairs) : 0;
    terms->tau = ranking.pairs > 0 ? ranking.order / ranking.pairs : 1;
}

static void add_bias(const vit158_ptq_product *p, float *y, uint32_t rows)
{
    for (uint32_t r = 0; p->linear->bias != NULL && r < rows; r++)
        for (uint32_t s = 0; s < p->capture->sampled; s++)
            y[r * p->capture->lds + s] += p->linear->bias[r];
}

static void measure_linear(const vit158_ptq_product *p, vit158_ptq_terms *terms, uint32_t image,
                           float *scratch)
{
    const vit158_capture *const c = p->capture;
    const uint32_t n_in = p->linear->n_in, part = p->n_out / p->parts;
    float *const x = scratch, *const y = x + n_in * c->lds, *const rest = y + p->n_out * c->lds;
    round_operand(p, x, c->at[image].sampled[p->kind], n_in, c->sampled, c->lds,
                  p->settings->by_token ? 0 : p->now[p->parts], false);
    multiply(c, y, p->weight, n_in, 1, x, p->n_out, n_in);
    for (uint32_t i = 0; i < p->parts; i++) {
        vit158_sums sums = {0};
        const size_t first = (size_t)i * part * c->lds;
        add_rows(c, &sums, expected_of(p, image) + first, y + first, part);
        terms->pearson += vit158_sums_pearson(&sums) / p->parts;
        terms->gain += vit158_sums_gain(&sums) / p->parts;
    }
    if (p->kind == VIT158_QKV) {
        add_bias(p, y, 2 * part);
        measure_scores(p, terms, NULL, image, y, y + part * c->lds, rest);
    }
}

static void measure_attention(const vit158_ptq_product *p, vit158_ptq_terms *terms, uint32_t image,
                              float *scratch)
{
    const vit158_capture *const c = p->capture;
    const vit158_captured *const at = &c->at[image];
    const uint32_t d = c->model->info.dim;
    const float none[2] = {0}, *const step = p->settings->by_token ? none : p->now;
    vit158_sums sums = {0};
    if (p->kind == VIT158_PTQ_SCORES) {
        float *const k = scratch + d * c->lds;
        for (uint32_t i = 0; i < 2; i++) /* a step a token is of one head */
            for (uint32_t head = 0; head < c->model->info.heads; head++) {
                const size_t first = ((size_t)i * d + (size_t)head * head_dim_of(p)) * c->lds;
                round_operand(p, scratch + first, at->qk + first, head_dim_of(p), c->sampled,
                              c->lds, step[i], false);
            }
        measure_scores(p, terms, &sums, image, scratch, k, k + d * c->lds);
    } else {
        float *const probabilities = scratch + d * c->ld;
        float *const y = probabilities + c->tokens * c->lds;
        for (uint32_t head = 0; head < c->model->info.heads; head++) {
            const size_t first = (size_t)head * head_dim_of(p);
            round_operand(p, scratch + first * c->ld, at->v + first * c->ld, head_dim_of(p),
                          c->tokens, c->ld, step[1], false);
            round_operand(p, probabilities, at->probabilities + head * c->tokens * c->lds,
                          c->tokens, c->sampled, c->lds, step[0], true);
            multiply_values(p, y, probabilities, scratch, head);
            add_rows(c, &sums, expected_of(p, image) + first * c->lds, y, head_dim_of(p));
        }
    }
    terms->pearson = vit158_sums_pearson(&sums);
    terms->gain = vit158_sums_gain(&sums);
}

static void measure_image(void *context, uint32_t image, uint32_t worker)
{
    vit158_ptq_product *const p = context;
    float *const scratch = p->scratch + worker * p->scratch_floats;
    vit158_ptq_terms *const terms = &p->terms[image];
    *terms = (vit158_ptq_terms){.tau = 1};
    if (p->linear != NULL)
        measure_linear(p, terms, image, scratch);
    else
        measure_attention(p, terms, image, scratch);
}

vit158_ptq_terms vit158_ptq_measure(vit158_ptq_product *p, const float *steps)
{
    const uint32_t images = p->capture->images;
    vit158_ptq_terms mean = {0};
    round_weights(p, steps);
    p->now = steps;
    p->capture->pool->run(p->capture->pool, measure_image, p, images);
    for (uint32_t i = 0; i < images; i++) {
        mean.pearson += p->terms[i].pearson / images;
        mean.gain += p->terms[i].gain / images;
        mean.ranking += p->terms[i].ranking / images;
        mean.tau += p->terms[i].tau / images;
    }
    return mean;
}

/* ---- Search --------------------------------------------------------------------------------- */

static float largest_of(const float *x, size_t count)
{
    float largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = fmaxf(largest, fabsf(x[i]));
    return largest;
}

void vit158_ptq_first_steps(const vit158_ptq_product *p, float *steps)
{
    const vit158_capture *const c = p->capture;
    const float high = vit158_uniform_signed(1, p->input_bits).high;
    float largest[2] = {0};
    for (uint32_t i = 0; i < p->parts; i++) {
        const size_t part = (size_t)p->n_out / p->parts * p->linear->n_in;
        steps[i] =
            vit158_uniform_step(largest_of((const float *)p->linear->weight + i * part, part),
                                vit158_uniform_signed(1, p->weight_bits).high);
    }
    if (p->settings->by_token)
        return;
    for (uint32_t i = 0; i < c->images; i++) {
        const vit158_captured *const at = &c->at[i];
        if (p->linear != NULL) {
            largest[0] = fmaxf(largest[0], largest_of(at->input[p->kind], p->linear->n_in * c->ld));
        } else if (p->kind == VIT158_PTQ_SCORES) {
            largest[0] = fmaxf(largest[0], at->largest[0]);
            largest[1] = fmaxf(largest[1], at->largest[1]);
        } else {
            largest[0] = fmaxf(largest[0], at->largest[2]);
            largest[1] = fmaxf(largest[1], largest_of(at->v, c->model->info.dim * c->ld));
        }
    }
    const bool low_zero = p->kind == VIT158_PTQ_VALUES;
    steps[p->parts] = vit158_uniform_step(
        largest[0], low_zero ? vit158_uniform_unsigned(1, p->input_bits).high : high);
    if (p->linear == NULL)
        steps[1] = vit158_uniform_step(largest[1], high);
}

static double objective(void *context, const float *steps)
{
    vit158_ptq_product *const p = context;
    const vit158_ptq_terms terms = vit158_ptq_measure(p, steps);
    const bool ranks = p->settings->ranking != VIT158_RANKING_OFF;
    return terms.pearson - (ranks ? p->settings->gamma * terms.ranking : 0);
}

uint32_t vit158_ptq_search(vit158_ptq_product *p, float *steps, double *history)
{
    if (!p->settings->search || p->steps == 0)
        return 0;
    const vit158_step_search search = {.objective = objective,
                                       .context = p,
                                       .count = p->steps,
                                       .candidates = p->settings->candidates,
                                       .from = p->settings->from,
                                       .to = p->settings->to,
                                       .least = LEAST_GAIN};
    return vit158_search_steps(steps, history, &search);
}
