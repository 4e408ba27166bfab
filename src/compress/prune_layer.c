/* SPDX-License-Identifier: MIT */
#include "compress/prune_layer.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/rng.h"
#include "compress/obs.h"

/* ---- What the layer is fitted to ------------------------------------------------------------- */

typedef struct system {
    const vit158_moments *moments;
    const float *weight; /* [n_out][n] of the model */
    double *h;           /* [n][n] H + damping */
    double *products;    /* [n_out][n] W C + D + damping W: wanted outputs times inputs */
    double damping;
    uint32_t n_out;
} system_of;

static void fill_products(void *context, uint32_t output, uint32_t worker)
{
    (void)worker;
    const system_of *const s = context;
    const size_t n = s->moments->n;
    vit158_moments_wanted(s->products + output * n, s->moments, output, s->weight + output * n,
                          s->damping);
}

static vit158_status create_system(system_of *s, const vit158_moments *moments,
                                   const vit158_linear *linear, float damping, vit158_pool *pool,
                                   vit158_error *error)
{
    const size_t n = moments->n;
    *s = (system_of){.moments = moments, .weight = linear->weight, .n_out = linear->n_out};
    s->h = malloc(n * n * sizeof *s->h);
    s->products = malloc(n * s->n_out * sizeof *s->products);
    if (s->h == NULL || s->products == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to prune a layer");
    s->damping = vit158_moments_damp(s->h, moments, (double)damping);
    pool->run(pool, fill_products, s, s->n_out);
    return VIT158_OK;
}

static void free_system(system_of *s)
{
    free(s->h);
    free(s->products);
}

/* ---- Baselines ------------------------------------------------------------------------------- */

static double squares(const float *x, size_t count, size_t step)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)x[i * step] * (double)x[i * step];
    return sum;
}

/* Squares of the weights that read input `i` of proj or fc2, and of those that make it. */
static double magnitude_of(const vit158_block *b, uint32_t kind, size_t i)
{
    const size_t d = b->proj.n_out, a = b->proj.n_in, f = b->fc2.n_in;
    if (kind == VIT158_FC2)
        return squares((const float *)b->fc2.weight + i, d, f) +
               squares((const float *)b->fc1.weight + i * d, d, 1);
    double sum = squares((const float *)b->proj.weight + i, d, a);
    for (size_t part = 0; part < 3; part++)
        sum += squares((const float *)b->qkv.weight + (part * a + i) * d, d, 1);
    return sum;
}

/* Scores [n / group]; `h` may be NULL where the activations do not count. */
static void score_groups(double *scores, const vit158_layer_at *at, uint32_t group, const float *h,
                         const vit158_prune_settings *settings)
{
    const vit158_block *const b = &at->q->model->blocks[at->block];
    const vit158_linear *const linear = at->kind == VIT158_PROJ ? &b->proj : &b->fc2;
    const size_t n = linear->n_in;
    vit158_rng rng = vit158_rng_seed(settings->seed + at->block * VIT158_BLOCK_LINEARS + at->kind);
    memset(scores, 0, n / group * sizeof *scores);
    for (size_t i = 0; i < n; i++) {
        double *const score = &scores[i / group];
        if (settings->score == VIT158_PRUNE_RANDOM)
            *score += i % group == 0 ? (double)vit158_rng_uniform(&rng) : 0;
        else if (settings->score == VIT158_PRUNE_MAGNITUDE)
            *score += magnitude_of(b, at->kind, i);
        else
            *score += squares((const float *)linear->weight + i, linear->n_out, n) *
                      (double)h[i * (n + 1)];
    }
}

/* ---- Costs of heads -------------------------------------------------------------------------- */

/* Mean square of the stream's channels about each token's mean: what the next norm divides by. */
static double stream_variance(const vit158_quantizer *q)
{
    const uint32_t d = q->model->info.dim;
    const size_t rows = (size_t)q->learned * q->model->info.tokens;
    double sum = 0;
    for (size_t row = 0; row < rows; row++) {
        const float *const x = q->known.values + row * d;
        double mean = 0;
        for (uint32_t i = 0; i < d; i++)
            mean += (double)x[i] / d;
        for (uint32_t i = 0; i < d; i++)
            sum += ((double)x[i] - mean) * ((double)x[i] - mean);
    }
    return sum / (double)rows + 1e-12;
}

