/* SPDX-License-Identifier: MIT
 *
 * Losses of one image's logits, with their gradient.
 *
 *   (1 - k) CE(target, softmax(z)) + k t^2 KL(softmax(zT / t) || softmax(z / t))
 *
 * The target is a distribution (label smoothing and mixed images are already in it); the second
 * term (METHODS.md 4.1, KD logits) is there if teacher logits are given.
 */
#ifndef VIT158_TRAIN_LOSS_H
#define VIT158_TRAIN_LOSS_H

#include <stdint.h>

typedef struct vit158_train_loss {
    const float *logits;  /* [classes] */
    const float *target;  /* [classes], sums to 1 */
    const float *teacher; /* [classes] or NULL */
    uint32_t classes;
    float teacher_weight; /* k */
    float temperature;    /* t */
} vit158_train_loss;

/* Returns the loss; gradient = scale * d loss / d logits. */
double vit158_train_loss_gradient(float *gradient, const vit158_train_loss *loss, float scale);

/* Cross-entropy of one label. */
double vit158_train_cross_entropy(const float *logits, uint32_t classes, uint32_t label);
/* Index of the largest logit, the lowest if several are equal. */
uint32_t vit158_train_largest_logit(const float *logits, uint32_t classes);

#endif
