/* SPDX-License-Identifier: MIT
 *
 * What tokens are worth: how much the float network's answer depends on each one's stream. The
 * measure is the length of the gradient of log p(y) with respect to it, y an answer drawn from the
 * network's own softmax p, whose square is the trace of Fisher's information in that stream. Images
 * have no labels here. METHODS.md 2.2.
 */
#ifndef VIT158_COMPRESS_WORTH_H
#define VIT158_COMPRESS_WORTH_H

#include "base/parallel.h"
#include "model/model.h"
#include "vit158.h"

/* worth [depth + 1][images][tokens]: of the streams in front of each block and, last, behind all
 * of them, for `images` streams [stride] behind the embeddings from `streams` on. The mean over an
 * image's tokens is 1. Errors: VIT158_E_MEMORY. */
vit158_status vit158_token_worth(float *worth, const vit158_model *model, const float *streams,
                                 size_t stride, uint32_t images, vit158_pool *pool,
                                 vit158_error *error);

#endif
