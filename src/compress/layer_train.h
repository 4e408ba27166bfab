/* SPDX-License-Identifier: MIT
 *
 * REM (METHODS.md 3.1), the layer by layer form of MREM: latent weights of one matrix trained to
 * min |W f - W^ x|^2 over all calibration tokens, x its inputs in the rounded network and f in the
 * float one. With the moments of both the gradient over all tokens is W^ H - W C, so every update
 * sees all data. Each output ends as the best that it has been.
 */
#ifndef VIT158_COMPRESS_LAYER_TRAIN_H
#define VIT158_COMPRESS_LAYER_TRAIN_H

#include "compress/layer_round.h"

/* settings.updates of them, of a matrix that is rounded; the student uses the result. The moments
 * have C. Errors: VIT158_E_MEMORY. */
vit158_status vit158_layer_train(const vit158_layer_at *at, const vit158_moments *moments,
                                 vit158_error *error);

#endif
