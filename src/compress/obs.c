/* SPDX-License-Identifier: MIT */
#include "compress/obs.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "compress/cholesky.h"

/* ---- H^-1 ------------------------------------------------------------------------------------ */

typedef struct inversion {
    double *inverse; /* [n][n] */
    double *weight;  /* [n_out][n] products with the inputs, then weights */
    const double *factor;
    uint32_t n;
} inversion;

/* A row of the inverse, which is symmetric; or, behind these, the weights of an output. */
static void solve_row(void *context, uint32_t row, uint32_t worker)
{
    (void)worker;
    const inversion *const job = context;
    const bool of_inverse = row < job->n;
    double *const x = of_inverse ? job->inverse + (size_t)row * job->n
                                 : job->weight + (size_t)(row - job->n) * job->n;
    if (of_inverse) {
        memset(x, 0, job->n * sizeof *x);
        x[row] = 1;
    }
    vit158_cholesky_solve(x, job->factor, job->n);
}

/* ---- Costs ----------------------------------------------------------------------------------- */

/* The factor of H^-1_gg, [group][group], in scratch. */
static void factor_group(vit158_obs *obs, uint32_t group)
{
    const uint32_t size = obs->group, first = group * size;
    for (uint32_t i = 0; i < size; i++)
        memcpy(obs->scratch + (size_t)i * size, obs->inverse + (size_t)(first + i) * obs->n + first,
               size * sizeof *obs->scratch);
    /* A part of a positive definite matrix is one; where rounding says otherwise the group is all
     * but a combination of the others, and costs nothing. */
    if (!vit158_cholesky(obs->scratch, size))
        for (uint32_t i = 0; i < size; i++)
            for (uint32_t j = 0; j < size; j++)
                obs->scratch[(size_t)i * size + j] = i == j ? 1e150 : 0;
}

/* (H^-1_gg)^-1 times the group's weights of an output, in scratch behind the factor. */
static double *solve_output(vit158_obs *obs, uint32_t group, uint32_t output)
{
    const uint32_t size = obs->group;
    double *const x = obs->scratch + (size_t)size * size;
    for (uint32_t i = 0; i < size; i++)
        x[i] = obs->weight[((size_t)group * size + i) * obs->n_out + output];
    vit158_cholesky_solve(x, obs->scratch, size);
    return x;
}

static double cost_of(vit158_obs *obs, uint32_t group)
{
    const uint32_t size = obs->group;
    const double *const w = obs->weight + (size_t)group * size * obs->n_out;
    double cost = 0;
    if (size == 1) {
        for (uint32_t o = 0; o < obs->n_out; o++)
            cost += w[o] * w[o];
        return cost / obs->inverse[(size_t)group * (obs->n + 1)];
    }
    factor_group(obs, group);
    for (uint32_t o = 0; o < obs->n_out; o++) {
        const double *const x = solve_output(obs, group, o);
        for (uint32_t i = 0; i < size; i++)
            cost += x[i] * w[(size_t)i * obs->n_out + o];
    }
    return cost;
}

static void find_costs(vit158_obs *obs)
{
    for (uint32_t g = 0; g < obs->n / obs->group; g++)
        if (obs->kept[g])
            obs->cost[g] = cost_of(obs, g);
}

/* ---- */

