/* SPDX-License-Identifier: MIT
 *
 * One layer of a pruning: which inputs of proj (heads) or fc2 (channels) go, and what the others'
 * weights become.
 */
#ifndef VIT158_COMPRESS_PRUNE_LAYER_H
#define VIT158_COMPRESS_PRUNE_LAYER_H

#include "compress/layer_round.h"
#include "compress/prune.h"

/* What stays of a hidden width is a multiple of this: what the trainer's products take. */
#define VIT158_PRUNE_UNIT 16U

/* What leaving out each further head of a block costs, [heads], in shares of the variance of the
 * stream that attention adds to, so that blocks compare; in the order in which heads would go.
 * Errors: VIT158_E_MEMORY, VIT158_E_NUMERIC. */
vit158_status vit158_prune_head_costs(double *costs, vit158_layer_at *at,
                                      const vit158_prune_settings *settings, vit158_error *error);

/* Takes from proj or fc2 (at->kind) as many inputs as `block` says and makes the quantizer's
 * student use the result. `changed`: whether the student differs already, so that a layer which
 * keeps all inputs is fitted too; set if this one does. Errors: as above. */
vit158_status vit158_prune_layer(vit158_pruned_block *block, vit158_layer_at *at,
                                 const vit158_prune_settings *settings, bool *changed,
                                 vit158_error *error);

#endif
