/* SPDX-License-Identifier: MIT */
#include "compress/step_search.h"

#include <stddef.h>

/* The grid is looked at in strides, then every candidate around the best of these. */
#define STRIDE 5U

typedef struct search_state {
    const vit158_step_search *search;
    float *steps;
    double best;
} search_state;

/* Keeps candidate `index` of step `which` if it is better than what there is. */
static int try_candidate(search_state *s, uint32_t which, float start, uint32_t index)
{
    const vit158_step_search *const search = s->search;
    const double share = (double)index / (search->candidates - 1);
    const float before = s->steps[which];
    s->steps[which] = start * (float)(search->from + (search->to - search->from) * share);
    const double value = search->objective(search->context, s->steps);
    if (value > s->best) {
        s->best = value;
        return 1;
    }
    s->steps[which] = before;
    return 0;
}

static void search_one(search_state *s, uint32_t which, float start)
{
    const uint32_t last = s->search->candidates - 1;
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < last; i += STRIDE)
        if (try_candidate(s, which, start, i))
            best = i;
    if (try_candidate(s, which, start, last))
        best = last;
    if (best == UINT32_MAX)
        return;
    const uint32_t low = best < STRIDE ? 0 : best - STRIDE + 1;
    const uint32_t high = best + STRIDE > last ? last : best + STRIDE - 1;
    for (uint32_t i = low; i <= high; i++)
        if (i != best)
            try_candidate(s, which, start, i);
}

uint32_t vit158_search_steps(float *steps, double *history, const vit158_step_search *search)
{
    float start[VIT158_SEARCHED_STEPS];
    for (uint32_t i = 0; i < search->count; i++)
        start[i] = steps[i];
    search_state s = {search, steps, search->objective(search->context, steps)};
    if (history != NULL)
        history[0] = s.best;
    for (uint32_t round = 1; round <= VIT158_SEARCH_ROUNDS; round++) {
        const double before = s.best;
        for (uint32_t i = 0; i < search->count; i++)
            search_one(&s, i, start[i]);
        if (history != NULL)
            history[round] = s.best;
        if (s.best - before < search->least)
            return round;
    }
    return VIT158_SEARCH_ROUNDS;
}
