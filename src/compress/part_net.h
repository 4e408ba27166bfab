/* SPDX-License-Identifier: MIT
 *
 * Consecutive blocks of a model as a network of the trainer, so that its passes run on them. The
 * part that has the last block ends in logits, any other one in the streams of all tokens.
 */
#ifndef VIT158_COMPRESS_PART_NET_H
#define VIT158_COMPRESS_PART_NET_H

#include "model/model.h"
#include "train/net.h"

/* Of blocks first .. end - 1; inputs of their layers are rounded to int8. */
vit158_train_net_config vit158_part_config(const vit158_model *model, uint32_t first, uint32_t end);

/* Fills the parameters of a network of that configuration with the model's, whose matrices must
 * be float. Embeddings stay as they are: no pass of a part reads them. */
void vit158_part_parameters(float *parameters, const vit158_train_net *net,
                            const vit158_model *model, uint32_t first);

#endif