static int by_cost(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

vit158_status vit158_prune_head_costs(double *costs, vit158_layer_at *at,
                                      const vit158_prune_settings *settings, vit158_error *error)
{
    vit158_quantizer *const q = at->q;
    const vit158_block *const b = &q->model->blocks[at->block];
    const uint32_t hd = q->model->info.head_dim;
    const bool measured = settings->score <= VIT158_PRUNE_ACTIVATION;
    vit158_moments moments = {0};
    system_of s = {0};
    vit158_obs obs = {0};
    vit158_status status = measured ? vit158_layer_moments(at, &moments, false, error) : VIT158_OK;
    if (settings->score == VIT158_PRUNE_OBS) {
        if (status == VIT158_OK)
            status = create_system(&s, &moments, &b->proj, settings->damping, q->pool, error);
        if (status == VIT158_OK)
            status = vit158_obs_create(&obs, s.h, s.products, b->proj.n_in, b->proj.n_out, hd,
                                       q->pool, error);
        for (uint32_t i = 0; status == VIT158_OK && i < b->heads; i++) {
            const uint32_t head = vit158_obs_cheapest(&obs);
            costs[i] = obs.cost[head];
            vit158_obs_remove(&obs, head);
        }
    } else if (status == VIT158_OK) {
        score_groups(costs, at, hd, moments.h, settings);
        qsort(costs, b->heads, sizeof *costs, by_cost);
    }
    const double unit = measured ? stream_variance(q) * moments.weight : 1;
    for (uint32_t i = 0; i < b->heads; i++)
        costs[i] /= unit;
    vit158_obs_free(&obs);
    free_system(&s);
    vit158_moments_free(&moments);
    return status;
}

/* ---- A layer --------------------------------------------------------------------------------- */

typedef struct place {
    vit158_layer_at *at;
    const vit158_linear *linear;
    uint32_t group, count, stay; /* inputs of a group, groups, and how many of them stay */
    bool *kept;                  /* [count] */
    float *weight, *bias;        /* [n_out][n], [n_out] */
    double *error;
} place;

static void take_out(place *p, vit158_obs *obs, const system_of *s)
{
    const size_t n = p->linear->n_in, n_out = p->linear->n_out;
    double lost = 0, whole = 1e-300;
    for (size_t o = 0; o < n_out; o++)
        for (size_t i = 0; i < n; i++)
            whole += obs->weight[i * n_out + o] * s->products[o * n + i];
    for (uint32_t left = p->count; left > p->stay; left--) {
        const uint32_t group = vit158_obs_cheapest(obs);
        lost += obs->cost[group];
        vit158_obs_remove(obs, group);
        p->kept[group] = false;
    }
    *p->error = lost / whole;
    for (size_t o = 0; o < n_out; o++)
        for (size_t i = 0; i < n; i++)
            p->weight[o * n + i] = (float)obs->weight[i * n_out + o];
}

static vit158_status fit_layer(place *p, const vit158_prune_settings *settings, vit158_error *error)
{
    vit158_pool *const pool = p->at->q->pool;
    vit158_moments moments = {0};
    system_of s = {0};
    vit158_obs obs = {0};
    vit158_status status = vit158_layer_moments(p->at, &moments, true, error);
    if (status == VIT158_OK)
        status = create_system(&s, &moments, p->linear, settings->damping, pool, error);
    if (status == VIT158_OK)
        status = vit158_obs_create(&obs, s.h, s.products, p->linear->n_in, p->linear->n_out,
                                   p->group, pool, error);
    if (status == VIT158_OK) {
        take_out(p, &obs, &s);
        vit158_moments_fit_bias(p->bias, &moments, p->linear, p->weight);
    }
    vit158_obs_free(&obs);
    free_system(&s);
    vit158_moments_free(&moments);
    return status;
}

static vit158_status cut_layer(place *p, const vit158_prune_settings *settings, vit158_error *error)
{
    vit158_moments moments = {0};
    vit158_status status = VIT158_OK;
    double *const scores = calloc(p->count, sizeof *scores);
    if (scores == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to prune a layer");
    if (settings->score == VIT158_PRUNE_ACTIVATION)
        status = vit158_layer_moments(p->at, &moments, false, error);
    if (status == VIT158_OK)
        score_groups(scores, p->at, p->group, moments.h, settings);
    const size_t n = p->linear->n_in;
    for (uint32_t left = p->count; status == VIT158_OK && left > p->stay; left--) {
        const uint32_t group = vit158_lowest_group(scores, p->kept, p->count);
        p->kept[group] = false;
        for (size_t o = 0; o < p->linear->n_out; o++)
            memset(p->weight + o * n + (size_t)group * p->group, 0, p->group * sizeof *p->weight);
    }
    vit158_moments_free(&moments);
    free(scores);
    return status;
}

vit158_status vit158_prune_layer(vit158_pruned_block *block, vit158_layer_at *at,
                                 const vit158_prune_settings *settings, bool *changed,
                                 vit158_error *error)
{
    const bool heads = at->kind == VIT158_PROJ;
    const bool fits = settings->score == VIT158_PRUNE_OBS;
    vit158_shadow_layer *const layer = vit158_shadow_at(&at->q->student, at->block, at->kind);
    const vit158_linear *const linear = layer->linear;
    place p = {.at = at, .linear = linear, .group = heads ? at->q->model->info.head_dim : 1};
    p.count = linear->n_in / p.group;
    p.stay = heads ? block->kept_heads : block->kept_channels;
    p.kept = heads ? block->heads : block->channels;
    p.error = heads ? &block->proj_error : &block->fc2_error;
    if (p.stay == p.count && !(*changed && fits))
        return VIT158_OK;
    const size_t count = (size_t)linear->n_in * linear->n_out;
    float **const weight = heads ? &block->proj : &block->fc2;
    float **const bias = heads ? &block->proj_bias : &block->fc2_bias;
    *weight = p.weight = malloc(count * sizeof *p.weight);
    *bias = p.bias = calloc(linear->n_out, sizeof *p.bias);
    if (p.weight == NULL || p.bias == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to prune a layer");
    memcpy(p.weight, linear->weight, count * sizeof *p.weight);
    if (linear->bias != NULL)
        memcpy(p.bias, linear->bias, linear->n_out * sizeof *p.bias);
    *changed = true;
    VIT158_RETURN_IF_ERROR(fits ? fit_layer(&p, settings, error) : cut_layer(&p, settings, error));
    vit158_shadow_set(&at->q->student, at->block, at->kind, p.weight);
    layer->bias = p.bias;
    return VIT158_OK;
}
