/* SPDX-License-Identifier: MIT
 *
 * Recipes: text files of `key = value` lines that say all of a training run. Unknown keys, repeated
 * keys and values out of range are refused; models/recipes/README.md lists every key.
 */
#ifndef VIT158_TRAIN_TRAIN_RECIPE_H
#define VIT158_TRAIN_TRAIN_RECIPE_H

#include <stdio.h>

#include "train/augment.h"
#include "train/net.h"

#define VIT158_TRAIN_RECIPE_TEXT 480

typedef struct vit158_train_recipe {
    char name[VIT158_TRAIN_RECIPE_TEXT];
    char train_data[VIT158_TRAIN_RECIPE_TEXT], val_data[VIT158_TRAIN_RECIPE_TEXT];
    char cache_dir[VIT158_TRAIN_RECIPE_TEXT];
    char labels[VIT158_TRAIN_RECIPE_TEXT];
    char init[VIT158_TRAIN_RECIPE_TEXT], teacher[VIT158_TRAIN_RECIPE_TEXT];
    uint32_t val_every; /* every n-th image of train_data is validation, if val_data is empty */
    vit158_train_net_config net;
    float mean[3], std[3];
    float epochs, minutes;
    bool processor_clock; /* minutes are processor time / threads, else wall time */
    uint32_t gradient_bits;
    uint32_t float_bits;
    uint32_t batch, microbatch, threads;
    bool deterministic;
    uint32_t slots; /* of deterministic runs */
    uint64_t seed;
    bool mimetic;   /* initial values; else normal */
    bool muon, wsd; /* else AdamW, cosine */
    float lr, muon_lr, final_lr;
    float weight_decay, muon_weight_decay, decay_until;
    float beta1, beta2, muon_beta;
    uint32_t warmup_steps;
    float cooldown, finish_minutes;
    uint32_t patience; /* validations without a gain; 0 = the whole schedule */
    float clip, ema, label_smoothing;
    float teacher_weight, temperature;
    float hint_tokens, hint_attention;
    uint32_t teacher_epochs; /* 0 = new images in every epoch */
    uint32_t teacher_shift;  /* pixels; 0 = teachers and student see the same images */
    char teacher_answers[VIT158_TRAIN_RECIPE_TEXT];
    float drop_path;
    float keep_tokens, keep_tokens_until;
    float augment_until, mix_until;
    vit158_train_augment augment;
    float eval_minutes, checkpoint_minutes;
    char licence[VIT158_TRAIN_RECIPE_TEXT], dataset[VIT158_TRAIN_RECIPE_TEXT];
} vit158_train_recipe;

/* Whether a teacher shows its blocks, too. */
static inline bool vit158_train_hinted(const vit158_train_recipe *recipe)
{
    return recipe->hint_tokens > 0.0F || recipe->hint_attention > 0.0F;
}

void vit158_train_recipe_defaults(vit158_train_recipe *recipe);

/* One setting; `where` starts the error sentence ("cifar10.recipe:12", "--set"). */
vit158_status vit158_train_recipe_set(vit158_train_recipe *recipe, const char *key,
                                      const char *value, const char *where, vit158_error *error);

vit158_status vit158_train_recipe_parse(vit158_train_recipe *recipe, const char *text,
                                        const char *name, vit158_error *error);

/* Checks that settings fit each other. */
vit158_status vit158_train_recipe_check(const vit158_train_recipe *recipe, vit158_error *error);

/* Every key with its value, in the order of the table, and its meaning. */
void vit158_train_recipe_print(const vit158_train_recipe *recipe, FILE *out);

#endif
