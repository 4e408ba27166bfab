/* SPDX-License-Identifier: MIT
 *
 * The card beside a fine-tuned model: what it knows, how well, and how it was made.
 */
#ifndef VIT158_CLI_FINETUNE_CARD_H
#define VIT158_CLI_FINETUNE_CARD_H

#include "cli/finetune_judge.h"

typedef struct vit158_card {
    const char *model;   /* path of the file */
    const char *folder;  /* learned from */
    const char *base;    /* started from; NULL = random weights */
    const char *command; /* how it was made */
    const char *work;    /* folder of recipes and logs */
    double stages[3];    /* accuracy of head, float and ternary on held-out images, < 0 = none */
    const vit158_judgement *held; /* every tenth training image */
    const vit158_judgement *val;  /* NULL = none */
} vit158_card;

/* Writes `path`. Errors: VIT158_E_IO, VIT158_E_MEMORY. */
vit158_status vit158_card_write(const char *path, const vit158_card *card, vit158_error *error);

#endif
