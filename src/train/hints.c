/* SPDX-License-Identifier: MIT */
#include "train/hints.h"

#include <math.h>

#define FLOOR 0.1F /* of the mean variance of the channels */
#define TINY 1e-12F

/* channels[c] = 1 / v; x: [rows][d]. */
static void inverse_variances(float *channels, const float *x, uint32_t rows, uint32_t d)
{
    double total = 0.0;
    for (uint32_t c = 0; c < d; c++) {
        double sum = 0.0, squares = 0.0;
        for (uint32_t t = 0; t < rows; t++) {
            const double v = (double)x[(size_t)t * d + c];
            sum += v;
            squares += v * v;
        }
        const double mean = sum / rows, variance = squares / rows - mean * mean;
        channels[c] = variance > 0.0 ? (float)variance : 0.0F;
        total += (double)channels[c];
    }
    const float floor = FLOOR * (float)(total / d) + TINY;
    for (uint32_t c = 0; c < d; c++)
        channels[c] = 1.0F / (channels[c] + floor);
}

static double token_hint(const vit158_train_pass *pass, uint32_t block)
{
    const vit158_train_hints *h = pass->hints;
    const vit158_train_workspace *w = pass->workspace;
    const uint32_t d = pass->net->config.dim, rows = w->images * w->tokens;
    if (h->tokens == 0.0F || block + 1 == pass->net->config.depth)
        return 0.0;
    const float *student = w->blocks[block + 1].x, *teacher = h->teacher->blocks[block + 1].x;
    const double count = (double)(pass->net->config.depth - 1) * w->tokens * d * h->batch;
    const float factor = (float)((double)h->tokens / count);
    double loss = 0.0;
    inverse_variances(h->channels, teacher, rows, d);
    for (uint32_t t = 0; t < rows; t++)
        for (uint32_t c = 0; c < d; c++) {
            const size_t at = (size_t)t * d + c;
            const float far = student[at] - teacher[at], slope = factor * far * h->channels[c];
            loss += (double)(slope * far);
            w->g[at] += 2.0F * slope;
        }
    return loss;
}

float vit158_train_hint_attention(const vit158_train_pass *pass, uint32_t queries)
{
    const vit158_train_hints *h = pass->hints;
    const vit158_train_net_config *c = &pass->net->config;
    return h->attention / ((float)c->depth * (float)c->heads * (float)queries * (float)h->batch);
}

static double attention_hint(const vit158_train_pass *pass, uint32_t block)
{
    const vit158_train_hints *h = pass->hints;
    const vit158_train_workspace *w = pass->workspace;
    const vit158_train_net_config *c = &pass->net->config;
    const uint32_t queries = block + 1 == c->depth ? 1 : w->tokens;
    const uint32_t heads = vit158_train_shape(c, block).heads;
    const size_t padded = vit158_train_round_up(w->tokens, 16);
    const float *student = w->blocks[block].p, *teacher = h->teacher->blocks[block].p;
    double sum = 0.0;
    for (size_t row = 0; row < (size_t)w->images * heads * queries; row++)
        for (uint32_t k = 0; k < w->tokens; k++) {
            const double p = (double)teacher[row * padded + k] + (double)TINY;
            sum += p * log(p / ((double)student[row * padded + k] + (double)TINY));
        }
    return (double)vit158_train_hint_attention(pass, queries) * sum;
}

double vit158_train_hint(const vit158_train_pass *pass, uint32_t block)
{
    const double tokens = token_hint(pass, block);
    return pass->hints->attention > 0.0F ? tokens + attention_hint(pass, block) : tokens;
}
