/* SPDX-License-Identifier: MIT */
#include "compress/nuclear.h"

#include <float.h>
#include <math.h>

/* Turns of one eigenvalue; two or three are usual. */
#define MOST_TURNS 60

/* Reflects row k of the lower triangle onto its first subdiagonal element from the bottom up
 * (Householder 1958), so that `diagonal` and `off` are those of a tridiagonal matrix with a's
 * eigenvalues; off[i] joins i - 1 and i. */
static void make_tridiagonal(double *diagonal, double *off, double *a, uint32_t n)
{
    for (uint32_t i = n; i-- > 1;) {
        double *const v = a + (size_t)i * n; /* its first i elements are to become one */
        double square = 0;
        for (uint32_t k = 0; k < i; k++)
            square += v[k] * v[k];
        diagonal[i] = v[i];
        const double length = sqrt(square);
        off[i] = v[i - 1] > 0 ? -length : length;
        v[i - 1] -= off[i];
        const double half = (square - off[i] * (v[i - 1] + off[i])); /* |v|^2 / 2 */
        if (half <= DBL_MIN || i == 1)
            continue;
        /* A <- (1 - v v^T / half) A (1 - v v^T / half) on the leading i x i */
        double *const p = diagonal; /* [i], not yet in use */
        double vp = 0;
        for (uint32_t r = 0; r < i; r++) {
            double sum = 0;
            for (uint32_t c = 0; c < i; c++)
                sum += a[r >= c ? (size_t)r * n + c : (size_t)c * n + r] * v[c];
            p[r] = sum / half;
            vp += p[r] * v[r];
        }
        for (uint32_t r = 0; r < i; r++)
            p[r] -= 0.5 * vp / half * v[r];
        for (uint32_t r = 0; r < i; r++)
            for (uint32_t c = 0; c <= r; c++)
                a[(size_t)r * n + c] -= v[r] * p[c] + p[r] * v[c];
    }
    diagonal[0] = a[0];
    off[0] = 0;
}

/* One step of QR with a shift on first .. last of a tridiagonal matrix. */
static void turn(double *diagonal, double *off, uint32_t first, uint32_t last)
{
    /* Wilkinson's shift: the eigenvalue of the last 2 x 2 block nearer to its corner. */
    const double gap = 0.5 * (diagonal[last - 1] - diagonal[last]), e = off[last];
    const double away = gap + copysign(hypot(gap, e), gap);
    double x = diagonal[first] - diagonal[last] + (away != 0 ? e * e / away : 0);
    double z = off[first + 1];
    for (uint32_t k = first; k < last; k++) {
        const double r = hypot(x, z);
        const double c = r > 0 ? x / r : 1, s = r > 0 ? z / r : 0;
        if (k > first)
            off[k] = r;
        const double a = diagonal[k], b = diagonal[k + 1], f = off[k + 1];
        diagonal[k] = c * c * a + 2 * c * s * f + s * s * b;
        diagonal[k + 1] = s * s * a - 2 * c * s * f + c * c * b;
        off[k + 1] = c * s * (b - a) + (c * c - s * s) * f;
        if (k + 1 < last) {
            x = off[k + 1];
            z = s * off[k + 2];
            off[k + 2] *= c;
        }
    }
}

void vit158_symmetric_eigenvalues(double *values, double *a, double *off, uint32_t n)
{
    make_tridiagonal(values, off, a, n);
    for (uint32_t last = n - 1, turns = 0; last > 0;) {
        uint32_t first = last;
        while (first > 0 &&
               fabs(off[first]) > DBL_EPSILON * (fabs(values[first - 1]) + fabs(values[first])))
            first--;
        if (first == last || turns == MOST_TURNS) {
            last--;
            turns = 0;
        } else {
            turn(values, off, first, last);
            turns++;
        }
    }
}

double vit158_nuclear_norm(const float *y, uint32_t n, uint32_t m, size_t row, size_t column,
                           double *scratch)
{
    double *const a = scratch, *const values = a + (size_t)n * n, *const off = values + n;
    for (uint32_t r = 0; r < n; r++)
        for (uint32_t c = 0; c <= r; c++) {
            double sum = 0;
            for (uint32_t k = 0; k < m; k++)
                sum += (double)y[r * row + k * column] * (double)y[c * row + k * column];
            a[(size_t)r * n + c] = a[(size_t)c * n + r] = sum;
        }
    vit158_symmetric_eigenvalues(values, a, off, n);
    double norm = 0;
    for (uint32_t i = 0; i < n; i++)
        norm += values[i] > 0 ? sqrt(values[i]) : 0;
    return norm;
}
