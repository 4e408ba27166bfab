/* SPDX-License-Identifier: MIT
 *
 * Parameters from files of the trainer.
 */
#ifndef VIT158_TRAIN_TENSORS_READ_H
#define VIT158_TRAIN_TENSORS_READ_H

#include "model/safetensors.h"
#include "train/net.h"

/* All tensors of the network, under their names with `prefix` before them, into `out`.
 * Errors: those of vit158_safetensors_get_f32. */
vit158_status vit158_train_tensors_read(float *out, const vit158_train_net *net,
                                        const vit158_safetensors *file, const char *prefix,
                                        vit158_error *error);

#endif
