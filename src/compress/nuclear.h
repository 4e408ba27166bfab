/* SPDX-License-Identifier: MIT
 *
 * The nuclear norm of a matrix: the sum of its singular values.
 */
#ifndef VIT158_COMPRESS_NUCLEAR_H
#define VIT158_COMPRESS_NUCLEAR_H

#include <stddef.h>
#include <stdint.h>

/* Doubles of scratch for `n` rows. */
static inline size_t vit158_nuclear_scratch(uint32_t n)
{
    return (size_t)n * n + 2 * (size_t)n;
}

/* Of the n x m matrix of elements y[r * row + c * column], n <= m for speed: by the eigenvalues of
 * y y^T. Singular values below 1e-7 of the largest are not told from 0. */
double vit158_nuclear_norm(const float *y, uint32_t n, uint32_t m, size_t row, size_t column,
                           double *scratch);

/* Eigenvalues of the symmetric a [n][n], which is destroyed, in no order; `off` [n] is scratch. */
void vit158_symmetric_eigenvalues(double *values, double *a, double *off, uint32_t n);

#endif
