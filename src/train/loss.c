/* SPDX-License-Identifier: MIT */
#include "train/loss.h"

#include <math.h>
#include <stddef.h>

/* log of the sum of exp(z / t), and the maximum taken out. */
static double log_total(const float *z, uint32_t n, double t)
{
    double most = z[0];
    for (uint32_t i = 1; i < n; i++)
        most = z[i] > most ? z[i] : most;
    double total = 0.0;
    for (uint32_t i = 0; i < n; i++)
        total += exp((z[i] - most) / t);
    return most / t + log(total);
}

double vit158_train_loss_gradient(float *gradient, const vit158_train_loss *l, float scale)
{
    const double k = l->teacher != NULL ? l->teacher_weight : 0.0, t = l->temperature;
    const double total = log_total(l->logits, l->classes, 1.0);
    double loss = 0.0;
    for (uint32_t i = 0; i < l->classes; i++) {
        const double log_p = l->logits[i] - total;
        loss -= (1.0 - k) * l->target[i] * log_p;
        gradient[i] = (float)(scale * (1.0 - k) * (exp(log_p) - l->target[i]));
    }
    if (k == 0.0)
        return loss;
    const double soft = log_total(l->logits, l->classes, t);
    const double soft_teacher = log_total(l->teacher, l->classes, t);
    for (uint32_t i = 0; i < l->classes; i++) {
        const double log_p = l->logits[i] / t - soft, log_q = l->teacher[i] / t - soft_teacher;
        loss += k * t * t * exp(log_q) * (log_q - log_p);
        gradient[i] += (float)(scale * k * t * (exp(log_p) - exp(log_q)));
    }
    return loss;
}

double vit158_train_cross_entropy(const float *logits, uint32_t classes, uint32_t label)
{
    return log_total(logits, classes, 1.0) - logits[label];
}

uint32_t vit158_train_largest_logit(const float *logits, uint32_t classes)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < classes; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}
