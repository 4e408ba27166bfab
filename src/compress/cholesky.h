/* SPDX-License-Identifier: MIT
 *
 * Symmetric positive definite systems in double: factor, solve, and the factor of the inverse that
 * error-compensated rounding spreads errors by.
 */
#ifndef VIT158_COMPRESS_CHOLESKY_H
#define VIT158_COMPRESS_CHOLESKY_H

#include <stdbool.h>
#include <stdint.h>

/* a [n][n] = L L^T: L replaces the lower triangle, the upper one is left alone. False if `a` is not
 * positive definite. */
bool vit158_cholesky(double *a, uint32_t n);

/* x = (L L^T)^-1 x. */
void vit158_cholesky_solve(double *x, const double *l, uint32_t n);

/* u [n][n] upper triangular, zeros below, with h^-1 = U^T U. `h` is destroyed. False if h is not
 * positive definite. */
bool vit158_inverse_factor(float *u, double *h, uint32_t n);

#endif
