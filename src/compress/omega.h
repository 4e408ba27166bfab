/* SPDX-License-Identifier: MIT
 *
 * What a module loses at so many bits, by Liu et al. 2021 (METHODS.md 2.7): the nuclear norm of
 * what it gives, which says how much is in it, times the squared error of its quantized twin. A
 * module's output is its attention map, or what the MLP adds to the residual stream.
 */
#ifndef VIT158_COMPRESS_OMEGA_H
#define VIT158_COMPRESS_OMEGA_H

#include "compress/ptq_simulate.h"

#define VIT158_LEAST_BITS 4U
#define VIT158_BIT_CHOICES 5U /* 4 .. 8, of weights and inputs alike */

typedef struct vit158_omega {
    double nuclear; /* mean over images, and heads of attention */
    double error[VIT158_BIT_CHOICES];
} vit158_omega;

/* What the module accounts for at VIT158_LEAST_BITS + choice bits. */
static inline double vit158_omega_of(const vit158_omega *omega, uint32_t choice)
{
    return omega->nuclear * omega->error[choice];
}

/* out [depth][VIT158_PTQ_MODULES]. `known` are streams of the float network behind its embedding,
 * of which the first `images` are used; `ptq` is spent. Errors: those of capturing and searching,
 * and VIT158_E_ABORTED. */
vit158_status vit158_omega_measure(vit158_omega *out, vit158_ptq *ptq, const vit158_model *model,
                                   const vit158_streams *known, uint32_t images, vit158_pool *pool,
                                   vit158_quantizer_hook hook, void *context, vit158_error *error);

#endif
