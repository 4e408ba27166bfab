/* SPDX-License-Identifier: MIT
 *
 * Post-training quantization for Vision Transformers (Liu et al. 2021, arXiv 2106.14156; METHODS.md
 * 2.6): the steps of every product of a block by similarity and ranking, biases that take up the
 * mean error, and the network that all this makes, to be run by a session with an observer.
 */
#ifndef VIT158_COMPRESS_PTQ_VIT_H
#define VIT158_COMPRESS_PTQ_VIT_H

#include "compress/ptq_product.h"

/* Modules of a block: attention (qkv, proj, both products) and MLP (fc1, fc2). */
enum { VIT158_PTQ_ATTENTION, VIT158_PTQ_MLP, VIT158_PTQ_MODULES };

/* What was found for one product. */
typedef struct vit158_ptq_found {
    uint32_t count, rounds;                 /* steps, rounds of their search */
    float steps[VIT158_SEARCHED_STEPS];     /* weights' (of qkv three), then the input's */
    vit158_ptq_terms first, last;           /* on calibration images by first and final steps */
    vit158_ptq_terms held_first, held_last; /* likewise on held-out ones; zeros without */
} vit158_ptq_found;

typedef struct vit158_ptq_block {
    uint32_t weight_bits[VIT158_PTQ_MODULES], input_bits[VIT158_PTQ_MODULES];
    vit158_ptq_found products[VIT158_PTQ_PRODUCTS];
} vit158_ptq_block;

typedef struct vit158_ptq {
    vit158_ptq_settings settings;
    vit158_ptq_block *blocks; /* [depth] */
    vit158_model model;       /* with quantized weights and corrected biases; a view into the one it
                               * came from and into `memory`, not to be closed */
    float *memory;
} vit158_ptq;

/* Starts from the float matrices of `model`, which must outlive it.
 * Errors: VIT158_E_UNSUPPORTED (matrices that are packed), VIT158_E_MEMORY. */
vit158_status vit158_ptq_create(vit158_ptq *ptq, const vit158_model *model,
                                const vit158_ptq_settings *settings, vit158_error *error);
void vit158_ptq_free(vit158_ptq *ptq);

/* Finds the steps of a block at the bits its entry has, and gives the model its quantized weights
 * and biases. `held` NULL: nothing is measured on held-out images. Both captures are at `block`, of
 * the float network. Errors: VIT158_E_MEMORY. */
vit158_status vit158_ptq_find_block(vit158_ptq *ptq, const vit158_capture *capture,
                                    const vit158_capture *held, uint32_t block,
                                    vit158_error *error);

/* The module that a product is in. */
static inline uint32_t vit158_ptq_module_of(uint32_t kind)
{
    return kind == VIT158_FC1 || kind == VIT158_FC2 ? VIT158_PTQ_MLP : VIT158_PTQ_ATTENTION;
}

/* Step of the weights of output `o` of a matrix, and of its input (0: one a token). */
float vit158_ptq_weight_step(const vit158_ptq *ptq, uint32_t block, uint32_t kind, uint32_t o);
float vit158_ptq_input_step(const vit158_ptq *ptq, uint32_t block, uint32_t kind);

#endif
