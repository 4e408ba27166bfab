/* SPDX-License-Identifier: MIT
 *
 * Rounds the matrices of a model's blocks one after the other: a layer's moments come from the
 * calibration images' streams in the network as far as it is rounded, its target from the float
 * network, and its outputs are rounded row by row. Tokens count by what they are worth to the
 * answer. Images have no labels here.
 */
#ifndef VIT158_COMPRESS_QUANTIZER_H
#define VIT158_COMPRESS_QUANTIZER_H

#include "base/parallel.h"
#include "compress/activation_range.h"
#include "compress/moments.h"
#include "compress/round_row.h"
#include "compress/shadow.h"

typedef enum vit158_rounding_method {
    VIT158_METHOD_RTN,        /* the largest weight is the largest level */
    VIT158_METHOD_MSE,        /* scales of least squared error of the weights */
    VIT158_METHOD_PERCENTILE, /* 99.9 % of an output's weights lie within its largest level */
    VIT158_METHOD_GPTQ,       /* error-compensated, matched to the float network */
    VIT158_METHOD_PTQ_VIT     /* steps by similarity and ranking (ptq_run.h) */
} vit158_rounding_method;

typedef struct vit158_quantizer_settings {
    vit158_rounding_method method;
    float damping;   /* of H, in means of its diagonal */
    float ridge;     /* of the target, likewise; 0 = the float weights are the target */
    bool free_bias;  /* biases take up the mean of what is left; with VIT158_METHOD_GPTQ */
    uint32_t passes; /* of refit and improvement */
    bool half_scales;
    bool static_steps; /* inputs are rounded by one step a layer, stored in the file */
    vit158_step_rule step_rule;
    uint32_t updates; /* REM: of each matrix's latent weights after it is rounded (layer_train.h) */
    float rate;       /* of these, as in latent.h */
} vit158_quantizer_settings;

vit158_quantizer_settings vit158_quantizer_defaults(void);

/* One rounded matrix. */
typedef struct vit158_rounded {
    uint32_t n_in, n_out;
    uint8_t *rows;         /* [n_out] ternary rows of each output, 0 = int8; given */
    uint8_t *chosen;       /* [n_out][n_in] level of each weight, in the order of inputs */
    vit158_levels *levels; /* [n_out] */
    double *error;         /* [n_out] (w - w^)^T H (w - w^) */
    float *bias;           /* [n_out] that takes the model's place; NULL = it does not */
    float step;            /* of the inputs; 0 = one a token; 1 until it is calibrated */
    /* Of all outputs W x against the float ones, on the layer's own inputs, as the moments weigh
     * them: Pearson's correlation, <y^, y> / <y, y>, and |y^ - y|^2 / |y|^2. */
    double pearson, gain, loss;
    double seconds;
} vit158_rounded;

/* Residual streams of the calibration images. */
typedef struct vit158_streams {
    uint32_t images;
    size_t stride; /* floats of one image */
    float *values; /* owned */
} vit158_streams;

vit158_status vit158_streams_create(vit158_streams *streams, const vit158_model *model,
                                    uint32_t images, vit158_error *error);
void vit158_streams_free(vit158_streams *streams);

typedef struct vit158_quantizer {
    vit158_quantizer_settings settings;
    const vit158_model *model; /* the float one */
    vit158_pool *pool;
    vit158_shadow teacher, student;
    vit158_streams known, rounded;  /* of teacher and student */
    uint32_t learned;               /* the first so many images calibrate, the rest only pass */
    vit158_shadow_workspace *works; /* [pool->workers] */
    float *batch_x, *batch_f;       /* inputs of a batch of images */
    float *batch_e;                 /* what the student's streams of these lack */
    vit158_rounded *matrices;       /* [depth * 4] */
    /* [depth + 1][learned][tokens] square roots of what tokens are worth (worth.h); NULL for
     * VIT158_METHOD_PTQ_VIT, which weighs none. */
    float *factors;
} vit158_quantizer;

/* Teacher and student are the float model and one with the same matrices, whose embedding and head
 * may be rounded; `known` and `rounded` are the images' streams behind their embeddings, of which
 * copies are made; with `takes_streams` they become the quantizer's instead and are left empty.
 * Every matrix starts with `rows` rows an output. Models, settings and pool must outlive the
 * quantizer. */
typedef struct vit158_quantizer_start {
    const vit158_model *teacher, *student;
    vit158_streams *known, *rounded;
    bool takes_streams;
    uint32_t learned; /* the first so many images calibrate, the others are only carried along */
    uint32_t rows;
    vit158_quantizer_settings settings;
    vit158_pool *pool;
} vit158_quantizer_start;

vit158_status vit158_quantizer_create(vit158_quantizer *q, const vit158_quantizer_start *start,
                                      vit158_error *error);
void vit158_quantizer_free(vit158_quantizer *q);

/* Called after each matrix; non-zero stops. */
typedef int (*vit158_quantizer_hook)(void *context, uint32_t done, uint32_t total);

/* Rounds all matrices. Errors: VIT158_E_MEMORY, VIT158_E_NUMERIC, VIT158_E_ABORTED. */
vit158_status vit158_quantizer_run(vit158_quantizer *q, vit158_quantizer_hook hook, void *context,
                                   vit158_error *error);

/* Rounds matrix `index` of [depth * 4], whose turn it is. Errors: as vit158_quantizer_run. */
vit158_status vit158_quantizer_layer(vit158_quantizer *q, uint32_t index, vit158_error *error);

/* Values [n_out][n_in] of a rounded matrix (rounded.c). */
void vit158_rounded_values(float *values, const vit158_rounded *matrix);

#endif
