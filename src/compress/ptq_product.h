/* SPDX-License-Identifier: MIT
 *
 * The products of a block as the search for steps sees them: an operand or two, the float outputs
 * of captured images, and how near the outputs of quantized operands come (METHODS.md 2.6).
 */
#ifndef VIT158_COMPRESS_PTQ_PRODUCT_H
#define VIT158_COMPRESS_PTQ_PRODUCT_H

#include "compress/capture.h"
#include "compress/similarity.h"
#include "compress/step_search.h"

typedef enum vit158_ranking_kind {
    VIT158_RANKING_OFF,
    VIT158_RANKING_MEAN,      /* mean over pairs */
    VIT158_RANKING_SUM,       /* sum, as published */
    VIT158_RANKING_DEVIATIONS /* mean over pairs, theta in standard deviations of a row */
} vit158_ranking_kind;

typedef struct vit158_ptq_settings {
    uint32_t weight_bits, input_bits; /* 4 .. 8; of all modules unless they are chosen */
    bool by_token;                    /* operands but weights have a step a token, not searched */
    bool search;                      /* else steps of the largest value: the baseline */
    bool correct_bias;
    vit158_ranking_kind ranking;
    double gamma, theta;
    uint32_t candidates;
    double from, to;
    uint32_t images; /* at most so many calibrate */
} vit158_ptq_settings;

/* Bits 8, steps for a whole tensor, search with mean ranking loss and bias correction. */
vit158_ptq_settings vit158_ptq_defaults(void);

/* The products: the four matrices by their number, then those of attention. */
enum {
    VIT158_PTQ_SCORES = VIT158_BLOCK_LINEARS, /* q . k, steps q, k */
    VIT158_PTQ_VALUES,                        /* probabilities . v, steps p, v */
    VIT158_PTQ_PRODUCTS
};

typedef struct vit158_ptq_terms {
    double pearson; /* mean over images, and parts of qkv */
    double gain;
    double ranking; /* L_rank; 0 where no scores are */
    double tau;     /* Kendall's, of rows of scores; 1 where there are none */
} vit158_ptq_terms;

typedef struct vit158_ptq_product {
    const vit158_capture *capture;
    const vit158_ptq_settings *settings;
    const vit158_linear *linear; /* NULL for attention's */
    uint32_t kind, parts, steps; /* steps that are searched */
    uint32_t weight_bits, input_bits;
    uint32_t n_out; /* rows of the output; 0 of scores, whose place is `scores` */
    float *weight;  /* [n_out][n_in] quantized by weight_steps */
    float weight_steps[3];
    float *expected; /* [images][n_out][lds] */
    float *scores;   /* [images][H * sampled][lds]; NULL without */
    float *scratch;  /* [workers][scratch_floats] */
    size_t scratch_floats;
    vit158_ptq_terms *terms; /* [images] */
    const float *now;        /* steps being measured */
} vit158_ptq_product;

/* Of the captured block `block`. Errors: VIT158_E_MEMORY. */
vit158_status vit158_ptq_product_create(vit158_ptq_product *p, const vit158_capture *capture,
                                        uint32_t block, uint32_t kind,
                                        const vit158_ptq_settings *settings, uint32_t weight_bits,
                                        uint32_t input_bits, vit158_error *error);
void vit158_ptq_product_free(vit158_ptq_product *p);

/* Steps at which the largest value is the largest level, [p->steps]. */
void vit158_ptq_first_steps(const vit158_ptq_product *p, float *steps);

/* What the steps give, over all images. */
vit158_ptq_terms vit158_ptq_measure(vit158_ptq_product *p, const float *steps);

/* Searches from `steps`; with settings->search false nothing changes. Returns the rounds. */
uint32_t vit158_ptq_search(vit158_ptq_product *p, float *steps, double *history);

/* y [rows][ld] = x with every column quantized by its own largest magnitude; `low_zero`: x is not
 * negative and has twice the levels. */
void vit158_ptq_round_columns(float *y, const float *x, uint32_t rows, uint32_t columns, size_t ld,
                              uint32_t bits, bool low_zero);

#endif
