/* SPDX-License-Identifier: MIT */
#include "compress/cholesky.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* Four sums side by side, which the compiler may keep in one register pair. */
static double dot(const double *x, const double *y, size_t n)
{
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        s0 += x[i] * y[i];
        s1 += x[i + 1] * y[i + 1];
        s2 += x[i + 2] * y[i + 2];
        s3 += x[i + 3] * y[i + 3];
    }
    for (; i < n; i++)
        s0 += x[i] * y[i];
    return (s0 + s1) + (s2 + s3);
}

bool vit158_cholesky(double *a, uint32_t n)
{
    for (size_t i = 0; i < n; i++) {
        double *const row = a + i * n;
        for (size_t j = 0; j < i; j++)
            row[j] = (row[j] - dot(row, a + j * n, j)) / a[j * n + j];
        const double pivot = row[i] - dot(row, row, i);
        if (!(pivot > 0))
            return false;
        row[i] = sqrt(pivot);
    }
    return true;
}

void vit158_cholesky_solve(double *x, const double *l, uint32_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (x[i] - dot(l + i * n, x, i)) / l[i * n + i];
    for (size_t i = n; i-- > 0;) {
        x[i] /= l[i * n + i];
        for (size_t j = 0; j < i; j++)
            x[j] -= l[i * n + j] * x[i];
    }
}

static void reverse_both_ways(double *a, size_t n)
{
    for (size_t i = 0, j = n * n - 1; i < j; i++, j--) {
        const double kept = a[i];
        a[i] = a[j];
        a[j] = kept;
    }
}

/* The inverse of lower triangular l, in place, zeros above. */
static void invert_lower(double *l, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double *const row = l + i * n;
        const double diagonal = 1.0 / row[i];
        memset(row + i, 0, (n - i) * sizeof *row);
        /* Row i of the inverse = -(l[i][j] row j of the inverse, summed over j < i) / l[i][i]; the
         * sum overwrites l[i][0 .. i-1] from the left: entry j is read before it is written. */
        for (size_t j = 0; j < i; j++) {
            const double factor = row[j];
            row[j] = 0;
            const double *const earlier = l + j * n;
            for (size_t k = 0; k <= j; k++)
                row[k] -= factor * earlier[k];
        }
        for (size_t k = 0; k < i; k++)
            row[k] *= diagonal;
        row[i] = diagonal;
    }
}

/* With h's rows and columns reversed = M M^T (M lower), V = M reversed is upper triangular and
 * h = V V^T, so h^-1 = V^-T V^-1 and U = V^-1, which is M^-1 reversed. */
bool vit158_inverse_factor(float *u, double *h, uint32_t n)
{
    reverse_both_ways(h, n);
    if (!vit158_cholesky(h, n))
        return false;
    invert_lower(h, n);
    reverse_both_ways(h, n);
    for (size_t i = 0; i < (size_t)n * n; i++)
        u[i] = (float)h[i];
    return true;
}
