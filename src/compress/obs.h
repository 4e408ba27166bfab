/* SPDX-License-Identifier: MIT
 *
 * Optimal brain surgeon for the inputs of a layer (Hassibi and Stork 1993; groups of inputs as in
 * Kurtic et al. 2022, METHODS.md): with H the second moments of the inputs x and W the weights,
 * leaving out the inputs g and changing the others as is best costs sum over outputs of
 * w_g (H^-1_gg)^-1 w_g^T of the squared error, and the best change is
 * W -= W_g (H^-1_gg)^-1 H^-1_g: . Taken one group after the other it ends at the least-squares
 * weights of the inputs that are left, whatever the order.
 */
#ifndef VIT158_COMPRESS_OBS_H
#define VIT158_COMPRESS_OBS_H

#include <stdbool.h>

#include "base/parallel.h"
#include "vit158.h"

typedef struct vit158_obs {
    uint32_t n, n_out, group; /* inputs, outputs, inputs of a group: divides n */
    double *inverse;          /* [n][n] H^-1 of the inputs that are left, zeros elsewhere */
    double *weight;           /* [n][n_out] an input a row; zeros for what is gone */
    double *cost;             /* [n / group] of leaving the group out next */
    bool *kept;               /* [n / group] */
    double *scratch;
} vit158_obs;

/* `h` [n][n], positive definite, is destroyed; `products` [n_out][n] are those of the wanted
 * outputs with the inputs, summed over tokens: W h, if W gives them. All inputs are there at first,
 * with the least-squares weights. The caller frees `obs`, on failure too. Errors: VIT158_E_MEMORY,
 * VIT158_E_NUMERIC (not positive definite). */
vit158_status vit158_obs_create(vit158_obs *obs, double *h, const double *products, uint32_t n,
                                uint32_t n_out, uint32_t group, vit158_pool *pool,
                                vit158_error *error);
void vit158_obs_free(vit158_obs *obs);

/* The kept group of least cost, the lowest of equals; UINT32_MAX if none is left. */
uint32_t vit158_lowest_group(const double *costs, const bool *kept, uint32_t groups);

/* The group whose loss costs least now, likewise. */
uint32_t vit158_obs_cheapest(const vit158_obs *obs);

/* Leaves a group out, changes the other weights, and finds the costs anew. */
void vit158_obs_remove(vit158_obs *obs, uint32_t group);

#endif
