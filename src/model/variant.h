/* SPDX-License-Identifier: MIT
 *
 * What a model computes beyond the plain Vision Transformer of FORMAT.md: other pooling, tokens
 * before the patches, another activation, more or fewer norms. Metadata keys say it, except for
 * norms, which exist where their tensors do.
 */
#ifndef VIT158_MODEL_VARIANT_H
#define VIT158_MODEL_VARIANT_H

#include <stdbool.h>

#include "model/header.h"

#define VIT158_MAX_PREFIX 64U

typedef enum vit158_pooling {
    VIT158_POOLING_CLS, /* the first tokens */
    VIT158_POOLING_AVG  /* the mean of the patches */
} vit158_pooling;

typedef enum vit158_activation {
    VIT158_ACTIVATION_GELU,
    VIT158_ACTIVATION_GELU_TANH,
    VIT158_ACTIVATION_QUICK_GELU
} vit158_activation;

typedef struct vit158_variant {
    vit158_pooling pooling;
    vit158_activation activation;
    uint32_t prefix_tokens; /* before the patches: class token, distillation token, registers */
    uint32_t head_tokens;   /* tokens that the head takes side by side; 1 if they are averaged */
    bool headless;          /* no classes: the result is the embedding */
    bool inner_rms;         /* inner norms are RMSNorms: no mean, no bias */
    /* By the tensors: */
    bool norm_pre;        /* a norm before the first block */
    bool final_norm;      /* a norm of tokens after the last block */
    bool fc_norm;         /* a norm of the patches' mean */
    uint32_t inner_norms; /* bit i: matrix i (VIT158_QKV .. VIT158_FC2) of every block has one */
} vit158_variant;

#define VIT158_ALL_INNER_NORMS 15U

/* Reads what metadata says; the norms are left to the reader of the tensors.
 * Errors: VIT158_E_UNSUPPORTED for a value that is not known, VIT158_E_METADATA, VIT158_E_LIMIT. */
vit158_status vit158_variant_read(vit158_variant *out, const vit158_header *header,
                                  vit158_error *error);

/* Whether it is a file of format version 1, whose readers would ignore whatever is newer. */
bool vit158_is_version_1(const vit158_header *header);

/* Metadata values of the enumerations; static storage. */
const char *vit158_pooling_name(vit158_pooling pooling);
const char *vit158_activation_name(vit158_activation activation);

/* For code that computes the plain network only: the first thing it would get wrong, to follow "the
 * model ", or NULL. A missing head counts only with `needs_head`. Static storage. */
const char *vit158_variant_beyond_plain(const vit158_variant *variant, bool needs_head);

/* Values of the embedding: what the head multiplies. */
static inline uint32_t vit158_variant_embedding(const vit158_variant *variant, uint32_t dim)
{
    return variant->head_tokens * dim;
}

#endif
