/* SPDX-License-Identifier: MIT
 *
 * What rounding a layer needs to know of its inputs: H = sum of x x^T over the tokens of the
 * calibration images, x the input in the quantized network, and C = sum of f x^T with f the input
 * in the float network. Where outputs are added to the stream, D = sum of e x^T too, e what the
 * stream of the quantized network lacks. Where a bias takes up the mean of what is left, all three
 * are about the means. Sums do not depend on the number of threads.
 */
#ifndef VIT158_COMPRESS_MOMENTS_H
#define VIT158_COMPRESS_MOMENTS_H

#include "base/parallel.h"
#include "model/model.h"
#include "train/compute.h"
#include "vit158.h"

typedef struct vit158_moments {
    uint32_t n;
    uint32_t n_lack;
    float *h;      /* [n][n]; whole after vit158_moments_finish */
    float *cross;  /* [n][n]: C, row of f, column of x; NULL if not wanted */
    float *lack;   /* [n_lack][n]: D, row of e, column of x; NULL if not wanted */
    double *x_sum; /* [n]; so are the next, of n and n_lack */
    double *f_sum;
    double *e_sum;
    double weight; /* of all tokens */
    bool centred;
    uint32_t most_rows;
    float *panels; /* x, f and e of vit158_moments_add by columns: as its products read them */
} vit158_moments;

/* `n_lack`: channels of e, 0 = without D; at most `most_rows` tokens are added at a time.
 * Errors: VIT158_E_MEMORY. */
vit158_status vit158_moments_create(vit158_moments *moments, uint32_t n, bool cross,
                                    uint32_t n_lack, uint32_t most_rows, vit158_error *error);
void vit158_moments_free(vit158_moments *moments);

/* A number of tokens. Those that count for several are multiplied by `factor`, the square root of
 * their weight, already. */
typedef struct vit158_moment_rows {
    const float *x;      /* [rows][n] */
    const float *f;      /* [rows][n]; read for C */
    const float *e;      /* [rows][n_lack]; read for D */
    const float *factor; /* [rows] */
    uint32_t rows;       /* at most most_rows */
} vit158_moment_rows;

void vit158_moments_add(vit158_moments *moments, const vit158_train_compute *compute,
                        vit158_pool *pool, const vit158_moment_rows *rows);

/* Copies the upper half of H to the lower. `centre`: H, C and D are about the means of x, f and e
 * from now on. */
void vit158_moments_finish(vit158_moments *moments, bool centre);

/* h [n][n] = H with `damping` means of its diagonal added to that; returns what was added. */
double vit158_moments_damp(double *h, const vit158_moments *moments, double damping);

/* x [n] = w C + d + damping w: products of the inputs with what output `output`, whose weights are
 * w [n], is wanted to give; d is its row of D, and C is H where it was not wanted. */
void vit158_moments_wanted(double *x, const vit158_moments *moments, uint32_t output,
                           const float *w, double damping);

/* bias [n_out]: that of `linear` and the mean of what values [n_out][n] in place of its weights
 * leave of the wanted outputs. */
void vit158_moments_fit_bias(float *bias, const vit158_moments *moments,
                             const vit158_linear *linear, const float *values);

#endif
