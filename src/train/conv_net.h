/* SPDX-License-Identifier: MIT
 *
 * A small residual convolutional network, made to teach: on small sets of images it learns in
 * minutes what a transformer needs hours for, and of all teachers those of another kind help a
 * transformer most (DeiT, Touvron 2021).
 *
 * Patches give a grid of d / 4 channels (a product, as in a ViT); three stages of `depth` residual
 * units follow, x + conv(act(conv(act(x)))), of d / 4, d / 2 and d channels. Between two stages a
 * convolution of act(x) doubles the channels and the largest of 2 x 2 neighbours stays. act is
 * GELU, then LayerNorm over a place's channels; every convolution is 3 x 3 with zeros around. The
 * mean over places goes to the final norm and the head.
 *
 * Matrices of activations have a row of channels for each place: (image, y, x).
 */
#ifndef VIT158_TRAIN_CONV_NET_H
#define VIT158_TRAIN_CONV_NET_H

#include "train/workspace.h"

#define VIT158_TRAIN_CONV_STAGES 3U
#define VIT158_TRAIN_CONV_WINDOW 9U /* places that a convolution sees */

typedef enum vit158_train_conv_role {
    VIT158_TRAIN_CONV_WIDEN,  /* between stages */
    VIT158_TRAIN_CONV_FIRST,  /* of a unit */
    VIT158_TRAIN_CONV_SECOND, /* of a unit; x is added */
} vit158_train_conv_role;

struct vit158_train_conv {
    vit158_train_conv_role role;
    uint32_t side; /* of its grid */
    vit158_train_layer
        layer; /* n_in, n_out channels; weight [n_out][3][3][n_in]; norm of its input */
};

/* What a convolution saves for the backward pass. */
typedef struct vit158_train_saved_conv {
    const float *x; /* [rows][n_in] before act, where it was made */
    float *y;       /* [rows][n_in] after it */
    float *stats;   /* [rows][4] */
    float *out;     /* [rows][n_out] */
    float *pooled;  /* [rows / 4][n_out], of VIT158_TRAIN_CONV_WIDEN */
} vit158_train_saved_conv;

/* One worker's memory. */
struct vit158_train_conv_workspace {
    float *stem; /* [rows][d / 4] */
    vit158_train_saved_conv *saved;
    float *columns, *d_columns; /* what each output place sees, [rows of a chunk][9 n_in] */
    float *operands;
    float *g, *g2, *middle; /* gradients, [rows][channels] of any stage */
};

#endif
