/* SPDX-License-Identifier: MIT
 *
 * Initial values after Trockman and Kolter, "Mimetic initialization of self-attention layers"
 * (2023): a query resembles the key of its own token, the projection undoes the value, and
 * positions are waves, so that attention begins among neighbours and small data sets need not teach
 * it to. Theirs are products near +-identity by an SVD; ours share random matrices between the two
 * factors, which rounding to {-1, 0, +1} keeps.
 */
#include <math.h>
#include <string.h>

#include "train/net.h"

/* Waves of 2.0 down to 0.2 radians a patch. */
#define FASTEST 2.0F
#define SLOWEST 0.2F
#define AMPLITUDE 0.5F
/* Score that a token gives itself before the softmax. */
#define OWN_SCORE 4.0F
/* Of the deviation of ordinary initial values: such scores come half from weights, half from norms;
 * larger weights also keep what they begin with for longer. */
#define WEIGHT_GAIN 3.0F
/* Of projections: what undoes the value, and what is left of the random values. */
#define UNDO 0.7F
#define RANDOM 0.7F

static void set_positions(const vit158_train_net *net, float *pos)
{
    const uint32_t d = net->config.dim, waves = d / 4;
    const uint32_t grid = net->config.image_size / net->config.patch_size;
    for (uint32_t token = 1; token < net->tokens; token++) {
        const float at[2] = {(float)((token - 1) % grid), (float)((token - 1) / grid)};
        for (uint32_t i = 0; i < waves; i++) {
            const float share = waves > 1 ? (float)i / (float)(waves - 1) : 0.0F;
            const float rate = FASTEST * powf(SLOWEST / FASTEST, share);
            float *to = pos + (size_t)token * d + (size_t)4 * i;
            for (int axis = 0; axis < 2; axis++) {
                to[2 * axis] = AMPLITUDE * sinf(rate * at[axis]);
                to[2 * axis + 1] = AMPLITUDE * cosf(rate * at[axis]);
            }
        }
    }
}

/* What rounding leaves of the square of a normal value: (absmean)^2 times the share of +-1. */
static float remaining_energy(const vit158_train_net *net)
{
    const float absmean = 0.798F, share = 0.69F;
    return net->config.ternary ? absmean * absmean * share : 1.0F;
}

static void set_attention(const vit158_train_net *net, const vit158_train_net_block *block,
                          float *parameters)
{
    const vit158_train_net_config *c = &net->config;
    const vit158_train_layer *qkv = &block->layers[VIT158_QKV];
    const size_t d = c->dim, area = d * d;
    float *q = parameters + qkv->weight, *k = q + area, *v = k + area;
    float *proj = parameters + block->layers[VIT158_PROJ].weight;
    memcpy(k, q, area * sizeof *k);
    double energy = 0.0;
    for (size_t i = 0; i < 3 * area; i++) {
        q[i] *= WEIGHT_GAIN;
        energy += (double)q[i] * q[i];
    }
    for (size_t o = 0; o < d; o++)
        for (size_t i = 0; i < d; i++)
            proj[o * d + i] = RANDOM * proj[o * d + i] - UNDO / WEIGHT_GAIN * v[i * d + o];
    /* Normed tokens have a squared length of d, heads d / heads rows: the score is
     * gain^2 * sqrt(d / heads) * d * variance. */
    const float variance = (float)(energy / (3.0 * (double)area)) * remaining_energy(net);
    const float score = sqrtf((float)d / (float)c->heads) * (float)d * variance;
    const size_t norm =
        qkv->norm_weight == VIT158_TRAIN_NO_TENSOR ? block->norm1_weight : qkv->norm_weight;
    if (norm == VIT158_TRAIN_NO_TENSOR)
        return;
    for (size_t i = 0; i < d; i++)
        parameters[norm + i] = sqrtf(OWN_SCORE / score);
}

void vit158_train_net_mimetic(const vit158_train_net *net, float *parameters)
{
    set_positions(net, parameters + net->pos);
    for (uint32_t b = 0; b < net->config.depth; b++)
        set_attention(net, &net->blocks[b], parameters);
}
