/* SPDX-License-Identifier: MIT */
#include "predict/top_k.h"

#include "base/numerics.h"

/* Inserts class `index` into the `count` best so far, kept in order; drops the worst past k. */
static uint32_t insert(vit158_prediction *best, uint32_t count, uint32_t k, uint32_t index,
                       float logit)
{
    if (count == k && logit <= best[k - 1].score)
        return count;
    uint32_t at = count < k ? count : k - 1;
    for (; at > 0 && logit > best[at - 1].score; at--)
        best[at] = best[at - 1];
    best[at] = (vit158_prediction){.index = index, .score = logit};
    return count < k ? count + 1 : k;
}

uint32_t vit158_top_k(vit158_prediction *out, uint32_t k, const float *logits, uint32_t n)
{
    if (k == 0 || n == 0)
        return 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++)
        count = insert(out, count, k, i, logits[i]); /* score holds the logit for now */
    const float largest = out[0].score;
    double total = 0.0;
    for (uint32_t i = 0; i < n; i++)
        total += (double)vit158_exp(logits[i] - largest);
    for (uint32_t i = 0; i < count; i++)
        out[i].score = (float)((double)vit158_exp(out[i].score - largest) / total);
    return count;
}
