/* SPDX-License-Identifier: MIT
 *
 * Alternating search of quantizer steps (METHODS.md 2.6): one step after the other takes the best
 * of equally spaced candidates around its start, until nothing gets better.
 */
#ifndef VIT158_COMPRESS_STEP_SEARCH_H
#define VIT158_COMPRESS_STEP_SEARCH_H

#include <stdint.h>

/* Steps of one search: a layer's weights (queries, keys, values apart) and its input. */
#define VIT158_SEARCHED_STEPS 4U
#define VIT158_SEARCH_ROUNDS 20U

/* What is to be as large as possible, for given steps. */
typedef double (*vit158_step_objective)(void *context, const float *steps);

typedef struct vit158_step_search {
    vit158_step_objective objective;
    void *context;
    uint32_t count;      /* steps, 1 to VIT158_SEARCHED_STEPS */
    uint32_t candidates; /* of each step and round, at least 2 */
    double from, to;     /* they lie at so many times the start */
    double least;        /* a round that gains less is the last */
} vit158_step_search;

/* `steps` [count] are the start and become the result. history [VIT158_SEARCH_ROUNDS + 1] or NULL
 * gets the objective at the start and after each round, which never falls. Returns the rounds. */
uint32_t vit158_search_steps(float *steps, double *history, const vit158_step_search *search);

#endif
