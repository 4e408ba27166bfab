/* SPDX-License-Identifier: MIT
 *
 * Runs that start from a model: a float ViT, a ternary one (latent or packed) or an int8 one, of
 * another image size, other classes, other norms, more or fewer blocks.
 */
#ifndef VIT158_TRAIN_START_H
#define VIT158_TRAIN_START_H

#include "train/trainer.h"

/* What was taken, and what is new. */
typedef struct vit158_train_start {
    bool same;                /* computes what the model does, but for rounding and norms' eps */
    uint32_t blocks_taken;    /* the model's first ones */
    uint32_t blocks_left;     /* the model's others */
    uint32_t blocks_new;      /* add next to nothing to the tokens at first */
    uint32_t grid_from, grid; /* patches a side; positions are resized if they differ */
    bool head_new;            /* other classes, by number or name */
    bool pixels_folded;       /* the model's mean and std, where the recipe has others, went into
                                 the patch weights */
    uint32_t norms_moved;     /* from before a quantizer to within, or back: equal up to eps */
    uint32_t norms_new;       /* weight 1 and bias 0 where the model has none */
    uint32_t norms_lost;      /* that the recipe has no place for */
    bool rounded;             /* float weights that were not trained to be ternary */
} vit158_train_start;

/* Parameters of a model file into the trainer's, and into its average. A network with ternary
 * weights takes of packed ones code * scale / (share of codes that are not 0), whose absmean and
 * codes are the model's; one with float weights takes code * scale of packed and of latent ones, so
 * that it begins with what the model knows. Checkpoints and convolutional networks must have the
 * trainer's geometry. `start` may be NULL.
 * Errors: VIT158_E_METADATA (another width, patch size and the like), and those of
 * vit158_safetensors_open, vit158_layout_geometry and vit158_encodings_read. */
vit158_status vit158_train_start_from(vit158_train_start *start, vit158_trainer *trainer,
                                      const char *path, vit158_error *error);

/* A few lines for people. */
void vit158_train_start_print(const vit158_train_start *start, const char *path, FILE *out);

#endif
