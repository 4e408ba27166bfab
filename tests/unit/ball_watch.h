/* SPDX-License-Identifier: MIT
 *
 * An observer that checks every number of a pass against METHODS.md 1.1-1.2. Each step is computed
 * again in double precision from the floats that went into it, as a ball: a value, and a radius
 * within which the engine's float must lie whatever the order of its sums. Radii follow from the
 * rounding of IEEE operations (Higham, Accuracy and Stability of Numerical Algorithms, chapter 3),
 * the tested bounds of exp and erf (base/numerics.h) and half a level of int16; nothing is fitted.
 * Steps are checked one by one, so errors do not add up until a bound says nothing.
 *
 * For plain models: one row an output, no stored steps, the class token pooled, LayerNorm, exact
 * GELU.
 */
#ifndef VIT158_TESTS_BALL_WATCH_H
#define VIT158_TESTS_BALL_WATCH_H

#include "model/model.h"
#include "vit158_observe.h"

typedef struct ball_watch {
    const vit158_model *model;
    char wrong[200]; /* the first value outside its ball; "" while there is none */
    bool lost;       /* what the logits depend on was not finite, or is refused */
    uint64_t values; /* compared */
    uint64_t sharp;  /* of these, with a radius of at most 1e-3 of the value, or 1e-6 */
    float *residual; /* what was seen last: [d][N] */
    float *input;    /* [n_in][N] */
    float *output;   /* [n_out][N] */
    float *qkv;      /* [3d][N] */
    double *radius;  /* of qkv: 0, or half a level of int16 */
    float *scores;   /* [key][query] of the last head */
    bool *tied;      /* [N]: whether rounding may change the shares of a query of the last head by
                        1 % or more: its two largest scores lie closer than it tells apart */
    float *shares;   /* [H][key][query]: probabilities */
} ball_watch;

ball_watch ball_watch_make(const vit158_model *model);
void ball_watch_free(ball_watch *watch);

/* vit158_observer's function; wants all sites. */
void ball_watch_see(void *watch, const vit158_sight *sight);

/* A bound of every magnitude since ball_watch_make, partial sums included: where it is below the
 * largest float, nothing has overflowed. */
double ball_watch_largest(void);

#endif
