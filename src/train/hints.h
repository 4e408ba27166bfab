/* SPDX-License-Identifier: MIT
 *
 * Hints: beside its logits a teacher of the student's shape shows what its blocks give and where
 * they look (METHODS.md 4.1; Romero et al. 2015 for the former, Sun et al. 2020, MobileBERT, for
 * both without a projection). Teacher and student see the same patches.
 *
 * Tokens: over the outputs of all blocks but the last, whose class token the logits speak for, the
 * mean of (student - teacher)^2 / v, v = the teacher's variance in that channel over the
 * microbatch, plus a tenth of the channels' mean: streams have a few channels far larger than all
 * others. Attention: the mean over blocks, heads and queries of KL(teacher || student). Both are
 * means over the batch's images as well.
 */
#ifndef VIT158_TRAIN_HINTS_H
#define VIT158_TRAIN_HINTS_H

#include "train/pass.h"

/* What a pass's backward takes hints from; v is taken as constant. */
typedef struct vit158_train_hints {
    const vit158_train_workspace *teacher; /* after its forward pass over the same patches, with the
                                         streams and attentions of all blocks saved */
    float tokens, attention;               /* weights; 0 = none */
    uint32_t batch;                        /* images a step */
    float *channels;                       /* scratch, [d] */
} vit158_train_hints;

/* Share of the loss of a block's output and attention. The gradient for its output is added to
 * workspace->g, which holds that of the rest of the loss. */
double vit158_train_hint(const vit158_train_pass *pass, uint32_t block);

/* What the gradient of each score gets for a difference of probabilities of 1 in that block. */
float vit158_train_hint_attention(const vit158_train_pass *pass, uint32_t queries);

#endif
