/* SPDX-License-Identifier: MIT
 *
 * The head alone, on a backbone that stays as it is: every image goes through the blocks a few
 * times (as it is, then augmented), and the head is a regression on what came out.
 */
#ifndef VIT158_TRAIN_HEAD_FIT_H
#define VIT158_TRAIN_HEAD_FIT_H

#include "train/trainer.h"

/* Outputs of the final norm, and whose they are. */
typedef struct vit158_train_embeddings {
    uint32_t count, dim;
    float *rows;      /* [count][dim] and spare rows as products want them; owned */
    uint16_t *labels; /* [count]; owned */
} vit158_train_embeddings;

/* `copies` of every training image, the first as it is, others augmented as the recipe says; none
 * mixed. `stop` as in vit158_train_run_options, may be NULL; what is embedded then is incomplete.
 * Errors: VIT158_E_MEMORY. */
vit158_status vit158_train_embed(vit158_train_embeddings *out, vit158_trainer *trainer,
                                 uint32_t copies, const volatile int *stop, vit158_error *error);
void vit158_train_embeddings_free(vit158_train_embeddings *embeddings);

/* Head weights and bias of trainer->parameters by multinomial regression with the recipe's label
 * smoothing, in `epochs` passes; the average takes them over. The result does not depend on
 * threads. Returns the share of embeddings that the head is right about.
 * Errors: VIT158_E_MEMORY. */
vit158_status vit158_train_head_fit(double *accuracy, vit158_trainer *trainer,
                                    const vit158_train_embeddings *embeddings, uint32_t epochs,
                                    vit158_error *error);

#endif