vit158_status vit158_obs_create(vit158_obs *obs, double *h, const double *products, uint32_t n,
                                uint32_t n_out, uint32_t group, vit158_pool *pool,
                                vit158_error *error)
{
    const size_t side = n, groups = n / group;
    *obs = (vit158_obs){.n = n, .n_out = n_out, .group = group};
    obs->inverse = malloc(side * side * sizeof *obs->inverse);
    obs->weight = malloc(side * n_out * sizeof *obs->weight);
    obs->cost = calloc(groups, sizeof *obs->cost);
    obs->kept = malloc(groups * sizeof *obs->kept);
    obs->scratch = malloc(((size_t)group * group + group * side) * sizeof *obs->scratch);
    if (obs->inverse == NULL || obs->weight == NULL || obs->cost == NULL || obs->kept == NULL ||
        obs->scratch == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to prune a layer");
    memset(obs->kept, true, groups * sizeof *obs->kept);
    if (!vit158_cholesky(h, n))
        return vit158_fail(error, VIT158_E_NUMERIC, "a layer's moments are not positive definite");
    double *const weight = malloc(side * n_out * sizeof *weight);
    if (weight == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to prune a layer");
    memcpy(weight, products, side * n_out * sizeof *weight);
    inversion job = {obs->inverse, weight, h, n};
    pool->run(pool, solve_row, &job, n + n_out);
    for (size_t o = 0; o < n_out; o++)
        for (size_t i = 0; i < n; i++)
            obs->weight[i * n_out + o] = weight[o * n + i];
    free(weight);
    find_costs(obs);
    return VIT158_OK;
}

void vit158_obs_free(vit158_obs *obs)
{
    free(obs->inverse);
    free(obs->weight);
    free(obs->cost);
    free(obs->kept);
    free(obs->scratch);
    *obs = (vit158_obs){0};
}

uint32_t vit158_lowest_group(const double *costs, const bool *kept, uint32_t groups)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t g = 0; g < groups; g++)
        if (kept[g] && (best == UINT32_MAX || costs[g] < costs[best]))
            best = g;
    return best;
}

uint32_t vit158_obs_cheapest(const vit158_obs *obs)
{
    return vit158_lowest_group(obs->cost, obs->kept, obs->n / obs->group);
}

/* to [rows][n] -= lead [rows][group] step [group][n], where lead is not zero. */
static void subtract(double *to, const double *lead, size_t lead_row, size_t lead_step,
                     const double *step, uint32_t rows, uint32_t n, uint32_t group)
{
    for (size_t row = 0; row < rows; row++)
        for (uint32_t i = 0; i < group; i++) {
            const double factor = lead[row * lead_row + i * lead_step];
            const double *const from = step + (size_t)i * n;
            double *const y = to + row * n;
            if (factor != 0)
                for (uint32_t j = 0; j < n; j++)
                    y[j] -= factor * from[j];
        }
}

void vit158_obs_remove(vit158_obs *obs, uint32_t group)
{
    const uint32_t size = obs->group, n = obs->n, n_out = obs->n_out;
    const size_t first = (size_t)group * size;
    double *const solved =
        obs->scratch + (size_t)size * size; /* [n][group]: H^-1_:g (H^-1_gg)^-1 */
    factor_group(obs, group);
    for (uint32_t i = 0; i < n; i++) {
        double *const x = solved + (size_t)i * size;
        memcpy(x, obs->inverse + (size_t)i * n + first, size * sizeof *x);
        vit158_cholesky_solve(x, obs->scratch, size);
    }
    /* The rows that are subtracted must stay what they were until the last row has changed: those
     * of the group itself become zero, and come last. */
    double *const weight = obs->weight + first * n_out, *const inverse = obs->inverse + first * n;
    const uint32_t before = (uint32_t)first, after = n - before - size;
    double *const behind = solved + (first + size) * size;
    subtract(obs->weight, solved, size, 1, weight, before, n_out, size);
    subtract(weight + (size_t)size * n_out, behind, size, 1, weight, after, n_out, size);
    subtract(obs->inverse, solved, size, 1, inverse, before, n, size);
    subtract(inverse + (size_t)size * n, behind, size, 1, inverse, after, n, size);
    memset(weight, 0, (size_t)size * n_out * sizeof *weight);
    memset(inverse, 0, (size_t)size * n * sizeof *inverse);
    for (size_t i = 0; i < n; i++)
        memset(obs->inverse + i * n + first, 0, size * sizeof *obs->inverse);
    obs->kept[group] = false;
    find_costs(obs);
}
