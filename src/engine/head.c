/* SPDX-License-Identifier: MIT
 *
 * Final LayerNorm of the class token, then the linear head: for one token a matrix-vector product,
 * each output summed in the order of the float product in kernels.h, four outputs side by side.
 */
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

void vit158_head(vit158_forward *f, const vit158_step *step)
{
    const vit158_model *m = f->model;
    const uint32_t d = m->info.dim;
    const uint32_t n_classes = m->info.classes;
    const vit158_linear plain = {.encoding = VIT158_ENCODING_F32,
                                 .layer = VIT158_LAYER_HEAD,
                                 .block = VIT158_NO_BLOCK,
                                 .n_in = d};
    const vit158_prepared normed =
        vit158_linear_prepare(f, &plain, m->norm, f->x, step->tokens_out);
    for (uint32_t c = 0; c < d; c++)
        f->embedding[c] = normed.x[(size_t)c * f->ld];

    const float *weight = m->head.weight;
    const uint32_t whole = n_classes - n_classes % SIDE_BY_SIDE;
    for (uint32_t o = 0; o < whole; o += SIDE_BY_SIDE)
        dot_rows(f->logits + o, weight + (size_t)o * d, f->embedding, d);
    for (uint32_t o = whole; o < n_classes; o++)
        f->logits[o] = dot_row(weight + (size_t)o * d, f->embedding, d);
    if (m->head.bias != NULL)
        for (uint32_t o = 0; o < n_classes; o++)
            f->logits[o] += m->head.bias[o];
    vit158_watch_layer(f, VIT158_SITE_OUTPUT, &m->head, f->logits, step->tokens_out, 1);
}
