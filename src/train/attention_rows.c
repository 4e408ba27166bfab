/* SPDX-License-Identifier: MIT
 *
 * Attention of one image and its backward in float, head by head: scores = q k / sqrt(d / H),
 * softmax over keys, sum over values (METHODS.md 1.1). Probabilities are saved for the backward.
 */
#include <string.h>

#include "train/isa.h"
#include "train/vec.h"

typedef struct head_view {
    uint32_t n, nq, width; /* tokens, queries, d / H */
    size_t ld, padded;     /* 3d, tokens rounded up to 16 */
    const float *q, *k, *v;
    float *p;
    float factor;
} head_view;

static head_view view(const vit158_train_attention *a, uint32_t head)
{
    head_view h = {.n = a->n_tokens, .nq = a->n_queries, .width = a->dim / a->heads};
    h.ld = (size_t)3 * a->dim;
    h.padded = vit158_train_round_up(a->n_tokens, 16);
    h.q = a->qkv + (size_t)head * h.width;
    h.k = h.q + a->dim;
    h.v = h.k + a->dim;
    h.p = a->p + (size_t)head * h.nq * h.padded;
    h.factor = 1.0F / __builtin_sqrtf((float)h.width);
    return h;
}

/* to [width][padded] = x transposed, zero beyond n. */
static void transpose(float *to, const float *x, const head_view *h)
{
    for (uint32_t t = 0; t < h->n; t++)
        for (uint32_t i = 0; i < h->width; i++)
            to[i * h->padded + t] = x[t * h->ld + i];
    for (uint32_t i = 0; i < h->width; i++)
        for (size_t t = h->n; t < h->padded; t++)
            to[i * h->padded + t] = 0.0F;
}

/* y [nq][padded] = factor * rows of a (stride lda) times b [width][padded]. */
static void scores(float *y, const float *a, size_t lda, const float *b, float factor,
                   const head_view *h)
{
    const vit158_train_product p = {.y = y,
                                    .ldy = h->padded,
                                    .a = a,
                                    .a_row = lda,
                                    .a_step = 1,
                                    .b = b,
                                    .ldb = h->padded,
                                    .rows = h->nq,
                                    .cols = (uint32_t)h->padded,
                                    .depth = h->width,
                                    .factor = factor};
    ISA(product)(&p);
}

static void softmax_row(float *x, const head_view *h)
{
    for (size_t i = h->n; i < h->padded; i++)
        x[i] = -1e30F;
    vf most = vf_set(-1e30F);
    for (size_t i = 0; i < h->padded; i += VIT158_TRAIN_LANES)
        most = vf_max(most, vf_load(x + i));
    const vf top = vf_set(vf_largest(most));
    vf total = vf_set(0.0F);
    for (size_t i = 0; i < h->padded; i += VIT158_TRAIN_LANES) {
        const vf e = vf_exp(vf_load(x + i) - top);
        vf_store(x + i, e);
        total += e;
    }
    for (size_t i = h->n; i < h->padded; i++)
        x[i] = 0.0F;
    const float inverse = 1.0F / vf_sum(total);
    for (size_t i = 0; i < h->padded; i += VIT158_TRAIN_LANES)
        vf_store(x + i, vf_load(x + i) * inverse);
}

void ISA(attention)(const vit158_train_attention *a)
{
    for (uint32_t head = 0; head < a->heads; head++) {
        const head_view h = view(a, head);
        float *keys = a->scratch;
        transpose(keys, h.k, &h);
        scores(h.p, h.q, h.ld, keys, h.factor, &h);
        for (uint32_t t = 0; t < h.nq; t++)
            softmax_row(h.p + t * h.padded, &h);
        const vit158_train_product sum = {.y = a->out + (size_t)head * h.width,
                                          .ldy = a->dim,
                                          .a = h.p,
                                          .a_row = h.padded,
                                          .a_step = 1,
                                          .b = h.v,
                                          .ldb = h.ld,
                                          .rows = h.nq,
                                          .cols = h.width,
                                          .depth = h.n,
                                          .factor = 1.0F};
        ISA(product)(&sum);
    }
}

/* dp becomes ds = p (dp - sum p dp) factor. */
static void softmax_row_gradient(float *dp, const float *p, const head_view *h)
{
    vf dot = vf_set(0.0F);
    for (size_t i = 0; i < h->padded; i += VIT158_TRAIN_LANES)
        dot += vf_load(dp + i) * vf_load(p + i);
    const vf mean = vf_set(vf_sum(dot));
    for (size_t i = 0; i < h->padded; i += VIT158_TRAIN_LANES)
        vf_store(dp + i, vf_load(p + i) * (vf_load(dp + i) - mean) * h->factor);
}

/* ds += that of taught_factor * KL(taught || p). */
static void divergence_gradient(float *ds, const vit158_train_attention *a, uint32_t head,
                                const head_view *h)
{
    const size_t count = h->nq * h->padded;
    const float *taught = a->taught + head * count;
    const vf factor = vf_set(a->taught_factor * h->factor);
    for (size_t i = 0; i < count; i += VIT158_TRAIN_LANES)
        vf_store(ds + i, vf_load(ds + i) + (vf_load(h->p + i) - vf_load(taught + i)) * factor);
}

static void head_gradient(const vit158_train_attention *a, uint32_t head)
{
    const head_view h = view(a, head);
    const float *dout = a->dout + (size_t)head * h.width;
    float *values = a->scratch, *ds = values + h.width * h.padded;
    float *dq = a->dqkv + (size_t)head * h.width, *dk = dq + a->dim, *dv = dk + a->dim;
    /* dv = p^T dout */
    vit158_train_product p = {.y = dv,
                              .ldy = h.ld,
                              .a = h.p,
                              .a_row = 1,
                              .a_step = h.padded,
                              .b = dout,
                              .ldb = a->dim,
                              .rows = h.n,
                              .cols = h.width,
                              .depth = h.nq,
                              .factor = 1.0F};
    ISA(product)(&p);
    transpose(values, h.v, &h);
    scores(ds, dout, a->dim, values, 1.0F, &h);
    for (uint32_t t = 0; t < h.nq; t++)
        softmax_row_gradient(ds + t * h.padded, h.p + t * h.padded, &h);
    if (a->taught != NULL)
        divergence_gradient(ds, a, head, &h);
    /* dq = ds k */
    p = (vit158_train_product){.y = dq,
                               .ldy = h.ld,
                               .a = ds,
                               .a_row = h.padded,
                               .a_step = 1,
                               .b = h.k,
                               .ldb = h.ld,
                               .rows = h.nq,
                               .cols = h.width,
                               .depth = h.n,
                               .factor = 1.0F};
    ISA(product)(&p);
    for (uint32_t t = h.nq; t < h.n; t++)
        memset(dq + t * h.ld, 0, h.width * sizeof *dq);
    /* dk = ds^T q */
    p = (vit158_train_product){.y = dk,
                               .ldy = h.ld,
                               .a = ds,
                               .a_row = 1,
                               .a_step = h.padded,
                               .b = h.q,
                               .ldb = h.ld,
                               .rows = h.n,
                               .cols = h.width,
                               .depth = h.nq,
                               .factor = 1.0F};
    ISA(product)(&p);
}

void ISA(attention_gradient)(const vit158_train_attention *a)
{
    for (uint32_t head = 0; head < a->heads; head++)
        head_gradient(a, head);
}
