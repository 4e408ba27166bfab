/* SPDX-License-Identifier: MIT
 *
 * METHODS.md 1.1-1.2 once more, in the plainest way: token-major, double precision, one loop a
 * formula. Shares nothing with the engine but the model struct and the trit layout.
 */
#ifndef VIT158_TESTS_NAIVE_FORWARD_H
#define VIT158_TESTS_NAIVE_FORWARD_H

#include "model/model.h"
#include "vit158_observe.h"

/* Like vit158_observer, with values [tokens][rows] in double precision, which may be changed; of
 * the sight only site, layer, block, head, rows and tokens are set. */
typedef struct naive_observer {
    void (*see)(void *context, const vit158_sight *sight, double *values);
    void *context;
} naive_observer;

typedef struct naive_result {
    double *logits;                 /* [C] */
    double *embedding;              /* [d] */
    double *attention;              /* [L][H][N] of the class token, or the mean of the patches' */
    double *rollout;                /* [N] */
    const naive_observer *observer; /* or NULL */
    const uint32_t *merges;         /* [L] tokens that a block's merge takes away; NULL: none */
} naive_result;

/* `tensor` is [channels][S][S]; the caller owns the arrays of `out`. */
void naive_forward(const vit158_model *model, const float *tensor, const naive_result *out);

#endif
