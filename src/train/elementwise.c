/* SPDX-License-Identifier: MIT
 *
 * Whole-array operations: column sums, AdamW, averages; and the table of this instruction set.
 */
#include "train/isa.h"
#include "train/vec.h"

void ISA(column_sums)(float *y, const float *x, size_t ldx, uint32_t rows, uint32_t cols,
                      float factor)
{
    for (uint32_t t = 0; t < rows; t++)
        for (uint32_t c = 0; c < cols; c++)
            y[c] += factor * x[t * ldx + c];
}

static void adamw(float *w, const float *g, float *m, float *v, size_t count,
                  const vit158_train_adamw *how)
{
    const float keep = 1.0F - how->lr * how->decay;
    for (size_t i = 0; i < count; i++) {
        m[i] = how->beta1 * m[i] + (1.0F - how->beta1) * g[i];
        v[i] = how->beta2 * v[i] + (1.0F - how->beta2) * (g[i] * g[i]);
        const float size = __builtin_sqrtf(v[i] * how->correct2) + how->eps;
        w[i] = w[i] * keep - how->lr * ((m[i] * how->correct1) / size);
    }
}

static void blend(float *y, const float *x, size_t count, float factor)
{
    for (size_t i = 0; i < count; i++)
        y[i] += factor * (x[i] - y[i]);
}

static void combine(float *y, const float *x, size_t count, float a, float b)
{
    for (size_t i = 0; i < count; i++)
        y[i] = a * y[i] + b * x[i];
}

static double sum_of_squares(const float *x, size_t count)
{
    double total = 0.0;
    size_t i = 0;
    while (i + VIT158_TRAIN_LANES <= count) {
        vf sum = vf_set(0.0F);
        for (uint32_t n = 0; n < 64 && i + VIT158_TRAIN_LANES <= count;
             n++, i += VIT158_TRAIN_LANES)
            sum += vf_load(x + i) * vf_load(x + i);
        total += (double)vf_sum(sum);
    }
    for (; i < count; i++)
        total += (double)x[i] * (double)x[i];
    return total;
}

#if defined(__AVX512BF16__)
#define HALF_PRODUCT ISA(half_product)
#else
#define HALF_PRODUCT NULL
#endif

#define VIT158_TRAIN_TEXT_(x) #x
#define VIT158_TRAIN_TEXT(x) VIT158_TRAIN_TEXT_(x)

const vit158_train_compute ISA(compute) = {
    .name = VIT158_TRAIN_TEXT(VIT158_TRAIN_ISA),
    .narrow_gradients = VIT158_TRAIN_NARROW_GRADIENTS,
    .product = ISA(product),
    .half_product = HALF_PRODUCT,
    .pack = ISA(pack),
    .pack_trits = ISA(pack_trits),
    .trit_product = ISA(trit_product),
    .trit_gradient = ISA(trit_gradient),
    .norm_rows = ISA(norm_rows),
    .norm_gradient = ISA(norm_gradient),
    .attention = ISA(attention),
    .attention_gradient = ISA(attention_gradient),
    .column_sums = ISA(column_sums),
    .adamw = adamw,
    .blend = blend,
    .combine = combine,
    .sum_of_squares = sum_of_squares,
};
