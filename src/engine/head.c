/* SPDX-License-Identifier: MIT
 *
 * The embedding, from the first tokens or from the mean of the patches, with the norms that the
 * model has for them; then the linear head, if there is one: a matrix-vector product, each output
 * summed in the order of the float product in kernels.h, four outputs side by side.
 */
#include "base/numerics.h"
#include "engine/linear.h"
#include "engine/steps.h"
#include "engine/watch.h"

#define SIDE_BY_SIDE 4U

/* out[j] = row j of w (stride d) times x, for j < SIDE_BY_SIDE. */
static void dot_rows(float out[SIDE_BY_SIDE], const float *w, const float *x, uint32_t d)
{
    const float *w1 = w + d;
    const float *w2 = w1 + d;
    const float *w3 = w2 + d;
    float s0 = 0.0F, s1 = 0.0F, s2 = 0.0F, s3 = 0.0F;
    for (uint32_t c = 0; c < d; c++) {
        s0 += w[c] * x[c];
        s1 += w1[c] * x[c];
        s2 += w2[c] * x[c];
        s3 += w3[c] * x[c];
    }
    out[0] = s0;
    out[1] = s1;
    out[2] = s2;
    out[3] = s3;
}

static float dot_row(const float *w, const float *x, uint32_t d)
{
    float sum = 0.0F;
    for (uint32_t c = 0; c < d; c++)
        sum += w[c] * x[c];
    return sum;
}

/* Total of a row's values `first` to `end` times their sizes, striped as kernels.h has it. */
static float total_of(const float *row, const float *sizes, uint32_t first, uint32_t end)
{
    float lanes[4] = {0};
    for (uint32_t t = first; t < end; t++)
        lanes[(t - first) % 4] += sizes[t] * row[t];
    return vit158_striped_total(lanes);
}

/* The tokens that are read, normalised where the model has a norm for them. */
static const float *read_tokens(const vit158_forward *f)
{
    const vit158_model *m = f->model;
    if (m->norm.weight == NULL)
        return f->x;
    vit158_normalise(f, f->normed, f->x, m->norm, m->info.dim, f->program.head_tokens);
    return f->normed;
}

/* The first tokens, one after the other. */
static void take_tokens(const vit158_forward *f)
{
    const uint32_t d = f->model->info.dim;
    const float *x = read_tokens(f);
    for (uint32_t t = 0; t < f->program.head_tokens; t++)
        for (uint32_t c = 0; c < d; c++)
            f->embedding[(size_t)t * d + c] = x[(size_t)c * f->ld + t];
}

/* The mean of the patches, normalised if the model does; a token counts as often as it stands for
 * one. */
static void average_tokens(const vit158_forward *f)
{
    const vit158_model *m = f->model;
    const uint32_t d = m->info.dim;
    const uint32_t prefix = m->info.prefix_tokens;
    const float patches = (float)(m->info.tokens - prefix);
    const float *x = read_tokens(f);
    float *mean = f->wide; /* [d][ld], of which column 0 counts */
    for (uint32_t c = 0; c < d; c++)
        mean[(size_t)c * f->ld] =
            total_of(x + (size_t)c * f->ld, f->sizes, prefix, f->program.head_tokens) / patches;
    if (m->fc_norm.weight != NULL) {
        vit158_normalise(f, f->normed, mean, m->fc_norm, d, 1);
        mean = f->normed;
    }
    for (uint32_t c = 0; c < d; c++)
        f->embedding[c] = mean[(size_t)c * f->ld];
}

void vit158_head(vit158_forward *f, const vit158_step *step)
{
    const vit158_model *m = f->model;
    const uint32_t n_in = m->info.embedding;
    const uint32_t n_classes = m->info.classes;
    if (m->variant.pooling == VIT158_POOLING_AVG)
        average_tokens(f);
    else
        take_tokens(f);
    if (m->head.weight == NULL)
        return;
    vit158_watch_layer(f, VIT158_SITE_INPUT, &m->head, f->embedding, step->tokens_out, 1);

    const float *weight = m->head.weight;
    const uint32_t whole = n_classes - n_classes % SIDE_BY_SIDE;
    for (uint32_t o = 0; o < whole; o += SIDE_BY_SIDE)
        dot_rows(f->logits + o, weight + (size_t)o * n_in, f->embedding, n_in);
    for (uint32_t o = whole; o < n_classes; o++)
        f->logits[o] = dot_row(weight + (size_t)o * n_in, f->embedding, n_in);
    if (m->head.bias != NULL)
        for (uint32_t o = 0; o < n_classes; o++)
            f->logits[o] += m->head.bias[o];
    vit158_watch_layer(f, VIT158_SITE_OUTPUT, &m->head, f->logits, step->tokens_out, 1);
}
